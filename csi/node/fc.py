"""Fibre Channel as sysfs shows it: this node's ports and the array ports that its fabric lets it see."""

import re

from csi.node.port import Host
from csi.node.scsi import Lane

_RPORT = re.compile(r"rport-(\d+):(\d+)-(\d+)")


def port_names(host: Host) -> tuple[str, ...]:
    """World wide names of this node's FC ports, 16 upper-case hex digits each, sorted."""
    names = (host.read(path) for path in host.glob("/sys/class/fc_host/host*/port_name"))
    return tuple(sorted({_digits(name).upper() for name in names if name and int(_digits(name), 16)}))


def lanes_to(host: Host, wwpn: str, lun: int) -> list[Lane]:
    """Where a LUN of array port `wwpn` (16 lower-case hex digits) appears: a lane for each own port that sees it."""
    found = []
    for path in host.glob("/sys/class/fc_remote_ports/rport-*"):
        matched = _RPORT.fullmatch(path.rpartition("/")[2])
        name, target = host.read(f"{path}/port_name"), host.read(f"{path}/scsi_target_id")
        online = host.read(f"{path}/port_state") == "Online"
        # A port that is no SCSI target has the id -1, printed as a signed or an unsigned number.
        is_target = target is not None and target.isdecimal() and int(target) < 0xFFFFFFFF
        if matched and online and is_target and name and _digits(name).lower() == wwpn:
            found.append(Lane(int(matched[1]), int(matched[2]), int(target or 0), lun))
    return found


def _digits(name: str) -> str:
    return name.removeprefix("0x").zfill(16)

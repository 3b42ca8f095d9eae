"""How iscsiadm prints sessions."""

from collections.abc import Sequence

from arraysim.host.iscsi import LOCAL_ADDRESS, Session
from arraysim.host.machine import Machine
from arraysim.host.scsi import kernel_lun


def session_line(session: Session) -> str:
    """`-m session`."""
    portal = session.portal
    return f"tcp: [{session.number}] {portal.address}:{portal.port},{portal.tpgt} {session.port.iqn} (non-flash)\n"


def session_tree(machine: Machine, sessions: Sequence[Session], level: int) -> str:
    """`-m session -P 1..3`."""
    lines = ["iSCSI Transport Class version 2.0-870", "version 2.1.8"] if level == 3 else []
    previous = ""
    for session in sorted(sessions, key=lambda session: session.port.iqn):
        portal = session.portal
        if session.port.iqn != previous:
            lines.append(f"Target: {session.port.iqn} (non-flash)")
            previous = session.port.iqn
        where = f"{portal.address}:{portal.port},{portal.tpgt}"
        lines += [f"\tCurrent Portal: {where}", f"\tPersistent Portal: {where}"]
        lines += _interface(machine, session)
        if level >= 2:
            lines += _settings(session)
        if level == 3:
            lines += _disks(machine, session)
    return "".join(line + "\n" for line in lines)


def _title(text: str, stars: int) -> list[str]:
    return ["\t\t" + "*" * stars, f"\t\t{text}", "\t\t" + "*" * stars]


def _interface(machine: Machine, session: Session) -> list[str]:
    connection = {"LOGGED_IN": "LOGGED IN", "FAILED": "TRANSPORT WAIT"}[session.state]
    internal = {"LOGGED_IN": "NO CHANGE", "FAILED": "REOPEN"}[session.state]
    return [
        *_title("Interface:", 10),
        "\t\tIface Name: default",
        "\t\tIface Transport: tcp",
        f"\t\tIface Initiatorname: {machine.initiator.name}",
        f"\t\tIface IPaddress: {LOCAL_ADDRESS}",
        "\t\tIface HWaddress: default",
        "\t\tIface Netdev: default",
        f"\t\tSID: {session.number}",
        f"\t\tiSCSI Connection State: {connection}",
        f"\t\tiSCSI Session State: {session.state}",
        f"\t\tInternal iscsid Session State: {internal}",
    ]


def _settings(session: Session) -> list[str]:
    settings = session.record.settings
    return [
        *_title("Timeouts:", 9),
        f"\t\tRecovery Timeout: {session.recovery_seconds:g}",
        f"\t\tTarget Reset Timeout: {settings['node.session.err_timeo.tgt_reset_timeout']}",
        f"\t\tLUN Reset Timeout: {settings['node.session.err_timeo.lu_reset_timeout']}",
        f"\t\tAbort Timeout: {settings['node.session.err_timeo.abort_timeout']}",
        *_title("CHAP:", 5),
        "\t\tusername: <empty>",
        "\t\tpassword: ********",
        "\t\tusername_in: <empty>",
        "\t\tpassword_in: ********",
        *_title("Negotiated iSCSI params:", 24),
        "\t\tHeaderDigest: None",
        "\t\tDataDigest: None",
        "\t\tMaxRecvDataSegmentLength: 262144",
        "\t\tMaxXmitDataSegmentLength: 65536",
        "\t\tFirstBurstLength: 65536",
        "\t\tMaxBurstLength: 262144",
        "\t\tImmediateData: Yes",
        "\t\tInitialR2T: Yes",
        "\t\tMaxOutstandingR2T: 1",
    ]


def _disks(machine: Machine, session: Session) -> list[str]:
    host_no = session.nexus.host_no
    lines = [*_title("Attached SCSI devices:", 24), f"\t\tHost Number: {host_no}\tState: running"]
    for disk in sorted(machine.midlayer.of(session.nexus), key=lambda disk: disk.lun):
        lines.append(f"\t\tscsi{host_no} Channel 00 Id 0 Lun: {kernel_lun(disk.lun)}")
        lines.append(f"\t\t\tAttached scsi disk {disk.name}\t\tState: {disk.nexus.transport}")
    return lines

"""A small scripted node: sysfs as real files under a folder, tools as Python functions, time that jumps.

It answers as open-iscsi 2.1, multipath-tools 0.9 and util-linux do, as far as the driver asks. Every command is kept in
`commands`, every sysfs write in `writes`.
"""

import json
import shutil
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from csi.node.host import LinuxHost
from csi.node.port import TIMED_OUT, Result, ToolFailed
from tests.unit.node.timing import JumpingClock

MIB = 1024 * 1024


@dataclass
class Unit:
    """A volume on the arrays: identity, size, what its device holds, and how its paths are."""

    wwn: str
    size_bytes: int = 64 * MIB
    fs_type: str = ""
    pt_type: str = ""
    usage: str = "filesystem"
    ambivalent: bool = False
    unnamed_data: bool = False
    unreadable: bool = False
    fsck_code: int = 0


@dataclass
class Session:
    number: int
    address: str
    iqn: str
    disks: dict[int, str] = field(default_factory=dict)


def page_83(wwn: str) -> bytes:
    """A Device Identification page like an array's: vendor text, the unit's NAA name, the port's relative id."""
    text = b"3PARdata-VV"
    naa = bytes.fromhex(wwn)
    body = bytes([2, 1, 0, len(text)]) + text + bytes([1, 3, 0, len(naa)]) + naa + bytes([0x51, 0x94, 0, 4, 0, 0, 0, 1])
    return bytes([0, 0x83]) + len(body).to_bytes(2, "big") + body


class World(LinuxHost):
    """The node and what its arrays export: `exports[address][lun]` is a Unit."""

    def __init__(self, folder: Path, clock: JumpingClock) -> None:
        self.folder = folder
        super().__init__(folder)
        self.clock = clock
        self.exports: dict[str, dict[int, Unit]] = {}
        self.dead: set[str] = set()
        self.ghosts: set[str] = set()
        self.hanging: dict[str, threading.Event] = {}
        self.commands: list[list[str]] = []
        self.writes: list[tuple[str, str]] = []
        self.node_records: dict[tuple[str, str], dict[str, str]] = {}
        self.sessions: dict[int, Session] = {}
        self.units: dict[str, Unit] = {}
        self.fc: dict[tuple[int, int, int], Unit] = {}
        self.known: set[str] = set()
        self.queueing: set[str] = set()
        self.busy_mounts: set[str] = set()
        self.open_maps: set[str] = set()
        self.multipathd_assembles = True
        self.fail_next: dict[str, Result] = {}
        self.answer: dict[str, Callable[[list[str], float], Result]] = {}
        self._numbers = iter(range(1, 10_000))
        self._lock = threading.RLock()
        self.put("/proc/1/mountinfo", "22 1 8:1 / / rw,relatime - ext4 /dev/vda1 rw\n")
        self.put(
            "/etc/iscsi/initiatorname.iscsi", "# made at installation\nInitiatorName=iqn.1993-08.org.debian:01:abc\n"
        )

    # -- files --------------------------------------------------------------------------------------------------------

    def put(self, path: str, content: str | bytes) -> None:
        file = Path(f"{self.folder}{path}")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)

    def drop(self, path: str) -> None:
        shutil.rmtree(f"{self.folder}{path}")

    def write(self, path: str, text: str, *, timeout_seconds: float = 10.0) -> None:
        self.writes.append((path, text))
        super().write(path, text, timeout_seconds=timeout_seconds)
        with self._lock:
            name = path.split("/")
            if path.endswith("/scan"):
                self._scan(int(name[4].removeprefix("host")), text)
            elif path.endswith("/delete"):
                self.remove_disk(name[3])
            elif path.endswith("/rescan") and name[3] in self.units:
                self._refresh(name[3])

    # -- the kernel ---------------------------------------------------------------------------------------------------

    def add_disk(self, session: Session, lun: int, unit: Unit) -> str:
        """The kernel finds a LUN behind a session (its host has the session's number)."""
        number = session.number
        address = f"{number}:0:0:{lun}"
        folder = f"/sys/devices/platform/host{number}/session{number}/target{number}:0:0/{address}"
        session.disks[lun] = self._add_disk(folder, address, unit)
        return session.disks[lun]

    def _add_disk(self, folder: str, address: str, unit: Unit) -> str:
        name = f"sd{chr(ord('a') + len(self.units) % 26)}{next(self._numbers)}"
        self.put(f"{folder}/rescan", "")
        self.put(f"{folder}/delete", "")
        self.put(f"{folder}/block/{name}/name", name)
        self.link(f"/sys/class/scsi_device/{address}/device", folder)
        self.link(f"/sys/block/{name}/device", folder)
        self.units[name] = unit
        self._refresh(name)
        self._assemble(unit.wwn)
        return name

    def link(self, path: str, to: str) -> None:
        file = Path(f"{self.folder}{path}")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.symlink_to(f"{self.folder}{to}")

    def remove_disk(self, name: str) -> None:
        unit = self.units.pop(name)
        folder = self.real(f"/sys/block/{name}/device")
        self.drop(folder)
        self.drop(f"/sys/class/scsi_device/{folder.rpartition('/')[2]}")
        for session in self.sessions.values():
            session.disks = {lun: disk for lun, disk in session.disks.items() if disk != name}
        self.drop(f"/sys/block/{name}")
        kernel = self.map_of(unit.wwn)
        if kernel and self.exists(f"/sys/block/{kernel}/slaves/{name}"):
            Path(f"{self.folder}/sys/block/{kernel}/slaves/{name}").unlink()

    def open_session(self, address: str, iqn: str) -> Session:
        number = next(self._numbers)
        session = self.sessions[number] = Session(number, address, iqn)
        self.put(f"/sys/class/iscsi_session/session{number}/targetname", f"{iqn}\n")
        self.put(f"/sys/class/iscsi_session/session{number}/state", "LOGGED_IN\n")
        self.put(f"/sys/class/iscsi_connection/connection{number}:0/persistent_address", f"{address}\n")
        self.put(f"/sys/class/iscsi_connection/connection{number}:0/persistent_port", "3260\n")
        self.put(f"/sys/devices/platform/host{number}/session{number}/uevent", "")
        self.link(f"/sys/class/iscsi_host/host{number}/device", f"/sys/devices/platform/host{number}")
        self.put(f"/sys/class/scsi_host/host{number}/scan", "")
        return session

    def _close_session(self, session: Session) -> None:
        for name in list(session.disks.values()):
            self.remove_disk(name)
        number = session.number
        del self.sessions[number]
        for path in (
            f"/sys/class/iscsi_session/session{number}",
            f"/sys/class/iscsi_connection/connection{number}:0",
            f"/sys/class/iscsi_host/host{number}",
            f"/sys/class/scsi_host/host{number}",
            f"/sys/devices/platform/host{number}",
        ):
            self.drop(path)

    def _scan(self, number: int, text: str) -> None:
        channel, target, lun_text = text.split()
        if number not in self.sessions:
            unit = self.fc.get((number, int(target), int(lun_text)))
            if unit is not None:
                folder = f"/sys/devices/pci0000:00/host{number}/rport-{number}:{channel}-{target}"
                address = f"{number}:{channel}:{target}:{lun_text}"
                self._add_disk(f"{folder}/target{number}:{channel}:{target}/{address}", address, unit)
            return
        session = self.sessions[number]
        lun = int(text.split()[2])
        unit = self.exports.get(session.address, {}).get(lun)
        if unit is not None and lun not in session.disks:
            self.add_disk(session, lun, unit)

    def _refresh(self, name: str) -> None:
        for session in self.sessions.values():
            for lun, disk in session.disks.items():
                if disk == name:
                    self.units[name] = self.exports.get(session.address, {}).get(lun, self.units[name])
        unit = self.units[name]
        self.put(f"/sys/block/{name}/device/vpd_pg83", page_83(unit.wwn))
        self.put(f"/sys/block/{name}/size", f"{unit.size_bytes // 512}\n")

    def map_of(self, wwn: str) -> str:
        for path in self.glob("/sys/block/dm-*/dm/uuid"):
            if self.read(path) == f"mpath-3{wwn}":
                return path.split("/")[3]
        return ""

    def _assemble(self, wwn: str) -> None:
        if wwn not in self.known or not self.multipathd_assembles:
            return
        kernel = self.map_of(wwn)
        disks = [name for name, unit in self.units.items() if unit.wwn == wwn]
        if not kernel:
            number = next(self._numbers)
            kernel = f"dm-{number}"
            self.put(f"/sys/block/{kernel}/dm/uuid", f"mpath-3{wwn}\n")
            self.put(f"/sys/block/{kernel}/dm/name", f"3{wwn}\n")
            self.put(f"/sys/block/{kernel}/dev", f"253:{number}\n")
            self.put(f"/sys/block/{kernel}/size", f"{self.units[disks[0]].size_bytes // 512}\n")
            self.queueing.add(f"3{wwn}")
        for name in disks:
            self.put(f"/sys/block/{kernel}/slaves/{name}", "")

    # -- mounts -------------------------------------------------------------------------------------------------------

    @property
    def mounted(self) -> list[list[str]]:
        return [line.split(" ") for line in (self.read("/proc/1/mountinfo") or "").splitlines()]

    def add_mount(self, point: str, number: str, *, root: str = "/", options: str = "rw,relatime") -> None:
        old = (self.read("/proc/1/mountinfo") or "") + "\n"
        fields = ["30", "22", number, root, point.replace(" ", "\\040"), options, "-", "any", "none", "rw"]
        self.put("/proc/1/mountinfo", old + " ".join(fields) + "\n")

    def _keep_mounts(self, rows: list[list[str]]) -> None:
        self.put("/proc/1/mountinfo", "".join(" ".join(row) + "\n" for row in rows))

    # -- tools --------------------------------------------------------------------------------------------------------

    def run(
        self, argv: Sequence[str], *, timeout_seconds: float, check: bool = True, hide: Collection[str] = ()
    ) -> Result:
        words = [str(word).removeprefix(str(self.folder)) for word in argv]
        words = [word.replace(f"={self.folder}/dev", "=/dev") for word in words]
        self.commands.append(words)
        result = self.fail_next.pop(words[0], None)
        if result is None:
            tool = words[0].replace(".", "_").replace("-", "_")
            run = self.answer.get(words[0]) or getattr(self, f"_run_{tool}")
            result = run(words[1:], timeout_seconds)
        if check and result.code:
            raise ToolFailed(f"{argv[0]}: {result.reason}")
        return result

    def ran(self, *start: str) -> list[list[str]]:
        """Commands that began with these words."""
        return [words for words in self.commands if words[: len(start)] == list(start)]

    def _run_iscsiadm(self, words: list[str], timeout_seconds: float) -> Result:
        iqn, portal, rest = words[3], words[5], words[6:]
        address, key = portal.rpartition(":")[0], (words[3], words[5])
        if rest == ["--login"] and (hang := self.hanging.get(address)):
            hang.wait(60)
        with self._lock:
            if rest[:2] == ["-o", "new"]:
                self.node_records[key] = {"node.startup": "automatic"}
                return done()
            if key not in self.node_records:
                return done(21, err="iscsiadm: No records found")
            if rest[:2] == ["-o", "update"]:
                self.node_records[key] |= dict(zip(rest[3::4], rest[5::4], strict=True))
            elif rest[:2] == ["-o", "delete"]:
                del self.node_records[key]
            elif rest == ["--login"]:
                return self._login(address, iqn)
            elif rest == ["--logout"]:
                for session in [one for one in self.sessions.values() if (one.address, one.iqn) == (address, iqn)]:
                    self._close_session(session)
            return done()

    def _login(self, address: str, iqn: str) -> Result:
        if address in self.dead or address not in self.exports:
            self.clock.seconds += 6
            return done(8, err="iscsiadm: initiator reported error (8 - connection timed out)")
        if any((one.address, one.iqn) == (address, iqn) for one in self.sessions.values()):
            return done(15, err="iscsiadm: session exists")
        self.open_session(address, iqn)
        return done()

    def _run_multipath(self, words: list[str], timeout_seconds: float) -> Result:
        wwid = words[1]
        if words[0] == "-a":
            self.known.add(wwid[1:])
        elif words[0] == "-w":
            self.known.discard(wwid[1:])
        elif words[0] == "-f":
            if wwid in self.open_maps or any(row[2] == self._number(wwid) for row in self.mounted):
                return done(1, err=f"{wwid}: map in use")
            if kernel := self.map_of(wwid[1:]):
                self.drop(f"/sys/block/{kernel}")
        return done()

    def _number(self, wwid: str) -> str | None:
        return self.read(f"/sys/block/{self.map_of(wwid[1:])}/dev")

    def _run_multipathd(self, words: list[str], timeout_seconds: float) -> Result:
        if words[0] == "disablequeueing":
            self.queueing.discard(words[2])
            return done(out="ok")
        if words[:2] == ["add", "path"]:
            self.multipathd_assembles = True
            self._assemble(self.units[words[2]].wwn)
            return done(out="ok")
        kernel = self.map_of(words[2][1:])
        if not kernel:
            return done(1, out="map or device not found")
        rows = []
        for slave in self.glob(f"/sys/block/{kernel}/slaves/*"):
            name = slave.rpartition("/")[2]
            address = next((one.address for one in self.sessions.values() if name in one.disks.values()), "")
            state = "faulty" if address in self.dead else "ghost" if address in self.ghosts else "ready"
            rows.append({"dev": name, "chk_st": state, "dm_st": "failed" if state == "faulty" else "active"})
        return done(out=json.dumps({"major_version": 0, "map": {"name": words[2], "path_groups": [{"paths": rows}]}}))

    def _unit(self, device: str) -> Unit:
        wwn = device.rpartition("/3")[2]
        return next(unit for unit in self.units.values() if unit.wwn == wwn)

    def _run_dd(self, words: list[str], timeout_seconds: float) -> Result:
        given = dict(word.split("=", 1) for word in words)
        unit = self._unit(given["if"])
        assert given["iflag"] == "direct"
        if unit.unreadable:
            return done(1, err="dd: error reading: Input/output error")
        length = int(given["bs"]) * int(given["count"])
        full = unit.fs_type or unit.pt_type or unit.unnamed_data or unit.ambivalent
        return Result(0, (b"\1" if full else b"\0") + bytes(length - 1), "")

    def _run_blkid(self, words: list[str], timeout_seconds: float) -> Result:
        unit = self._unit(words[-1])
        if unit.ambivalent:
            return done(8)
        if unit.fs_type:
            return done(out=f"DEVNAME={words[-1]}\nUUID=1-2\nTYPE={unit.fs_type}\nUSAGE={unit.usage}\n")
        return done(out=f"PTTYPE={unit.pt_type}\n") if unit.pt_type else done(2)

    def _run_mkfs_ext4(self, words: list[str], timeout_seconds: float) -> Result:
        self._unit(words[-1]).fs_type = "ext4"
        return done()

    def _run_mkfs_xfs(self, words: list[str], timeout_seconds: float) -> Result:
        self._unit(words[-1]).fs_type = "xfs"
        return done()

    def _run_e2fsck(self, words: list[str], timeout_seconds: float) -> Result:
        return done(self._unit(words[-1]).fsck_code)

    def _run_mount(self, words: list[str], timeout_seconds: float) -> Result:
        if words[:2] == ["-o", "remount,bind,ro"]:
            rows = self.mounted
            row = [row for row in rows if row[4] == words[2]][-1]
            row[5] = row[5].replace("rw", "ro", 1)
            self._keep_mounts(rows)
        elif words[0] == "--bind":
            if words[1].startswith("/dev/mapper/"):
                self.add_mount(words[2], "0:5", root=f"/{self.map_of(words[1].rpartition('/3')[2])}")
            else:
                source = [row for row in self.mounted if row[4] == words[1]][-1]
                self.add_mount(words[2], source[2], options=source[5])
        else:
            options = words[words.index("-o") + 1].split(",") if "-o" in words else []
            kept = "ro" if "ro" in options else "rw"
            self.add_mount(words[-1], self._number(words[-2].rpartition("/")[2]) or "?", options=kept)
        return done()

    def _run_umount(self, words: list[str], timeout_seconds: float) -> Result:
        if words[0] in self.busy_mounts:
            return done(32, err=f"umount: {words[0]}: target is busy.")
        device = [row[2] for row in self.mounted if row[4] == words[0]][-1]
        for name in self.queueing:
            if self._number(name) == device and self._all_dead(name[1:]):
                return done(TIMED_OUT)
        rows = self.mounted
        rows.remove([row for row in rows if row[4] == words[0]][-1])
        self._keep_mounts(rows)
        return done()

    def _all_dead(self, wwn: str) -> bool:
        homes = {
            one.address for one in self.sessions.values() for disk in one.disks.values() if self.units[disk].wwn == wwn
        }
        return bool(homes) and homes <= self.dead


def done(code: int = 0, *, out: str = "", err: str = "") -> Result:
    return Result(code, out.encode(), err)

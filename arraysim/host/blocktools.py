"""blkid, blockdev, dd, dmsetup, udevadm."""

import os
import re

from arraysim.host.call import Answer, Call, Options, ToolFailed, parse, say
from arraysim.host.machine import Device, Machine
from arraysim.host.maps import Map
from arraysim.host.scsi import SECTOR_BYTES
from arraysim.host.signature import Signature, probe

_NOT_FOUND, _AMBIVALENT = 2, 8
_SUFFIXES = {"": 1, "c": 1, "w": 2, "b": 512, "k": 1024, "K": 1024, "M": 2**20, "G": 2**30, "kB": 1000, "MB": 10**6}


# -- blkid -------------------------------------------------------------------------------------------------------------


def blkid(machine: Machine, call: Call) -> Answer:
    """blkid: exit code 2 for nothing found AND for a device that cannot be read, 8 for more than one finding."""
    options = parse(call.argv, "po:s:u:n:c:w:gklLO:S:iU:L:t:", usage=(4, "blkid: "))
    if not options.rest:
        if options.has("-p"):
            raise ToolFailed(4, "blkid: The low-level probing mode requires a device\n")
        return _all(machine, options)
    out, err, code = "", "", _NOT_FOUND
    for given in options.rest:
        device = machine.device(given, call.cwd)
        try:
            found = probe(device.read, device.size_bytes) if device is not None else []
        except OSError:
            found = []
        if len(found) > 1:
            if options.has("-p"):
                more = "ambivalent result (probably more filesystems on the device, use wipefs(8) to see more details)"
                err, code = err + f"blkid: {given}: {more}\n", _AMBIVALENT
        elif found:
            text = _tags_text(given, found[0], options)
            out, code = out + text, 0 if text or options.has("-s") else code
    return say(out, code=code, err=err)


def _all(machine: Machine, options: Options) -> Answer:
    out = ""
    for found in machine.multipathd.maps.values():
        device = Device(f"/dev/mapper/{found.alias}", machine, map=found)
        signatures = probe(device.read, device.size_bytes)
        if len(signatures) == 1:
            out += _tags_text(device.given, signatures[0], options)
    return say(out, code=0 if out else _NOT_FOUND)


def _tags_text(given: str, found: Signature, options: Options) -> str:
    tags = found.tags()
    if not options.has("-p"):
        tags = [(name, value) for name, value in tags if name not in ("VERSION", "USAGE")]
    wanted = options.values("-s")
    if wanted:
        tags = [(name, value) for name, value in tags if name in wanted]
    match options.value("-o"):
        case "value":
            return "".join(value + "\n" for _, value in tags)
        case "export":
            return f"DEVNAME={given}\n" + "".join(f"{name}={value}\n" for name, value in tags)
        case "udev":
            names = {"PTTYPE": "ID_PART_TABLE_TYPE"}
            return "".join(f"{names.get(name, f'ID_FS_{name}')}={value}\n" for name, value in tags)
        case "device":
            return f"{given}\n"
    return f"{given}: " + " ".join(f'{name}="{value}"' for name, value in tags) + "\n" if tags else ""


# -- blockdev ----------------------------------------------------------------------------------------------------------


def blockdev(machine: Machine, call: Call) -> Answer:
    """blockdev: any number of commands, then devices."""
    commands = [word for word in call.argv if word.startswith("-")]
    devices = [word for word in call.argv if not word.startswith("-")]
    if not commands or not devices:
        raise ToolFailed(1, "blockdev: not enough arguments\nTry 'blockdev --help' for more information.\n")
    out = ""
    for given in devices:
        device = machine.device(given, call.cwd)
        if device is None:
            raise ToolFailed(1, f"blockdev: cannot open {given}: No such file or directory\n", out)
        answers = {
            "--getsize64": str(device.size_bytes),
            "--getsz": str(device.size_bytes // SECTOR_BYTES),
            "--getsize": str(device.size_bytes // SECTOR_BYTES),
            "--getss": str(SECTOR_BYTES),
            "--getpbsz": str(SECTOR_BYTES),
            "--getbsz": "4096",
            "--getro": "0",
            "--getra": "256",
            "--getalignoff": "0",
            "--getiomin": str(SECTOR_BYTES),
            "--getioopt": "0",
        }
        for command in commands:
            if command in answers:
                out += answers[command] + "\n"
            elif command == "--rereadpt":
                raise ToolFailed(1, "blockdev: ioctl error on BLKRRPART: Invalid argument\n", out)
            elif command not in ("--flushbufs", "--setrw", "-v", "-q"):
                raise ToolFailed(1, f"blockdev: Unknown command: {command}\n", out)
    return say(out)


# -- dd ----------------------------------------------------------------------------------------------------------------


def dd(machine: Machine, call: Call) -> Answer:
    """dd between maps, disks, files and the launcher's own standard input and output."""
    words = dict(word.partition("=")[::2] for word in call.argv)
    unknown = words.keys() - {
        "if",
        "of",
        "bs",
        "ibs",
        "obs",
        "count",
        "skip",
        "seek",
        "iflag",
        "oflag",
        "conv",
        "status",
    }
    if unknown:
        raise ToolFailed(1, f"dd: unrecognized operand '{min(unknown)}'\nTry 'dd --help' for more information.\n")
    size = _number(words.get("bs") or words.get("ibs") or "512")
    count = _number(words["count"]) if "count" in words else None
    data = _take(machine, call, words, size, count)
    out = _give(machine, call, words, data, size)
    blocks, rest = divmod(len(data), size)
    records = f"{blocks}+{int(bool(rest))} records"
    rate = _human(len(data) * 1000, 1000, ("B", "kB", "MB", "GB", "TB"))
    report = f"{records} in\n{records} out\n{len(data)} bytes{_sizes(len(data))} copied, 0.001 s, {rate}/s\n"
    return Answer(0, out, b"" if words.get("status") == "none" else report.encode())


def _sizes(count: int) -> str:
    """The size once more in both kinds of unit, as dd adds it from 1000 bytes on."""
    if count < 1000:
        return ""
    decimal = _human(count, 1000, ("B", "kB", "MB", "GB", "TB"))
    return (
        f" ({decimal}, {_human(count, 1024, ('B', 'KiB', 'MiB', 'GiB', 'TiB'))})" if count >= 1024 else f" ({decimal})"
    )


def _human(count: int, step: int, units: tuple[str, ...]) -> str:
    value, place = float(count), 0
    while value >= step and place + 1 < len(units):
        value, place = value / step, place + 1
    return f"{value:.1f} {units[place]}" if place and value < 10 else f"{value:.0f} {units[place]}"


def _number(text: str) -> int:
    found = re.fullmatch(r"(\d+)([a-zA-Z]*)", text)
    if found is None or found[2] not in _SUFFIXES:
        raise ToolFailed(1, f"dd: invalid number: '{text}'\n")
    return int(found[1]) * _SUFFIXES[found[2]]


def _take(machine: Machine, call: Call, words: dict[str, str], size: int, count: int | None) -> bytes:
    length = None if count is None else count * size
    skip = _number(words.get("skip", "0")) * size
    given = words.get("if")
    if given is None:
        return call.stdin[skip : None if length is None else skip + length]
    device = machine.device(given, call.cwd)
    try:
        if device is not None:
            return device.read(skip, device.size_bytes if length is None else length)
        if given in ("/dev/zero", "/dev/urandom"):
            if length is None:
                raise ToolFailed(1, f"dd: {given} has no end: give a count\n")
            return bytes(length) if given == "/dev/zero" else os.urandom(length)
        with open(os.path.join(call.cwd, given), "rb") as source:
            source.seek(skip)
            return source.read(length)
    except FileNotFoundError as error:
        raise ToolFailed(1, f"dd: failed to open '{given}': No such file or directory\n") from error
    except OSError as error:
        zero = "0+0 records in\n0+0 records out\n0 bytes copied, 0.001 s, 0.0 kB/s\n"
        raise ToolFailed(1, f"dd: error reading '{given}': {error.strerror}\n{zero}") from error


def _give(machine: Machine, call: Call, words: dict[str, str], data: bytes, size: int) -> bytes:
    seek = _number(words.get("seek", "0")) * _number(words.get("bs") or words.get("obs") or str(size))
    given = words.get("of")
    if given is None:
        return data
    device = machine.device(given, call.cwd)
    try:
        if device is not None:
            device.write(seek, data)
        elif given != "/dev/null":
            truncate = "notrunc" not in words.get("conv", "")
            flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if truncate and not seek else 0)
            with os.fdopen(os.open(os.path.join(call.cwd, given), flags, 0o644), "wb") as target:
                target.seek(seek)
                target.write(data)
    except OSError as error:
        raise ToolFailed(1, f"dd: error writing '{given}': {error.strerror}\n") from error
    return b""


# -- dmsetup, udevadm --------------------------------------------------------------------------------------------------


def dmsetup(machine: Machine, call: Call) -> Answer:
    """dmsetup: remove, info, ls, table, status, message, suspend, resume; maps of multipath only."""
    options = parse(call.argv, "co:fyvj:m:r", ("noheadings", "force", "retry", "columns", "separator=", "target="))
    if not options.rest:
        raise ToolFailed(3, "No command specified.\n")
    command, *names = options.rest
    if command == "ls":
        maps = machine.multipathd.maps.values()
        return say("".join(f"{found.alias}\t({found.number})\n" for found in maps) or "No devices found\n")
    found = machine.multipathd.find(names[0]) if names else None
    if found is None and names:
        raise ToolFailed(1, f"Device {names[0]} not found\nCommand failed.\n")
    chosen = [found] if found is not None else list(machine.multipathd.maps.values())
    match command:
        case "remove" if found is not None:
            if not machine.multipathd.flush(found):
                busy = "ioctl on {0}  failed: Device or resource busy\nCommand failed.\n"
                raise ToolFailed(1, "device-mapper: remove " + busy.format(found.alias))
            return say()
        case "info":
            return say("".join(_info(machine, each, options) for each in chosen))
        case "table" | "status":
            return say("".join(_table(each, names) for each in chosen))
        case "suspend" | "resume" if found is not None:
            machine.multipathd.suspend(found, suspended=command == "suspend")
            return say()
        case "message" if found is not None:
            machine.multipathd.set_queueing(found, disabled="fail_if_no_path" in names)
            return say()
    raise ToolFailed(3, f"Unknown command: {command}.\n")


def _info(machine: Machine, found: Map, options: Options) -> str:
    del machine
    fields = {"name": found.alias, "uuid": f"mpath-{found.wwid}", "open": str(found.openers), "minor": str(found.minor)}
    fields |= {"major": found.number.partition(":")[0], "suspended": "Suspended" if found.suspended else "Active"}
    if options.has("-c", "--columns"):
        wanted = (options.value("-o") or "name,major,minor,open").split(",")
        separator = options.value("--separator") or ":"
        return separator.join(fields.get(name, "") for name in wanted) + "\n"
    state = "SUSPENDED" if found.suspended else "ACTIVE"
    return (
        f"Name:              {found.alias}\nState:             {state}\nRead Ahead:        256\n"
        f"Tables present:    LIVE\nOpen count:        {found.openers}\nEvent number:      {found.path_faults}\n"
        f"Major, minor:      {found.number.replace(':', ', ')}\nNumber of targets: 1\nUUID: {fields['uuid']}\n\n"
    )


def _table(found: Map, names: list[str]) -> str:
    queue = "1 queue_if_no_path" if found.queueing else "0"
    groups = " ".join(
        f"service-time 0 {len(group.paths)} 1 " + " ".join(f"{path.disk.number} 1" for path in group.paths)
        for group in found.groups
    )
    prefix = "" if names else f"{found.alias}: "
    return f"{prefix}0 {found.size_bytes // SECTOR_BYTES} multipath {queue} 1 alua {len(found.groups)} 1 {groups}\n"


def udevadm(_machine: Machine, call: Call) -> Answer:
    """udevadm: events are handled as they happen, so there is nothing left to settle or trigger."""
    if call.argv and call.argv[0] in ("settle", "trigger", "control", "--version"):
        return say("252\n" if call.argv[0] == "--version" else "")
    raise ToolFailed(1, f"udevadm: unknown command {call.argv[0] if call.argv else ''!r}\n")

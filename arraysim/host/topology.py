"""How multipath-tools 0.9.4 prints maps and paths: topology, JSON, raw and column formats (libmultipath/print.c)."""

import re
from collections.abc import Callable, Sequence

from arraysim.host.iscsi import LOCAL_ADDRESS
from arraysim.host.maps import Group, Map, Path
from arraysim.host.mpconfig import RETRY_FAIL, RETRY_QUEUE
from arraysim.host.scsi import PRODUCT, VENDOR, kernel_lun

MAP_NAMES = "%n %d %w"
MAP_STATUS = "%n %F %Q %N %t %r"
MAP_STATS = "%n %0 %1 %2 %3 %4"
PATH_CHECKER = "%i %d %D %p %t %T %o %C"
_PATH_LINE = "%i %d %D %t %T %o"
_PROGRESS = 10


def size_text(size_bytes: int) -> str:
    """256M, 1.5G: one decimal below ten (snprint_size)."""
    number, unit = size_bytes / 1024, 0
    while number >= 1024 and unit < 4:
        number /= 1024
        unit += 1
    return f"{number:.{1 if number < 10 else 0}f}{'KMGTP'[unit]}"


def _queueing(found: Map) -> str:
    if found.no_path_retry == RETRY_FAIL:
        return "off"
    if found.no_path_retry == RETRY_QUEUE:
        return "on"
    if found.retry_left > 0:
        return f"{found.retry_left} sec"
    return f"{found.no_path_retry} chk" if found.active_paths else "off"


def _next_check(path: Path) -> str:
    if path.map is None:
        return "orphan"
    done = _PROGRESS * path.tick // path.interval
    return f"{'X' * done}{'.' * (_PROGRESS - done)} {path.tick}/{path.interval}"


def _fc(path: Path, text: str) -> str:
    return text if path.disk.nexus.protocol == "fcp" else "[undef]"


def _features(found: Map) -> str:
    return "1 queue_if_no_path" if found.queueing else "0"


def _target_name(path: Path) -> str:
    port = path.disk.nexus.port
    return f"0x{port.wwnn.lower()}" if path.disk.nexus.protocol == "fcp" else port.iqn


def _adapter(path: Path) -> str:
    if path.disk.nexus.protocol == "iscsi":
        return LOCAL_ADDRESS
    return path.disk.nexus.folder.split("/")[4]


#: Wildcard -> (column header, value).
MAP_FIELDS: dict[str, tuple[str, Callable[[Map], str]]] = {
    "n": ("name", lambda found: found.alias),
    "w": ("uuid", lambda found: found.wwid),
    "d": ("sysfs", lambda found: found.kernel),
    "F": ("failback", lambda _found: "immediate"),
    "Q": ("queueing", _queueing),
    "N": ("paths", lambda found: str(found.active_paths)),
    "r": ("write_prot", lambda _found: "rw"),
    "t": ("dm-st", lambda found: "suspend" if found.suspended else "active"),
    "S": ("size", lambda found: size_text(found.size_bytes)),
    "f": ("features", _features),
    "x": ("failures", lambda found: str(found.failures)),
    "h": ("hwhandler", lambda _found: "1 alua"),
    "A": ("action", lambda _found: ""),
    "0": ("path_faults", lambda found: str(found.path_faults)),
    "1": ("switch_grp", lambda found: str(found.switches)),
    "2": ("map_loads", lambda found: str(found.loads)),
    "3": ("total_q_time", lambda found: str(found.queue_seconds)),
    "4": ("q_timeouts", lambda found: str(found.queue_timeouts)),
    "s": ("vend/prod/rev", lambda found: f"{VENDOR},{PRODUCT}" if found.paths else "##,##"),
    "v": ("vend", lambda found: VENDOR if found.paths else "##"),
    "p": ("prod", lambda found: PRODUCT if found.paths else "##"),
    "e": ("rev", lambda found: found.paths[0].disk.nexus.port.revision if found.paths else "##"),
    "G": ("foreign", lambda _found: "--"),
    "g": ("vpd page data", lambda _found: "[undef]"),
}
PATH_FIELDS: dict[str, tuple[str, Callable[[Path], str]]] = {
    "w": ("uuid", lambda path: path.wwid),
    "i": ("hcil", lambda path: path.disk.address),
    "d": ("dev", lambda path: path.disk.name),
    "D": ("dev_t", lambda path: path.disk.number),
    "t": ("dm_st", lambda path: "undef" if path.map is None else "failed" if path.failed else "active"),
    "o": ("dev_st", lambda path: "unknown" if path.map is None else "running"),
    "T": ("chk_st", lambda path: "undef" if path.map is None else str(path.check)),
    "s": ("vend/prod/rev", lambda _path: f"{VENDOR},{PRODUCT}"),
    "c": ("checker", lambda _path: "tur"),
    "C": ("next_check", _next_check),
    "p": ("pri", lambda path: str(path.priority)),
    "S": ("size", lambda path: size_text(path.disk.size_bytes)),
    "z": ("serial", lambda path: path.disk.serial),
    "M": ("marginal_st", lambda _path: "normal"),
    "m": ("multipath", lambda path: "[orphan]" if path.map is None else path.map.alias),
    "N": ("host WWNN", lambda path: _fc(path, f"0x2000{path.disk.nexus.initiator[4:].lower()}")),
    "n": ("target WWNN", _target_name),
    "R": ("host WWPN", lambda path: _fc(path, f"0x{path.disk.nexus.initiator.lower()}")),
    "r": ("target WWPN", lambda path: _fc(path, f"0x{path.disk.nexus.port.wwpn.lower()}")),
    "a": ("host adapter", _adapter),
    "G": ("foreign", lambda _path: "--"),
    "g": ("vpd page data", lambda _path: "[undef]"),
    "0": ("failures", lambda path: str(path.failures)),
    "P": ("protocol", lambda path: f"scsi:{path.disk.nexus.protocol}"),
    "I": ("init_st", lambda _path: "ok"),
    "L": ("LUN hex", lambda path: f"0x{kernel_lun(path.disk.lun):04x}000000000000"),
}


def _status(found: Map, group: Group) -> str:
    return "active" if group is found.current else "enabled"


def _fill(template: str, value: Callable[[str], str | None], width: Callable[[str], int]) -> str:
    """Replace wildcards; an unknown one is dropped, but the text after it stays."""

    def one(match: re.Match[str]) -> str:
        text = value(match[1])
        return "" if text is None else text.ljust(width(match[1]))

    return re.sub(r"%(.)", one, template)


def map_text(found: Map, template: str, widths: dict[str, int] | None = None) -> str:
    """One line for a map."""
    known = widths or {}
    return _fill(
        template, lambda key: MAP_FIELDS[key][1](found) if key in MAP_FIELDS else None, lambda key: known.get(key, 0)
    )


def path_text(path: Path, template: str, widths: dict[str, int] | None = None) -> str:
    """One line for a path."""
    known = widths or {}
    return _fill(
        template, lambda key: PATH_FIELDS[key][1](path) if key in PATH_FIELDS else None, lambda key: known.get(key, 0)
    )


def map_table(maps: Sequence[Map], template: str, *, raw: bool) -> str:
    """A line for each map; with a header and columns unless `raw`. Nothing at all for no map."""
    if not maps:
        return ""
    if raw:
        return "".join(map_text(found, template) + "\n" for found in maps)
    widths = {
        key: max(len(header), *(len(value(found)) for found in maps)) for key, (header, value) in MAP_FIELDS.items()
    }
    header = _fill(template, lambda key: MAP_FIELDS[key][0] if key in MAP_FIELDS else None, lambda key: widths[key])
    return "".join(line + "\n" for line in (header, *(map_text(found, template, widths) for found in maps)))


def path_table(paths: Sequence[Path], template: str, *, raw: bool) -> str:
    """A line for each path, as `map_table`."""
    if not paths:
        return ""
    if raw:
        return "".join(path_text(path, template) + "\n" for path in paths)
    widths = _path_widths(paths, headers=True)
    header = _fill(template, lambda key: PATH_FIELDS[key][0] if key in PATH_FIELDS else None, lambda key: widths[key])
    return "".join(line + "\n" for line in (header, *(path_text(path, template, widths) for path in paths)))


def _path_widths(paths: Sequence[Path], *, headers: bool) -> dict[str, int]:
    return {
        key: max([len(header) if headers else 0, *(len(value(path)) for path in paths)])
        for key, (header, value) in PATH_FIELDS.items()
    }


def topology(found: Map, paths: Sequence[Path] | None = None, *, action: str = "", checked: bool = True) -> str:
    """The tree that `multipath -ll` and `show topology` print. Columns are as wide as all of `paths` need.

    With `action` ("create") the map has just been made: kernel states are not known yet. Without `checked` (`-l`)
    neither checker nor prioritizer has run.
    """
    widths = _path_widths(found.paths if paths is None else paths, headers=False)
    wwid = "" if found.alias == found.wwid else f" ({found.wwid})"
    name = f"{action}: {found.alias}{wwid} undef" if action else f"{found.alias}{wwid} {found.kernel}"
    protection = "undef" if action else "rw"
    lines = [
        f"{name} {map_text(found, '%s')}",
        f"{map_text(found, 'size=%S features=')}'{_features(found)}' hwhandler='1 alua' wp={protection}",
    ]
    for group in found.groups:
        last = group is found.groups[-1]
        status = "undef" if action else _status(found, group)
        lines.append(
            f"{'`' if last else '|'}-+- policy='service-time 0' prio={group.priority if checked else 0} status={status}"
        )
        for path in group.paths:
            branch = "`" if path is group.paths[-1] else "|"
            template = _PATH_LINE.replace("%t", "undef") if action else _PATH_LINE
            text = path_text(path, template if checked else template.replace("%T", "undef"), widths)
            lines.append(f"{' ' if last else '|'} {branch}- {text}")
    return "".join(line + "\n" for line in lines)


_JSON_MAP = (
    ("name", "n", True),
    ("uuid", "w", True),
    ("sysfs", "d", True),
    ("failback", "F", True),
    ("queueing", "Q", True),
    ("paths", "N", False),
    ("write_prot", "r", True),
    ("dm_st", "t", True),
    ("features", "f", True),
    ("hwhandler", "h", True),
    ("action", "A", True),
    ("path_faults", "0", False),
    ("vend", "v", True),
    ("prod", "p", True),
    ("rev", "e", True),
    ("switch_grp", "1", False),
    ("map_loads", "2", False),
    ("total_q_time", "3", False),
    ("q_timeouts", "4", False),
)
_JSON_PATH = (
    ("dev", "d", True),
    ("dev_t", "D", True),
    ("dm_st", "t", True),
    ("dev_st", "o", True),
    ("chk_st", "T", True),
    ("checker", "c", True),
    ("pri", "p", False),
    ("host_wwnn", "N", True),
    ("target_wwnn", "n", True),
    ("host_wwpn", "R", True),
    ("target_wwpn", "r", True),
    ("host_adapter", "a", True),
    ("lun_hex", "L", True),
    ("marginal_st", "M", True),
)
_JSON_HEAD = '{\n   "major_version": 0,\n   "minor_version": 1,\n'


def maps_json(maps: Sequence[Map]) -> str:
    """`show maps json`, byte for byte as upstream lays it out."""
    bodies = "},".join(_map_json(found) for found in maps)
    return f'{_JSON_HEAD}   "maps": [{bodies}{"}" if maps else ""}]\n}}\n'


def map_json(found: Map) -> str:
    """`show map NAME json`."""
    return f'{_JSON_HEAD}   "map":{_map_json(found)}}}\n}}\n'


def _map_json(found: Map) -> str:
    """A map up to, but without, its closing brace."""
    pieces = ["{\n"]
    for name, key, quoted in _JSON_MAP:
        value = MAP_FIELDS[key][1](found)
        pieces.append(f'      "{name}" : "{value}",\n' if quoted else f'      "{name}" : {value},\n')
    pieces.append('      "path_groups": [')
    for number, group in enumerate(found.groups, start=1):
        pieces.append(_group_json(found, group, number))
        pieces.append("      }" if group is found.groups[-1] else "      },")
    pieces.append("]\n   ")
    return "".join(pieces)


def _group_json(found: Map, group: Group, number: int) -> str:
    head = (
        f'{{\n         "selector" : "service-time 0",\n         "pri" : {group.priority},\n'
        f'         "dm_st" : "{_status(found, group)}",\n         "marginal_st" : "normal",\n'
        f'         "group" : {number},\n         "paths": ['
    )
    paths = []
    for path in group.paths:
        values = (
            f'            "{name}" : "{PATH_FIELDS[key][1](path)}"'
            if quoted
            else f'            "{name}" : {PATH_FIELDS[key][1](path)}'
            for name, key, quoted in _JSON_PATH
        )
        paths.append("{\n" + ",\n".join(values) + "\n         }")
    return head + ",".join(paths) + "]\n"

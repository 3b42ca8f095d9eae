"""The `multipath` and `multipathd` commands of multipath-tools 0.9.4, running against a daemon that is always there."""

from collections.abc import Callable
from datetime import UTC, datetime

from arraysim.host.call import Answer, Call, ToolFailed, parse, say
from arraysim.host.machine import Machine
from arraysim.host.maps import Map
from arraysim.host.multipathd import Multipathd
from arraysim.host.topology import (
    MAP_NAMES,
    MAP_STATS,
    MAP_STATUS,
    PATH_CHECKER,
    map_json,
    map_table,
    map_text,
    maps_json,
    path_table,
    path_text,
    topology,
)

_VERSION = "multipath-tools v0.9.4 (12/19, 2022)\n"
_OK, _FAIL = "ok\n", "fail\n"


# -- multipath ---------------------------------------------------------------------------------------------------------


def multipath(machine: Machine, call: Call) -> Answer:
    """The command. With `-f` and `-F` it asks multipathd first, as the real one does."""
    options = parse(call.argv, "adDcChleFfM:v:p:b:BrR:itTquUwW", usage=(1, "multipath: "))
    name = machine.tree.strip(options.rest[0]) if options.rest else ""
    verbosity = int(options.value("-v") or 2)
    chosen = {key for key, _ in options.pairs}
    if "-l" in chosen:
        return _list(machine, name, verbosity, fresh=len(options.values("-l")) > 1)
    for action in ("-F", "-f", "-a", "-w", "-W", "-c", "-C", "-r", "-t", "-T", "-h"):
        if action in chosen:
            return _ACTIONS[action](machine, name)
    return _create(machine, name, verbosity, dry="-d" in chosen)


def _complain(machine: Machine, text: str) -> str:
    """A log line on standard error, with the time in front."""
    moment = datetime.fromtimestamp(machine.world.now, tz=UTC)
    return f"{moment:%b %d %H:%M:%S} | {text}\n"


def _config_complaints(machine: Machine) -> str:
    return "".join(_complain(machine, text) for text in machine.multipathd.config.problems)


def _wwid(machine: Machine, name: str) -> str | None:
    """The WWID that an argument means: of a disk, of a map, or itself; None for a disk that is not there."""
    path = machine.multipathd.path(name)
    if path is not None:
        return path.wwid
    disk = machine.midlayer.disks.get(name.removeprefix("/dev/"))
    if disk is not None:
        return f"3{disk.wwn}"
    found = machine.multipathd.find(name)
    if found is not None:
        return found.wwid
    plain = name.removeprefix("/dev/mapper/")
    return None if plain.startswith(("/dev/", "sd")) or "/" in plain else plain


def _list(machine: Machine, name: str, verbosity: int, *, fresh: bool) -> Answer:
    complaints = _config_complaints(machine)
    maps = list(machine.multipathd.maps.values())
    if name:
        wwid = _wwid(machine, name)
        maps = [found for found in maps if found.wwid == wwid]
        if not maps:
            return say(code=1 if wwid is None else 0, err=complaints)
    if verbosity <= 1:
        return say("".join(found.alias + "\n" for found in maps) if verbosity else "", err=complaints)
    if not fresh:
        return say("".join(topology(found, checked=False) for found in maps), err=complaints)
    with machine.multipathd.fresh_look(maps):
        return say("".join(topology(found) for found in maps), err=complaints)


def _flush_one(machine: Machine, name: str) -> Answer:
    if not name or machine.multipathd.path(name) is not None:
        raise ToolFailed(1, _complain(machine, "the -f option requires a map name to remove"))
    found = machine.multipathd.find(name)
    if found is None:
        raise ToolFailed(1, _complain(machine, f"{name} is not a multipath device"))
    if not machine.multipathd.flush(found):
        raise ToolFailed(1, _complain(machine, f"{found.alias}: map in use"))
    return say()


def _flush_all(machine: Machine, _name: str = "") -> Answer:
    left = [found for found in list(machine.multipathd.maps.values()) if not machine.multipathd.flush(found)]
    return say(code=1 if left else 0, err="".join(_complain(machine, f"{found.alias}: map in use") for found in left))


def _reset_wwids(machine: Machine, _name: str) -> Answer:
    machine.multipathd.write_wwids(found.wwid for found in machine.multipathd.maps.values())
    return say("successfully reset wwids\n")


def _wwids(machine: Machine, name: str, action: str) -> Answer:
    wwid = _wwid(machine, name) if name else None
    if wwid is None:
        return say(code=1, err=_complain(machine, f"the {action} option requires a device") if not name else "")
    if action == "-a":
        machine.multipathd.remember(wwid)
        return say(f"wwid '{wwid}' added\n")
    if machine.multipathd.forget(wwid):
        return say(f"wwid '{wwid}' removed\n")
    return say(f"wwid '{wwid}' not in wwids file\n")


def _check(machine: Machine, name: str, *, usable: bool) -> Answer:
    if usable:
        found = machine.multipathd.find(name)
        ready = found is not None and any(path.check == "ready" and not path.failed for path in found.paths)
        return say(code=0 if ready else 1)
    wwid = _wwid(machine, name)
    member = wwid is not None and (wwid in machine.multipathd.known_wwids() or wwid in machine.multipathd.maps)
    return say(f'DM_MULTIPATH_DEVICE_PATH="{int(member)}"\n', code=0 if member else 1)


def _create(machine: Machine, name: str, verbosity: int, *, dry: bool) -> Answer:
    """Make the map of one device (asked for by name: find_multipaths does not apply), or all that should be there."""
    complaints = _config_complaints(machine)
    if name:
        wwid = _wwid(machine, name)
        if wwid is None:
            return say(code=1, err=complaints)
        wanted = [wwid]
    else:
        known = machine.multipathd.known_wwids()
        wanted = [path.wwid for path in machine.multipathd.paths.values() if path.wwid in known]
    out = ""
    for each in dict.fromkeys(wanted):
        if each not in machine.multipathd.maps and not dry:
            found = machine.multipathd.create(each)
            if found is not None and verbosity > 1:
                out += topology(found, action="create")
            elif found is not None and verbosity == 1:
                out += found.alias + "\n"
    return say(out, err=complaints)


def _config_text(machine: Machine) -> str:
    config = machine.multipathd.config
    names = "yes" if config.user_friendly_names else "no"
    retry = {0: "fail", -1: "queue"}.get(config.no_path_retry, str(config.no_path_retry))
    return (
        "defaults {\n"
        f"\tpolling_interval {config.polling_interval}\n\tfind_multipaths {config.find_multipaths}\n"
        f"\tuser_friendly_names {names}\n}}\n"
        'devices {\n\tdevice {\n\t\tvendor "3PARdata"\n\t\tproduct "VV"\n\t\tpath_grouping_policy "group_by_prio"\n'
        f'\t\thardware_handler "1 alua"\n\t\tprio "alua"\n\t\tfailback "{config.failback}"\n'
        f"\t\tno_path_retry {retry}\n\t\tfast_io_fail_tmo {config.fast_io_fail_seconds:g}\n"
        '\t\tdev_loss_tmo "infinity"\n\t\tvpd_vendor "hp3par"\n\t}\n}\n'
    )


def _reload_all(machine: Machine, _name: str) -> Answer:
    machine.multipathd.reconfigure()
    return say()


_ACTIONS: dict[str, Callable[[Machine, str], Answer]] = {
    "-F": _flush_all,
    "-f": _flush_one,
    "-a": lambda machine, name: _wwids(machine, name, "-a"),
    "-w": lambda machine, name: _wwids(machine, name, "-w"),
    "-W": _reset_wwids,
    "-c": lambda machine, name: _check(machine, name, usable=False),
    "-C": lambda machine, name: _check(machine, name, usable=True),
    "-r": _reload_all,
    "-t": lambda machine, _name: say(_config_text(machine)),
    "-T": lambda machine, _name: say(_config_text(machine)),
    "-h": lambda _machine, _name: say(err=f"{_VERSION}Usage:\n"),
}


# -- multipathd --------------------------------------------------------------------------------------------------------


def multipathd(machine: Machine, call: Call) -> Answer:
    """The client: its arguments, or those of -k, are one command to the daemon."""
    words = [word.removeprefix("-k") for word in call.argv]
    command = " ".join(words).split()
    if not command:
        return say("multipathd> \n")
    reply = _command(machine, command)
    return say(reply, code=1 if reply == _FAIL else 0)


def _command(machine: Machine, words: list[str]) -> str:
    verb = {"list": "show", "remove": "del", "switchgroup": "switch"}.get(words[0], words[0])
    match [verb, *words[1:]]:
        case ["reconfigure", *_]:
            machine.multipathd.reconfigure()
            reply = _OK
        case ["show", *rest]:
            reply = _show(machine, [word for word in rest if word != "raw"], raw="raw" in rest)
        case [_, "map" | "multipath", name, *_] if verb in _MAP_VERBS:
            reply = _MAP_VERBS[verb](machine, machine.tree.strip(name))
        case [_, "path", name] if verb in _PATH_VERBS:
            reply = _PATH_VERBS[verb](machine, machine.tree.strip(name))
        case ["disablequeueing" | "restorequeueing", "maps" | "multipaths"]:
            for found in machine.multipathd.maps.values():
                machine.multipathd.set_queueing(found, disabled=verb == "disablequeueing")
            reply = _OK
        case ["del", "maps" | "multipaths"]:
            reply = _FAIL if _flush_all(machine).code else _OK
        case _:
            reply = f"{' '.join(words)}: not found\n{_VERSION}CLI commands reference:\n"
    return reply


def _show(machine: Machine, words: list[str], *, raw: bool) -> str:
    """An empty answer is printed as "ok"."""
    daemon = machine.multipathd
    match words:
        case ["maps" | "multipaths", *rest]:
            reply = _show_maps(machine, rest, raw=raw)
        case ["topology"]:
            reply = _show_maps(machine, words, raw=False)
        case ["paths", *rest] if not rest or rest[0] == "format":
            template = _template(rest) if rest else PATH_CHECKER
            reply = path_table(list(daemon.paths.values()), template, raw=raw)
        case ["path", name]:
            path = daemon.path(machine.tree.strip(name))
            reply = _FAIL if path is None else path_text(path, "%o") + "\n"
        case ["map" | "multipath", name, *rest]:
            reply = _show_map(machine, daemon.find(machine.tree.strip(name)), rest)
        case ["config", *_]:
            reply = _config_text(machine)
        case ["status"]:
            reply = _show_status(machine)
        case ["daemon"]:
            reply = "pid 1234 idle\n"
        case _:
            reply = f"show {' '.join(words)}: not found\n{_VERSION}CLI commands reference:\n"
    return reply or _OK


def _template(words: list[str]) -> str:
    return " ".join(words[1:]).strip('"')


def _show_maps(machine: Machine, words: list[str], *, raw: bool) -> str:
    maps = list(machine.multipathd.maps.values())
    match words:
        case ["json"]:
            return maps_json(maps)
        case ["topology"]:
            paths = list(machine.multipathd.paths.values())
            return "".join(topology(found, paths) for found in maps)
        case ["format", *_]:
            return map_table(maps, _template(words), raw=raw)
    known = {"status": MAP_STATUS, "stats": MAP_STATS}
    return map_table(maps, known.get(words[0], MAP_NAMES) if words else MAP_NAMES, raw=raw)


def _show_status(machine: Machine) -> str:
    states = [str(path.check) for path in machine.multipathd.paths.values()]
    lines = "".join(f"{state:<20}{states.count(state)}\n" for state in dict.fromkeys(states))
    return f"path checker states:\n{lines}\npaths: {len(states)}\nbusy: False\n"


def _show_map(machine: Machine, found: Map | None, rest: list[str]) -> str:
    if found is None:
        return _FAIL
    if rest == ["json"]:
        return map_json(found)
    if rest == ["topology"]:
        return topology(found, list(machine.multipathd.paths.values()))
    return map_text(found, _template(rest)) + "\n" if rest[:1] == ["format"] else _FAIL


def _with_map(act: Callable[[Multipathd, Map], bool | None]) -> Callable[[Machine, str], str]:
    """A verb for an existing map; it failed if `act` says False."""

    def run(machine: Machine, name: str) -> str:
        found = machine.multipathd.find(name)
        return _FAIL if found is None or act(machine.multipathd, found) is False else _OK

    return run


def _add_map(machine: Machine, name: str) -> str:
    if machine.multipathd.find(name) is not None:
        return _OK
    wwid = _wwid(machine, name)
    return _OK if wwid is not None and machine.multipathd.create(wwid) is not None else _FAIL


_MAP_VERBS: dict[str, Callable[[Machine, str], str]] = {
    "add": _add_map,
    "del": _with_map(Multipathd.flush),
    "resize": _with_map(Multipathd.resize),
    "reload": _with_map(Multipathd.reload),
    "reset": _with_map(Multipathd.reload),
    "suspend": _with_map(lambda daemon, found: daemon.suspend(found, suspended=True)),
    "resume": _with_map(lambda daemon, found: daemon.suspend(found, suspended=False)),
    "disablequeueing": _with_map(lambda daemon, found: daemon.set_queueing(found, disabled=True)),
    "restorequeueing": _with_map(lambda daemon, found: daemon.set_queueing(found, disabled=False)),
}


def _add_path(machine: Machine, name: str) -> str:
    disk = machine.midlayer.disks.get(name.removeprefix("/dev/"))
    if disk is None:
        return _FAIL
    reply = machine.multipathd.add_path(disk)
    return "blacklisted\nok\n" if reply == "blacklisted" else f"{reply}\n"


def _del_path(machine: Machine, name: str) -> str:
    path = machine.multipathd.path(name)
    if path is None:
        return _FAIL
    machine.multipathd.del_path(path)
    return _OK


def _pin(*, failed: bool) -> Callable[[Machine, str], str]:
    def run(machine: Machine, name: str) -> str:
        path = machine.multipathd.path(name)
        if path is None or path.map is None:
            return _FAIL
        machine.multipathd.pin(path, failed=failed)
        return _OK

    return run


_PATH_VERBS: dict[str, Callable[[Machine, str], str]] = {
    "add": _add_path,
    "del": _del_path,
    "fail": _pin(failed=True),
    "reinstate": _pin(failed=False),
}

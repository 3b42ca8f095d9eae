"""What multipath-tools takes from /etc/multipath.conf and conf.d, over the built-in entry for 3PARdata/VV."""

import re
from dataclasses import dataclass, field, replace

from arraysim.host.scsi import PRODUCT, VENDOR
from arraysim.host.sysfs import Tree

CONFIG = "/etc/multipath.conf"
CONFIG_FOLDER = "/etc/multipath/conf.d"
#: no_path_retry as a number: fail at once, and for ever.
RETRY_FAIL, RETRY_QUEUE = 0, -1
Section = dict[str, str]


@dataclass(frozen=True, slots=True)
class MultipathConfig:
    """The settings that the simulation knows, with multipath-tools 0.9.4's defaults for these arrays; times in seconds.

    `aliases` maps WWIDs to names. `blacklist` and `exceptions` hold regular expressions for WWIDs, `blacklist_devnodes`
    for disk names. `problems` are the complaints about the files, as the tools print them.
    """

    polling_interval: int = 5
    find_multipaths: str = "strict"
    user_friendly_names: bool = False
    no_path_retry: int = 18
    fast_io_fail_seconds: float = 10.0
    failback: str = "immediate"
    aliases: dict[str, str] = field(default_factory=dict)
    blacklist: tuple[str, ...] = ()
    exceptions: tuple[str, ...] = ()
    blacklist_devnodes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def longest_interval(self) -> int:
        """max_polling_interval: four times the shortest."""
        return 4 * self.polling_interval

    def blacklists(self, wwid: str, disk: str) -> bool:
        """Whether multipathd must leave this path alone."""
        if any(re.search(pattern, disk) for pattern in self.blacklist_devnodes):
            return True
        if any(re.search(pattern, wwid) for pattern in self.exceptions):
            return False
        return any(re.search(pattern, wwid) for pattern in self.blacklist)


def load(tree: Tree) -> MultipathConfig:
    """Read the files; what cannot be read is complained of and left out (data-path.md 4, the broken one-line file)."""
    files = [tree.at(CONFIG), *sorted(tree.at(CONFIG_FOLDER).glob("*.conf"))]
    config, problems = MultipathConfig(), []
    for path in files:
        if path.is_file():
            sections, complaints = _parse(path.read_text())
            problems += [f"{path.name} line {number}, {text}" for number, text in complaints]
            for names, values in sections:
                config = _apply(config, names, values)
    return replace(config, problems=tuple(problems))


def _parse(text: str) -> tuple[list[tuple[tuple[str, ...], list[tuple[str, str]]]], list[tuple[int, str]]]:
    """[(path of section names, [(keyword, value)])], [(line number, complaint)]. A brace ends its line."""
    found: list[tuple[tuple[str, ...], list[tuple[str, str]]]] = []
    problems: list[tuple[int, str]] = []
    stack: list[tuple[str, list[tuple[str, str]]]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = re.findall(r'"[^"]*"|[{}]|[^\s{}"]+', re.sub(r"[#!].*", "", line))
        if not words:
            continue
        if words == ["}"]:
            if stack:
                name, values = stack.pop()
                found.append(((*(outer for outer, _ in stack), name), values))
            else:
                problems.append((number, "unmatched '}'"))
        elif len(words) == 2 and words[1] == "{":
            stack.append((words[0], []))
        elif "{" in words or "}" in words:
            problems.append((number, "missing '}'" if "{" in words else "invalid keyword"))
        elif stack and len(words) >= 2:
            stack[-1][1].append((words[0], " ".join(word.strip('"') for word in words[1:])))
        else:
            problems.append((number, f"invalid keyword: {words[0]}"))
    return found, problems


def _apply(config: MultipathConfig, names: tuple[str, ...], values: list[tuple[str, str]]) -> MultipathConfig:
    section = dict(values)
    match names:
        case ("defaults",):
            known = _common(config, section)
            # The built-in device entry beats `defaults` for what it sets itself.
            config = replace(
                known,
                no_path_retry=config.no_path_retry,
                failback=config.failback,
                fast_io_fail_seconds=config.fast_io_fail_seconds,
            )
        case ("overrides",):
            config = _common(config, section)
        case ("devices", "device"):
            if re.search(section.get("vendor", ""), VENDOR) and re.search(section.get("product", ""), PRODUCT):
                config = _common(config, section)
        case ("multipaths", "multipath") if {"wwid", "alias"} <= section.keys():
            config = replace(config, aliases=config.aliases | {section["wwid"]: section["alias"]})
        case ("blacklist",):
            config = replace(
                config,
                blacklist=config.blacklist + _patterns(values, "wwid"),
                blacklist_devnodes=config.blacklist_devnodes + _patterns(values, "devnode"),
            )
        case ("blacklist_exceptions",):
            config = replace(config, exceptions=config.exceptions + _patterns(values, "wwid"))
    return config


def _patterns(values: list[tuple[str, str]], keyword: str) -> tuple[str, ...]:
    """Regular expressions; a lone "*" means everything, as multipath-tools takes it."""
    return tuple(".*" if value == "*" else value for name, value in values if name == keyword)


def _common(config: MultipathConfig, section: Section) -> MultipathConfig:
    config = replace(
        config,
        find_multipaths=section.get("find_multipaths", config.find_multipaths),
        failback=section.get("failback", config.failback),
    )
    if section.get("polling_interval", "").isdecimal():
        config = replace(config, polling_interval=max(1, int(section["polling_interval"])))
    if "user_friendly_names" in section:
        config = replace(config, user_friendly_names=section["user_friendly_names"] == "yes")
    if section.get("fast_io_fail_tmo", "").isdecimal():
        config = replace(config, fast_io_fail_seconds=float(section["fast_io_fail_tmo"]))
    retry = section.get("no_path_retry", "")
    if retry.isdecimal() or retry in ("fail", "queue"):
        number = RETRY_FAIL if retry == "fail" else RETRY_QUEUE if retry == "queue" else int(retry)
        config = replace(config, no_path_retry=number)
    return config

"""The command `arraysim`."""

import argparse
import json
import os
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from arraysim.admin import ArrayRefused, primary_of, switch_over
from arraysim.control.client import ConditionUnmet, ControlClient, ControlError
from arraysim.control.show import show
from arraysim.ctl import add_ctl
from arraysim.labfolder import NoLab, find_lab

Json = dict[str, Any]
FOLDER_VARIABLE = "ARRAYSIM_FOLDER"

EXAMPLES = """\
examples:
  arraysim up --host worker-1                start a lab and stay until Ctrl-C
  arraysim config > lab.yaml                 a commented sample for `arraysim up --config lab.yaml`
  arraysim status                            both sides' groups
  arraysim switchover rcg1                   let the other array serve the group
  arraysim ctl power array-a off             pull a plug
  arraysim ctl --help                        everything else that can break
"""

UP_EXAMPLES = """\
examples:
  arraysim up
  arraysim up --config lab.yaml --folder ./lab --host worker-1 --host worker-2
  arraysim up --json > endpoints.json &      one JSON object on stdout when everything answers
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; its exit status: 0 done, 1 failed (the reason is on stderr), 2 wrong usage."""
    parsed = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = parsed.run
    try:
        return run(parsed)
    except (NoLab, ControlError, ConditionUnmet, ArrayRefused) as failure:
        print(f"arraysim: {failure}", file=sys.stderr)
        return 1


def default_folder() -> Path:
    """$ARRAYSIM_FOLDER, or a folder of the user's state."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    if chosen:
        return Path(chosen)
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "arraysim"


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="arraysim",
        description="Two simulated storage arrays with Remote Copy, quorum witness and a control port to break them.",
        epilog=EXAMPLES,
        formatter_class=raw,
    )
    place = argparse.ArgumentParser(add_help=False)
    place.add_argument(
        "--folder", type=Path, help=f"folder of the lab (default: ${FOLDER_VARIABLE}, or arraysim in your state folder)"
    )
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)

    up = verbs.add_parser(
        "up", parents=[place], help="start a lab and run until Ctrl-C", epilog=UP_EXAMPLES, formatter_class=raw
    )
    up.add_argument("--config", type=Path, metavar="FILE", help="YAML file, see `arraysim config`")
    up.add_argument("--host", action="append", default=[], metavar="NAME", help="make a simulated host (repeatable)")
    up.add_argument("--json", action="store_true", help="print the endpoints as one JSON object instead of the summary")
    up.set_defaults(run=_up)

    status = verbs.add_parser("status", parents=[place], help="print both sides' groups, as showrcopy does")
    status.add_argument("--json", action="store_true", help="print the whole state as JSON")
    status.set_defaults(run=_status)

    switchover = verbs.add_parser("switchover", parents=[place], help="swap the roles of a group without losing I/O")
    switchover.add_argument("group", help="its name on either array")
    switchover.add_argument("--array", default="", metavar="NAME", help="where it is primary now (default: found out)")
    switchover.add_argument("--timeout", type=float, default=60.0, metavar="S", help="seconds to wait for its end (60)")
    switchover.set_defaults(run=_switchover)

    config = verbs.add_parser("config", help="print a commented sample of the configuration")
    config.set_defaults(run=_config)

    ctl = verbs.add_parser("ctl", parents=[place], help="break and mend a running lab")
    add_ctl(ctl, lambda parsed: ControlClient.of(find_lab(_folder(parsed))), print)
    return parser


def _folder(parsed: argparse.Namespace) -> Path:
    chosen: Path | None = parsed.folder
    return (chosen or default_folder()).absolute()


def _up(parsed: argparse.Namespace) -> int:
    # Late: the other verbs need none of the server's libraries.
    from arraysim.config import ConfigError, LabConfig, load_config
    from arraysim.lab import Lab, LabBroken
    from arraysim.labfolder import FolderInUse
    from arraysim.listener import PortTaken

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        config = (load_config(parsed.config) if parsed.config else LabConfig()).with_hosts(parsed.host)
        with Lab.start(config, folder=_folder(parsed)) as lab:
            description = find_lab(lab.folder)
            print(json.dumps(description, indent=2) if parsed.json else _summary(description, lab.folder), flush=True)
            stop.wait()
            if not parsed.json:
                print("Stopping.", flush=True)
    except (ConfigError, FolderInUse, PortTaken, LabBroken) as failure:
        print(f"arraysim: {failure}", file=sys.stderr)
        return 1
    return 0


def _summary(description: Json, folder: Path) -> str:
    """What is up and how to look at it; every command line in it works as it stands."""
    arrays: dict[str, Json] = description["arrays"]
    ca, first = shlex.quote(description["ca_file"]), next(iter(arrays.values()))["url"]
    password = f"$(cat {shlex.quote(description['password_file'])})"
    login = f'{{\\"user\\":\\"{description["user"]}\\",\\"password\\":\\"{password}\\"}}'
    option = "" if folder == default_folder().absolute() else f" --folder {shlex.quote(str(folder))}"
    lines = [f"Two {description['personality']} arrays are up. Ctrl-C ends them.", ""]
    lines += [f"  {name:<10} {array['url']}  (system id {array['system_id']})" for name, array in arrays.items()]
    lines += [
        f"  user       {description['user']}, password in {description['password_file']}",
        f"  CA         {description['ca_file']}",
        f"  control    {description['control_url']}",
        *(f"  host       {name}, files in {host['folder']}" for name, host in description["hosts"].items()),
        "",
        "Log in and look:",
        f'  KEY=$(curl -s --cacert {ca} -d "{login}" {first}/credentials | cut -d\'"\' -f4)',
        f'  curl -s --cacert {ca} -H "X-HP3PAR-WSAPI-SessionKey: $KEY" {first}/system',
        "",
        "See everything, break something, mend it:",
        f"  curl -s {description['control_url']}/state",
        f"  arraysim status{option}",
        f"  arraysim ctl{option} link down",
        f"  arraysim ctl{option} link up",
        f"  arraysim ctl{option} --help",
    ]
    return "\n".join(lines)


def _status(parsed: argparse.Namespace) -> int:
    state = ControlClient.of(find_lab(_folder(parsed))).state()
    print(json.dumps(state, indent=2) if parsed.json else show(state))
    return 1 if state["failures"] else 0


def _switchover(parsed: argparse.Namespace) -> int:
    description = find_lab(_folder(parsed))
    if parsed.array and parsed.array not in description["arrays"]:
        raise ArrayRefused(f"there is no array {parsed.array}: use one of {', '.join(description['arrays'])}")
    client = ControlClient.of(description)
    state = client.state()
    try:
        array, group = primary_of(state, parsed.group, parsed.array)
    except KeyError:
        known = sorted({name for side in state["arrays"].values() for name in side["groups"]})
        raise ArrayRefused(f"there is no group {parsed.group}: known are {', '.join(known) or 'none'}") from None
    remote = state["arrays"][array]["groups"][group]["remote_name"]
    (other,) = (name for name in state["arrays"] if name != array)
    switch_over(description, array, group)
    client.wait(
        f"arrays/{other}/groups/{remote}/state=Started",
        f"arrays/{array}/groups/{group}/state=Started",
        f"arrays/{array}/groups/{group}/role!={state['arrays'][array]['groups'][group]['role']}",
        timeout_seconds=parsed.timeout,
    )
    print(f"{group}: {array} served it, {other} serves it now.")
    return 0


def _config(_parsed: argparse.Namespace) -> int:
    from arraysim.config import SAMPLE

    print(SAMPLE, end="")
    return 0

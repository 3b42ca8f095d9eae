"""The verbs of `arraysim ctl`, one per command of the control port."""

import argparse
import json
from collections.abc import Callable
from typing import Any

from arraysim.control.client import ControlClient
from arraysim.wsapi.faulthooks import FaultKind

Namespace = argparse.Namespace
Print = Callable[[str], None]
#: What a verb does with its arguments; it returns what to print.
Verb = Callable[[ControlClient, Namespace], str]

EXAMPLES = """\
examples:
  arraysim ctl link down
  arraysim ctl power array-b off
  arraysim ctl witness down
  arraysim ctl witness unreachable array-a
  arraysim ctl hang array-a on
  arraysim ctl fault lose-reply-after --array array-a --method POST --path /volumes$
  arraysim ctl fault error --status 503 --code 68 --count 3
  arraysim ctl faults                        what is armed and what it hit
  arraysim ctl faults reset
  arraysim ctl calls --array array-b
  arraysim ctl clock advance 60
  arraysim ctl wait arrays/array-a/groups/rcg1/state=Started --timeout 20
"""


def add_ctl(parser: argparse.ArgumentParser, connect: Callable[[Namespace], ControlClient], out: Print) -> None:
    """Give `parser` the verbs. `connect` finds the lab for parsed arguments; answers go to `out`."""
    parser.epilog = EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def verb(name: str, explained: str, do: Verb) -> argparse.ArgumentParser:
        def run(parsed: Namespace) -> int:
            out(do(connect(parsed), parsed))
            return 0

        added = verbs.add_parser(name, help=explained, description=explained.capitalize() + ".")
        added.set_defaults(run=run)
        return added

    verb("link", "cut or join the Remote Copy link", _link).add_argument("to", choices=["up", "down"])
    _array_switch(verb("power", "switch an array on or off", _power))
    _array_switch(verb("hang", "let an array accept calls and never answer", _hang))
    _array_switch(verb("not-ready", "let an array answer 503 code 68", _not_ready))
    witness = verb("witness", "stop the quorum witness, or one array's way to it", _witness)
    witness.add_argument("to", choices=["up", "down", "reachable", "unreachable"])
    witness.add_argument("array", nargs="?", default="", help="for reachable and unreachable")
    verb("expire-sessions", "forget every session of an array", _expire).add_argument("array")
    _fault_options(verb("fault", "arm a fault against coming calls", _fault))
    faults = verb("faults", "list, remove or reset faults", _faults)
    faults.add_argument("what", nargs="?", default="list", choices=["list", "remove", "reset"])
    faults.add_argument("number", nargs="?", type=int, default=0, help="for remove")
    calls = verb("calls", "print the calls that the arrays got", _calls)
    calls.add_argument("--array", default="", metavar="NAME")
    calls.add_argument("--since", type=int, default=0, metavar="NUMBER", help="only calls after this one")
    clock = verb("clock", "let simulated time pass", _clock)
    clock.add_argument("what", choices=["advance"])
    clock.add_argument("seconds", type=float)
    wait = verb("wait", "wait until every condition on the state holds", _wait)
    wait.add_argument("condition", nargs="+", help="path=word, path!=word, path (exists) or !path (does not)")
    wait.add_argument("--timeout", type=float, default=30.0, metavar="S", help="seconds of real time (30)")
    verb("host", "make a simulated host", _host).add_argument("name")
    verb("state", "print the whole state as JSON", _state)


def _array_switch(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("array")
    parser.add_argument("to", choices=["on", "off"])


def _fault_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", choices=[kind.value for kind in FaultKind])
    parser.add_argument("--array", metavar="NAME", help="default: both")
    parser.add_argument("--nth", type=int, metavar="N", help="hit the Nth matching call from now on (1)")
    parser.add_argument("--count", type=int, metavar="M", help="hit M calls (1); 0: until removed")
    parser.add_argument("--method", metavar="REGEX", help="for example POST|PUT")
    parser.add_argument("--path", metavar="REGEX", help="without it logins and /api are not counted")
    parser.add_argument("--seconds", type=float, metavar="S", help="how long a delay lasts (until removed)")
    parser.add_argument("--status", type=int, metavar="HTTP", help="of an error (500)")
    parser.add_argument("--code", type=int, metavar="CODE", help="vendor code of an error (1)")
    parser.add_argument("--desc", metavar="TEXT", help="text of an error")


def _link(lab: ControlClient, parsed: Namespace) -> str:
    lab.link(up=parsed.to == "up")
    return f"The link is {parsed.to}."


def _power(lab: ControlClient, parsed: Namespace) -> str:
    lab.power(parsed.array, on=parsed.to == "on")
    return f"{parsed.array} is {parsed.to}."


def _hang(lab: ControlClient, parsed: Namespace) -> str:
    lab.hang(parsed.array, on=parsed.to == "on")
    return f"{parsed.array} {'does not answer' if parsed.to == 'on' else 'answers again'}."


def _not_ready(lab: ControlClient, parsed: Namespace) -> str:
    lab.not_ready(parsed.array, on=parsed.to == "on")
    return f"{parsed.array} is {'not ready' if parsed.to == 'on' else 'ready'}."


def _witness(lab: ControlClient, parsed: Namespace) -> str:
    if parsed.to in ("up", "down"):
        lab.witness(up=parsed.to == "up")
        return f"The witness is {parsed.to}."
    lab.witness_reach(parsed.array, reachable=parsed.to == "reachable")
    return f"The witness is {parsed.to} from {parsed.array}."


def _expire(lab: ControlClient, parsed: Namespace) -> str:
    return f"{lab.expire_sessions(parsed.array)} sessions of {parsed.array} are gone."


def _fault(lab: ControlClient, parsed: Namespace) -> str:
    names = ("array", "nth", "count", "method", "path", "seconds", "status", "code", "desc")
    given = {name: value for name in names if (value := getattr(parsed, name)) is not None}
    return f"Fault {lab.arm(parsed.kind, **given)} is armed."


def _faults(lab: ControlClient, parsed: Namespace) -> str:
    if parsed.what == "reset":
        return f"{lab.reset_faults()} faults are gone."
    if parsed.what == "remove":
        lab.remove_fault(parsed.number)
        return f"Fault {parsed.number} is gone."
    return "\n".join(_fault_line(fault) for fault in lab.faults()) or "No fault is armed."


def _fault_line(fault: dict[str, Any]) -> str:
    where = fault["array"] or "both arrays"
    what = " ".join(fault[key] for key in ("method", "path") if fault[key]) or "any call"
    left = " over" if fault["over"] else ""
    return f"{fault['number']:>4}  {fault['kind']} at {where}, {what}: hit {fault['hits']}, holds {fault['held']}{left}"


def _calls(lab: ControlClient, parsed: Namespace) -> str:
    return "\n".join(_call_line(call) for call in lab.calls(array=parsed.array, since=parsed.since))


def _call_line(call: dict[str, Any]) -> str:
    query = f"?{call['query']}" if call["query"] else ""
    effect = f"{call['status'] or '-'}" + (f" code {call['code']}" if call["code"] else "")
    notes = [
        *call["faults"],
        *([] if call["answered"] else ["no answer"]),
        *(["committed"] if call["committed"] else []),
    ]
    line = f"{call['number']:>5}  {call['array']}  {call['method']} {call['path']}{query}  {effect}  {', '.join(notes)}"
    return line.rstrip()


def _clock(lab: ControlClient, parsed: Namespace) -> str:
    return f"Simulated time is {lab.advance(parsed.seconds):.3f}."


def _wait(lab: ControlClient, parsed: Namespace) -> str:
    lab.wait(*parsed.condition, timeout_seconds=parsed.timeout)
    return "It holds."


def _host(lab: ControlClient, parsed: Namespace) -> str:
    return f"Host {parsed.name} has its files in {lab.add_host(parsed.name)}."


def _state(lab: ControlClient, _parsed: Namespace) -> str:
    return json.dumps(lab.state(), indent=2)

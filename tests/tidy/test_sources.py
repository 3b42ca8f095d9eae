"""What may stand in a source: no print in the driver, late imports only for a reason, notes only with a name."""

import ast
import re

from tests.tidy.tree import calls, module, none_of, parsed, python_files, stale, text, tracked

#: path -> why it may print: these talk to a person at a terminal.
MAY_PRINT: dict[str, str] = {}

_NO_SERVER = "verbs that ask a running lab need none of the server's libraries"

#: "package.module imported" -> why the import is inside a function.
LATE_IMPORTS: dict[str, str] = {
    "arraysim.cli arraysim.config": _NO_SERVER,
    "arraysim.cli arraysim.lab": _NO_SERVER,
    "arraysim.cli arraysim.labfolder": _NO_SERVER,
    "arraysim.cli arraysim.listener": _NO_SERVER,
    "arraysim.lab arraysim.host.host": "most labs have no host, and a host needs what only Linux has",
    "csi.cli csi.wiring": "--help and wrong flags need none of the driver",
}

#: Spelled in two halves so that this file does not find itself.
NOTE = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b(?!\(\w[\w .-]*\))")


def test_the_driver_does_not_print() -> None:
    printing = {path.as_posix() for path in python_files("csi") if any(name == "print" for name, _ in calls(path))}
    none_of(printing - set(MAY_PRINT))
    none_of(stale(MAY_PRINT, printing))


def _late_imports() -> set[str]:
    modules = {module(path) for path in python_files()}
    found = set()
    for path in python_files("csi", "arraysim"):
        for function in ast.walk(parsed(path)):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for node in ast.walk(function):
                if isinstance(node, ast.Import):
                    found |= {f"{module(path)} {alias.name}" for alias in node.names}
                elif isinstance(node, ast.ImportFrom):
                    whole = (f"{node.module}.{alias.name}" for alias in node.names)
                    found |= {f"{module(path)} {name if name in modules else node.module}" for name in whole}
    return found


def test_late_imports_are_listed_with_a_reason() -> None:
    late = _late_imports()
    none_of(late - set(LATE_IMPORTS))
    none_of(stale(LATE_IMPORTS, late))


def test_processes_of_the_driver_are_started_in_one_file() -> None:
    """And never forked: gRPC's threads do not survive it (csi.md 8)."""
    starters = {"subprocess", "multiprocessing", "pty"}
    found = set()
    for path in python_files("csi"):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = (
                    [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
                )
                found |= {f"{path} {name}" for name in names if name.split(".")[0] in starters}
        for name, call in calls(path):
            forks = name in ("os.fork", "os.system", "os.popen") or {k.arg for k in call.keywords} & {"preexec_fn"}
            found |= {f"{path}:{call.lineno} {name}"} if forks else set()
    none_of(found - {"csi/node/host.py subprocess"})


def test_notes_to_oneself_carry_a_name() -> None:
    nameless = [
        f"{path}:{number}"
        for path in tracked()
        for number, line in enumerate(text(path).splitlines(), start=1)
        if NOTE.search(line)
    ]
    none_of(nameless)


def test_a_note_with_a_name_is_told_from_one_without() -> None:
    word = "TO" + "DO"
    assert NOTE.search(f"# {word}: later")
    assert not NOTE.search(f"# {word}(maria): later")
    assert not NOTE.search(f"{word}S")

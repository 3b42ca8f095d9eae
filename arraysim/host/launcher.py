"""The executables in the host's folder: scripts that hand their arguments to the host and print its answer."""

import sys
from collections.abc import Iterable
from pathlib import Path

_SCRIPT = """\
import json, os, socket, sys
tool, argv = os.path.basename(sys.argv[0]), sys.argv[1:]
stdin = sys.stdin.buffer.read() if tool == "dd" and not any(word.startswith("if=") for word in argv) else b""
try:
    link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # By way of the open folder: the path of a socket may only have 107 bytes.
    link.connect("/proc/self/fd/%d/host.sock" % os.open({run!r}, os.O_PATH))
except OSError as error:
    sys.stderr.write("%s: the simulated host is not running: %s\\n" % (tool, error.strerror))
    sys.exit(126)
request = dict(kind="tool", tool=tool, argv=argv, cwd=os.getcwd(), body=len(stdin))
answer = link.makefile("rwb")
answer.write(json.dumps(request).encode() + b"\\n" + stdin)
answer.flush()
head = json.loads(answer.readline() or b'{{"code": 126, "out": 0, "err": 0}}')
sys.stdout.buffer.write(answer.read(head["out"]))
sys.stdout.buffer.flush()
sys.stderr.buffer.write(answer.read(head["err"]))
sys.exit(head["code"])
"""


def install(folder: Path, run_folder: Path, tools: Iterable[str]) -> None:
    """Write an executable for each tool (a path in the folder). Isolated mode and no site keep the start-up short."""
    text = f"#!{sys.executable} -IS\n" + _SCRIPT.format(run=str(run_folder))
    for name in tools:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)  # never write through a link to one of this machine's tools
        path.write_text(text)
        path.chmod(0o755)

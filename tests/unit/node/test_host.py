"""The door itself, with real processes and real files."""

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from csi.errors import BadSettings
from csi.node.host import OUTPUT_LIMIT_BYTES, ExecMode, LinuxHost
from csi.node.port import PathKind, ToolFailed


def tool(root: Path, name: str, script: str) -> None:
    """An executable among the tools of a host root."""
    file = root / "usr" / "sbin" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def test_output_error_and_code_come_back() -> None:
    result = LinuxHost().run(["sh", "-c", "echo out; echo err >&2; exit 3"], timeout_seconds=30, check=False)
    assert (result.code, result.out, result.err) == (3, "out\n", "err\n")
    assert result.reason == "exit code 3: err"


def test_a_checked_failure_is_an_error_with_the_tools_own_words() -> None:
    with pytest.raises(ToolFailed, match="exit code 1: no way"):
        LinuxHost().run(["sh", "-c", "echo no way >&2; exit 1"], timeout_seconds=30)


def test_a_process_that_takes_too_long_dies_with_its_children(tmp_path: Path, eventually: Callable[..., None]) -> None:
    note = tmp_path / "child"
    script = f"sleep 600 & echo $! > {note}; echo begun; wait"
    began = time.monotonic()
    result = LinuxHost().run(["sh", "-c", script], timeout_seconds=0.5, check=False)
    assert result.timed_out
    assert result.out == "begun\n"
    assert time.monotonic() - began < 20
    child = int(note.read_text())
    status = Path(f"/proc/{child}/status")

    def ended() -> bool:
        """A killed process dies when it next runs, and stays a zombie until the machine's init reaps it."""
        try:
            return "Z (zombie)" in status.read_text()
        except (FileNotFoundError, ProcessLookupError):
            return True

    eventually(ended, 20)


def test_a_daemon_that_keeps_the_pipe_open_does_not_hold_up_the_caller(tmp_path: Path) -> None:
    note = tmp_path / "daemon"
    result = LinuxHost().run(["sh", "-c", f"sleep 600 & echo $! > {note}; echo done"], timeout_seconds=60)
    os.kill(int(note.read_text()), signal.SIGKILL)
    assert result.out == "done\n"


def test_output_is_bounded_and_binary_output_is_whole() -> None:
    host = LinuxHost()
    large = host.run(["dd", "if=/dev/zero", "bs=1048576", "count=12", "status=none"], timeout_seconds=60)
    assert len(large.raw) == OUTPUT_LIMIT_BYTES
    assert host.run(["printf", r"\377\000\001"], timeout_seconds=60).raw == b"\xff\x00\x01"


def test_processes_get_no_input_the_c_locale_and_a_session_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD", "geheim")
    host = LinuxHost()
    assert host.run(["cat"], timeout_seconds=30).out == ""
    assert host.run(["sh", "-c", "echo $LC_ALL $PASSWORD"], timeout_seconds=30).out == "C\n"
    session = host.run(["sh", "-c", "cut -d' ' -f6 /proc/$$/stat"], timeout_seconds=30).out
    assert int(session) != os.getsid(0)


def test_secrets_are_in_no_log_and_no_error(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    with pytest.raises(ToolFailed) as raised:
        LinuxHost().run(
            ["sh", "-c", 'echo "bad option $0" >&2; exit 1', "key=geheim"], timeout_seconds=30, hide=["key=geheim"]
        )
    assert "bad option ***" in str(raised.value)
    assert "geheim" not in str(raised.value) + caplog.text


def test_a_missing_tool_is_named(tmp_path: Path) -> None:
    for host in (LinuxHost(), LinuxHost(tmp_path)):
        with pytest.raises(BadSettings, match="no-such-tool"):
            host.run(["no-such-tool"], timeout_seconds=30)


def test_path_mode_runs_the_hosts_tools_and_no_others(tmp_path: Path) -> None:
    tool(tmp_path, "multipath", 'echo "mine $1"')
    host = LinuxHost(tmp_path)
    assert host.run(["multipath", "-f"], timeout_seconds=30).out == "mine -f\n"
    assert host.device("/dev/dm-0") == f"{tmp_path}/dev/dm-0"
    with pytest.raises(BadSettings, match="mount"):
        host.run(["mount"], timeout_seconds=30)


def test_chroot_and_nsenter_go_through_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wrappers are stood in for by scripts that print what they were told; both need rights a test has not got."""
    for name in ("chroot", "nsenter"):
        tool(tmp_path, name, f'echo {name} "$@"')
    monkeypatch.setenv("PATH", f"{tmp_path}/usr/sbin:{os.environ['PATH']}")
    root = tmp_path / "host"
    root.mkdir()
    chrooted, entered = LinuxHost(root, ExecMode.CHROOT), LinuxHost(root, ExecMode.NSENTER)
    assert chrooted.run(["umount", "/x"], timeout_seconds=30).out == f"chroot {root} umount /x\n"
    wanted = f"nsenter --mount={root}/proc/1/ns/mnt -- umount /x\n"
    assert entered.run(["umount", "/x"], timeout_seconds=30).out == wanted
    assert chrooted.device("/dev/dm-0") == entered.device("/dev/dm-0") == "/dev/dm-0"


def test_host_paths_are_seen_without_the_root(tmp_path: Path) -> None:
    (tmp_path / "sys" / "a").mkdir(parents=True)
    (tmp_path / "sys" / "a" / "size").write_text("7\n")
    (tmp_path / "sys" / "link").symlink_to("a")
    host = LinuxHost(tmp_path)
    assert host.read("/sys/a/size") == "7"
    assert host.glob("/sys/*/size") == ["/sys/a/size", "/sys/link/size"]
    assert host.readlink("/sys/link") == "a"
    assert host.real("/sys/link/size") == "/sys/a/size"
    assert host.read("/sys/none") is None
    assert host.readlink("/sys/none") is None


def test_a_write_that_the_kernel_does_not_finish_is_given_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "delete")
    host = LinuxHost(tmp_path)
    with pytest.raises(ToolFailed, match="still busy"):
        host.write("/delete", "1", timeout_seconds=0.05)
    # Only now does the other side read, which lets the writing thread end.
    assert (tmp_path / "delete").read_bytes() == b"1\n"
    with pytest.raises(ToolFailed, match="No such file"):
        host.write("/none", "1")
    for thread in threading.enumerate():
        if thread.name == "sysfs-write":
            thread.join(30)


def test_remove_takes_empty_things_only(tmp_path: Path) -> None:
    host = LinuxHost()
    folder, file, link = tmp_path / "folder", tmp_path / "file", tmp_path / "link"
    host.make_folder(str(folder))
    host.make_file(str(file))
    link.symlink_to(file)
    assert [host.kind(str(path)) for path in (folder, file, link, tmp_path / "none")] == [
        PathKind.FOLDER,
        PathKind.FILE,
        PathKind.OTHER,
        PathKind.MISSING,
    ]
    (folder / "data").write_text("x")
    file.write_text("x")
    for path in (folder, file, link):
        with pytest.raises(ToolFailed):
            host.remove(str(path))
        assert os.path.lexists(path)
    (folder / "data").unlink()
    file.write_text("")
    for path in (folder, file, tmp_path / "none"):
        host.remove(str(path))
    assert not folder.exists()
    assert not file.exists()


def test_a_file_is_not_made_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ToolFailed):
        LinuxHost().make_file(str(tmp_path / "link"))
    assert not (tmp_path / "elsewhere").exists()

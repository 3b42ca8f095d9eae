"""The demo's running parts: a lab, the driver's controller and its node service, each a process of its own."""

import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import grpc
import yaml
from google.protobuf.message import Message

from arraysim.control.client import ControlClient

T = TypeVar("T", bound=Message)

NODE = "node-1"
#: How long a process may take to say that it is up.
START_SECONDS = 30.0
CALL_SECONDS = 60.0
_ROOT = Path(__file__).resolve().parents[2]


class NotStarted(Exception):
    """A part of the demo did not come up; the text has the end of its log."""


class Service:
    """One CSI service over a socket: blocking calls by name (the generated stubs are typed for asyncio)."""

    def __init__(self, channel: grpc.Channel, name: str) -> None:
        self._channel = channel
        self._name = name

    def call(self, method: str, request: Message, reply: type[T], timeout_seconds: float = CALL_SECONDS) -> T:
        """The answer; grpc.RpcError for any status but OK."""
        send = self._channel.unary_unary(
            f"/csi.v1.{self._name}/{method}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=reply.FromString,
        )
        return send(request, timeout=timeout_seconds)


class Scene:
    """Starts everything in a temporary folder and knows how to reach it."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="csi-3par-demo-"))
        self._parts: dict[str, subprocess.Popen[bytes]] = {}
        self._channels: list[grpc.Channel] = []

    def start_lab(self) -> None:
        """Two arrays, a link, a witness, and one simulated host."""
        process = self._start(
            "arraysim", "arraysim", "up", "--json", "--folder", str(self.lab_folder), "--host", NODE, answers=True
        )
        self.lab = self._first_object(process, "arraysim")
        self.control = ControlClient.of(self.lab)

    def start_controller(self) -> None:
        """The controller, with the lab's arrays as backend DEFAULT."""
        config = self.folder / "backends.yaml"
        config.write_text(yaml.safe_dump(self._backends(), sort_keys=False))
        self._start(
            "controller", "csi", "controller", "--endpoint", str(self.socket("controller")), "--config", str(config),
            "--journal", str(self.folder / "journal.db"), "--log-format", "console",
        )  # fmt: skip
        channel = self._channel("controller")
        self.identity = Service(channel, "Identity")
        self.controller = Service(channel, "Controller")

    def start_node(self) -> None:
        """The node service, on the simulated host."""
        self._start(
            "node", "csi", "node", "--endpoint", str(self.socket("node")), "--node-name", NODE,
            "--host-root", str(self.host_folder), "--exec-mode", "path", "--protocols", "iscsi",
            "--state-folder", str(self.folder / "node-state"), "--log-format", "console",
        )  # fmt: skip
        self.node = Service(self._channel("node"), "Node")

    def kill(self, name: str) -> None:
        """End a part as a power failure would: no warning, no clean-up."""
        process = self._parts.pop(name)
        process.kill()
        process.wait()

    def socket(self, name: str) -> Path:
        """The UNIX socket of the controller or the node."""
        return self.folder / f"{name}.sock"

    @property
    def lab_folder(self) -> Path:
        """Where the lab keeps its files."""
        return self.folder / "lab"

    @property
    def host_folder(self) -> Path:
        """The simulated host's root."""
        return Path(self.lab["hosts"][NODE]["folder"])

    def state(self) -> dict[str, Any]:
        """Both arrays, in words, from the lab's control port."""
        return self.control.state()

    @property
    def pids(self) -> list[int]:
        """The process numbers of all parts."""
        return [process.pid for process in self._parts.values()]

    def arraysim(self, *arguments: str) -> None:
        """Run the command `arraysim` against this lab. NotStarted with its words if it fails."""
        done = subprocess.run(
            [sys.executable, "-m", "arraysim", *arguments],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(_ROOT), "ARRAYSIM_FOLDER": str(self.lab_folder)},
            timeout=CALL_SECONDS,
            check=False,
        )
        if done.returncode:
            raise NotStarted(f"arraysim {' '.join(arguments)}: {done.stderr.strip()}")

    def log_end(self, name: str, lines: int = 15) -> str:
        """The end of a process's log."""
        path = self.folder / f"{name}.log"
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""

    def stop(self) -> None:
        """End all processes, the last one first, and remove the folder."""
        for channel in self._channels:
            channel.close()
        for process in reversed(self._parts.values()):
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self, name: str, module: str, *arguments: str, answers: bool = False) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PYTHONPATH": str(_ROOT), "PYTHONUNBUFFERED": "1"}
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if answers else log,
                stderr=log,
                env=environment,
                cwd=self.folder,
                start_new_session=True,
            )
        self._parts[name] = process
        return process

    def _first_object(self, process: subprocess.Popen[bytes], name: str) -> dict[str, Any]:
        """The JSON object that the process writes to its standard output when it is ready."""
        assert process.stdout is not None
        text = b""
        deadline = time.monotonic() + START_SECONDS
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while selector.select(max(0.0, deadline - time.monotonic())):
                chunk = os.read(process.stdout.fileno(), 65536)
                text += chunk
                with suppress(ValueError):
                    found: dict[str, Any] = json.loads(text)
                    return found
                if not chunk:
                    break
        raise NotStarted(f"{name} did not start:\n{self.log_end(name)}")

    def _channel(self, name: str) -> grpc.Channel:
        channel = grpc.insecure_channel(f"unix:{self.socket(name)}", options=[("grpc.default_authority", "localhost")])
        self._channels.append(channel)
        try:
            grpc.channel_ready_future(channel).result(timeout=START_SECONDS)
        except grpc.FutureTimeoutError:
            raise NotStarted(f"the {name} did not start:\n{self.log_end(name)}") from None
        return channel

    def _backends(self) -> Mapping[str, object]:
        names = list(self.lab["arrays"])
        credentials = {"usernameFile": str(self.folder / "username"), "passwordFile": self.lab["password_file"]}
        (self.folder / "username").write_text(self.lab["user"])

        def array(name: str, other: str) -> dict[str, object]:
            return {
                "name": name,
                "url": self.lab["arrays"][name]["url"],
                **credentials,
                "caBundle": self.lab["ca_file"],
                "targetName": other,
            }

        cpg = "SSD_r6"
        return {
            "apiVersion": "csi-3par.io/v1",
            "kind": "Backends",
            "backends": [
                {
                    "name": "DEFAULT",
                    "protocol": "iscsi",
                    "cpg": cpg,
                    "source": array(names[0], names[1]),
                    "target": array(names[1], names[0]),
                    "quorumWitness": "192.0.2.10",
                    "cpgMap": {cpg: cpg},
                    "snapCpgMap": {cpg: cpg},
                }
            ],
        }

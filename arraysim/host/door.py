"""The host's socket: tools and map files from other processes."""

import contextlib
import errno
import json
import os
import socket
import threading
from collections.abc import Callable
from io import BufferedIOBase
from pathlib import Path
from typing import Any

from arraysim.host.blockio import Request
from arraysim.host.call import Answer, Call
from arraysim.host.machine import Machine
from arraysim.host.maps import Map
from arraysim.host.world import HostStopped

SOCKET_NAME = "host.sock"
_BACKLOG = 64


class Door:
    """Listens in FOLDER/run; a thread for each connection. `run` does a tool with the lock held."""

    def __init__(self, machine: Machine, folder: Path, run: Callable[[Call], Answer]) -> None:
        self._machine = machine
        self._run = run
        self._guard = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        folder.mkdir(parents=True, exist_ok=True)
        place = os.open(folder, os.O_PATH)
        try:
            self._socket.bind(f"/proc/self/fd/{place}/{SOCKET_NAME}")
        finally:
            os.close(place)
        self._socket.listen(_BACKLOG)
        self._accepting = threading.Thread(target=self._accept, name="simhost-door", daemon=True)
        self._accepting.start()

    def close(self) -> None:
        """No new connection, and an end to the open ones. The world is stopped before, so nobody waits in a tool."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._accepting.join(5)
        self._socket.close()
        with self._guard:
            threads = list(self._threads)
            for link in self._open:
                with contextlib.suppress(OSError):
                    link.shutdown(socket.SHUT_RD)
        for thread in threads:
            thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                link, _ = self._socket.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(link,), name="simhost-call", daemon=True)
            with self._guard:
                self._threads = [other for other in self._threads if other.is_alive()]
                self._open.add(link)
                self._threads.append(thread)
                thread.start()

    def _serve(self, link: socket.socket) -> None:
        opened: list[Map] = []
        try:
            with link, link.makefile("rwb") as stream:
                while line := stream.readline():
                    self._answer(json.loads(line), stream, opened)
                    stream.flush()
        except (OSError, ValueError, HostStopped):
            pass  # the other end is gone, or we are closing: there is nobody to tell
        finally:
            with self._guard:
                self._open.discard(link)
            with self._machine.world.lock:
                for found in opened:
                    found.openers -= 1
                self._machine.world.notify()

    def _answer(self, request: dict[str, Any], stream: BufferedIOBase, opened: list[Map]) -> None:
        body = stream.read(request.get("body", 0))
        if request["kind"] == "tool":
            call = Call(request["tool"], tuple(request["argv"]), request["cwd"], body)
            with self._machine.world.lock:
                answer = self._run(call)
            head = {"code": int(answer.code), "out": len(answer.out), "err": len(answer.err)}
            stream.write(json.dumps(head).encode() + b"\n" + answer.out + answer.err)
            return
        data = b""
        try:
            with self._machine.world.lock:
                size, data = self._io(request, body, opened)
            head = {"error": 0, "size": size, "body": len(data)}
        except OSError as error:
            head = {"error": error.errno or errno.EIO, "size": 0, "body": 0}
        stream.write(json.dumps(head).encode() + b"\n" + data)

    def _io(self, request: dict[str, Any], body: bytes, opened: list[Map]) -> tuple[int, bytes]:
        """(size of the map, bytes read)."""
        found = opened[0] if opened else self._machine.multipathd.find(self._machine.tree.strip(request["map"]))
        if found is None:
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
        match request["kind"]:
            case "open":
                found.openers += 1
                opened.append(found)
            case "read":
                length = max(0, min(request["length"], found.size_bytes - request["offset"]))
                return found.size_bytes, self._machine.io.run(Request(found, request["offset"], length))
            case "write":
                if request["offset"] + len(body) > found.size_bytes:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                self._machine.io.run(Request(found, request["offset"], len(body), body))
        return found.size_bytes, b""

"""Importing HPE's client leaves no trace in the process."""

import subprocess
import sys

PROGRAM = """
import socket, ssl, sys, threading, time, select
before = (socket.socket, socket.create_connection, threading.Thread, threading.Lock, time.sleep, select.select)
ssl_before = ssl.SSLSocket
import csi.array.wsapi

assert not [name for name in sys.modules if name.split(".")[0] in ("eventlet", "greenlet", "paramiko")]
after = (socket.socket, socket.create_connection, threading.Thread, threading.Lock, time.sleep, select.select)
assert before == after and ssl.SSLSocket is ssl_before

import asyncio
import grpc

async def main():
    async def echo(request, context):
        return request

    server = grpc.aio.server()
    handlers = {"Echo": grpc.unary_unary_rpc_method_handler(echo)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("lab", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        assert await channel.unary_unary("/lab/Echo")(b"hello", timeout=20) == b"hello"
    await server.stop(None)

asyncio.run(main())
print("fine")
"""

KEEPS_OTHERS = """
import sys, types
mine = sys.modules["paramiko"] = types.ModuleType("paramiko")
import csi.array.hpe3par
assert sys.modules["paramiko"] is mine
assert "eventlet" not in sys.modules
print("fine")
"""


def run(program: str) -> str:
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr


def test_nothing_is_patched_and_grpc_works_beside_it() -> None:
    assert run(PROGRAM) == "fine\n"


def test_modules_that_were_there_before_stay() -> None:
    assert run(KEEPS_OTHERS) == "fine\n"

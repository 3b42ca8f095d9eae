"""Time and chance come in by constructor; tests wait for something, never for a while."""

import ast

from tests.tidy.tree import calls, none_of, python_files, stale

#: Calls that ask the machine for the time, wait, or roll dice.
CLOCKS = {
    "time.time", "time.time_ns", "time.monotonic", "time.monotonic_ns", "time.perf_counter", "time.sleep",
    "datetime.datetime.now", "datetime.datetime.utcnow", "datetime.date.today", "datetime.now",
    "random.random", "random.randint", "random.randrange", "random.choice", "random.choices", "random.shuffle",
    "random.uniform", "random.getrandbits", "random.Random", "random.SystemRandom",
    "secrets.token_hex", "secrets.token_bytes", "secrets.token_urlsafe", "secrets.randbelow", "secrets.choice",
    "os.urandom", "uuid.uuid1", "uuid.uuid4",
}  # fmt: skip

#: path -> why it may ask the machine itself.
MAY_ASK: dict[str, str] = {
    "csi/clock.py": "the driver's clock",
    "csi/rpc/server.py": "numbers of calls need no seed; tests hand in their own source",
    "arraysim/control/api.py": "a client of /wait waits in real time, whatever the simulated clock says",
    "arraysim/host/blocktools.py": "what /dev/urandom holds for the simulated dd",
    "arraysim/certificates.py": "certificates are valid from the machine's day on, unless the caller names one",
    "csi/node/host.py": "waits for a process in select(2), which runs on the kernel's clock",
}


def test_only_the_clocks_ask_the_machine() -> None:
    """`random.Random(seed)` asks nobody."""
    asking = {
        path.as_posix(): f"{path}:{call.lineno} {name}"
        for path in python_files("csi", "arraysim")
        for name, call in calls(path)
        if name in CLOCKS and not (name == "random.Random" and call.args)
    }
    none_of(where for path, where in asking.items() if path not in MAY_ASK)
    none_of(stale(MAY_ASK, asking))


def test_tests_never_sleep_for_a_fixed_time() -> None:
    """`asyncio.sleep(0)` lets other tasks run and is no sleep."""
    sleeping = [
        f"{path}:{call.lineno} {name}"
        for path in python_files("tests")
        for name, call in calls(path)
        if name in ("time.sleep", "asyncio.sleep", "anyio.sleep")
        and any(isinstance(a, ast.Constant) and a.value for a in [*call.args, *(k.value for k in call.keywords)])
    ]
    none_of(sleeping)

"""What tests of every room share: waiting without sleeping, and chance that can be replayed."""

import os
import random
from collections.abc import Callable, Generator

import pytest
from hypothesis import settings

from csi.clock import SystemClock, poll

#: Set it to the number that a failed run printed, and every test gets the same random numbers again.
SEED = "CSI_TEST_SEED"

# Deadlines of single examples say more about the machine than about the code; --timeout guards the whole test.
settings.register_profile("house", deadline=None, print_blob=True)
settings.load_profile("house")


def pytest_configure(config: pytest.Config) -> None:
    """Choose the run's seed before xdist starts its workers, which inherit it."""
    os.environ.setdefault(SEED, str(random.SystemRandom().randrange(2**32)))


def pytest_report_header(config: pytest.Config) -> str:
    return f"seed: {os.environ[SEED]}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Print how to replay a failed test that took random numbers."""
    report = yield
    if report.failed and "rng" in getattr(item, "fixturenames", ()):
        report.sections.append(("seed", f"{SEED}={os.environ[SEED]} replays this test's random numbers"))
    return report


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> random.Random:
    """Random numbers of this test alone: the same whichever tests run before it or beside it."""
    return random.Random(f"{os.environ[SEED]} {request.node.nodeid}")


@pytest.fixture
def eventually() -> Callable[..., None]:
    """`eventually(predicate, seconds)`: wait on the machine's clock until it holds, fail when the time is over.

    For what happens in other threads and processes that offer no event to wait for.
    """

    def wait(predicate: Callable[[], bool], seconds: float = 10.0, *, what: str = "") -> None:
        if not poll(SystemClock(), predicate, timeout_seconds=seconds, every_seconds=0.01):
            pytest.fail(f"not within {seconds} s: {what or predicate}")

    return wait


#: A test that has figures to show hands them to `record_property` under this name; they are printed at the end.
SHOWN = "shown"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests have to show, whichever worker they ran in."""
    shown = [
        f"{report.nodeid}: {value}"
        for reports in terminalreporter.stats.values()
        for report in reports
        for name, value in getattr(report, "user_properties", ())
        if name == SHOWN and getattr(report, "when", "") == "call"
    ]
    if shown:
        terminalreporter.section("figures")
        terminalreporter.write_line("\n".join(sorted(shown)))

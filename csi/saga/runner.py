"""Runs a plan: journal, do, journal; on failure undoes in reverse and keeps what could not be undone."""

import logging
from collections.abc import Callable, Iterable, Sequence

from csi.clock import Clock
from csi.errors import BugError, DriverError, UnfinishedError
from csi.saga.journal import Journal, Record
from csi.saga.locks import Locks
from csi.saga.step import Rebuild, Step

_log = logging.getLogger(__name__)

#: How long an operation waits for another one on the same volume or group before it answers Busy.
LOCK_WAIT_SECONDS = 120.0


class Runner:
    """One per controller process. Safe for several threads."""

    def __init__(self, journal: Journal, locks: Locks, clock: Clock, rebuild: Rebuild) -> None:
        self._journal = journal
        self._locks = locks
        self._clock = clock
        self._rebuild = rebuild

    def run(
        self,
        key: str,
        scopes: Iterable[str],
        plan: Callable[[], Sequence[Step]],
        finish: Callable[[], None] = lambda: None,
    ) -> None:
        """Hold `scopes`, settle what earlier operations on them left open, ask `plan`, and run its steps.

        `plan` looks at the arrays with the scopes held and answers the steps, none if all is as wanted. A DriverError
        of `plan` passes through: nothing was done. `finish` reads what the caller will answer with, still under the
        scopes. If a step or `finish` fails, the steps are undone; then its own error is raised, or UnfinishedError if
        an undo failed too, with the rest kept in the journal.
        """
        held = frozenset(scopes)
        with self._locks.holding(held, timeout_seconds=LOCK_WAIT_SECONDS):
            for record in self._journal.records():
                if held & set(record.scopes):
                    self._settle_with_scopes(record, held)
            steps = plan()
            if steps:
                self._run(self._journal.open(key, held, self._clock.now()), steps, finish)
            else:
                finish()

    def settle(self, record: Record) -> None:
        """Undo an operation nobody finished. Busy if something works on its scopes, UnfinishedError if it fails."""
        with self._locks.holding(record.scopes, timeout_seconds=0.0):
            current = self._journal.get(record.key)
            if current is not None:
                self._undo(current, DriverError(f"{current.key} was left unfinished by an earlier process"))

    def open_records(self) -> tuple[Record, ...]:
        """What the journal holds now."""
        return self._journal.records()

    def _settle_with_scopes(self, record: Record, held: frozenset[str]) -> None:
        rest = frozenset(record.scopes) - held
        with self._locks.holding(rest, timeout_seconds=LOCK_WAIT_SECONDS):
            self._undo(record, DriverError(f"{record.key} was left unfinished by an earlier process"))

    def _run(self, record: Record, steps: Sequence[Step], finish: Callable[[], None]) -> None:
        try:
            for step in steps:
                if step.done():
                    continue
                record = self._journal.intend(record, step.describe())
                _log.info("%s: %s", record.key, step.title)
                step.do()
            finish()
        except DriverError as failure:
            self._undo(record, failure)
            if record.steps and not failure.done:
                failure.done = "The driver took back what it had done; both arrays are as they were"
            raise
        except Exception as failure:  # a bug must not leave half a volume behind
            self._undo(record, BugError(f"unexpected {type(failure).__name__} while working on {record.key}"))
            raise
        self._journal.close(record)

    def _undo(self, record: Record, failure: DriverError) -> None:
        """Undo all of a record's steps in reverse; each is tried, whatever became of the one before it."""
        left: list[str] = []
        for described in reversed(record.steps):
            step = self._rebuild(described)
            try:
                step.undo()
            except DriverError as error:
                _log.warning("%s: cannot undo %s yet: %s", record.key, step.title, error)
                left.append(f"{step.title} ({error.what})")
        if left:
            raise UnfinishedError(failure, left) from failure
        self._journal.close(record)

"""A tool's run: what the launcher sends and what it prints."""

import getopt
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Call:
    """`argv` without the tool's name; `stdin` only for tools that read it."""

    tool: str
    argv: tuple[str, ...]
    cwd: str = "/"
    stdin: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """Exit code and what goes to standard output and standard error."""

    code: int = 0
    out: bytes = b""
    err: bytes = b""


class ToolFailed(Exception):
    """A tool gives up: exit code, standard error, and what it had printed until then."""

    def __init__(self, code: int, err: str = "", out: str = "") -> None:
        super().__init__(f"exit code {code}: {err}")
        self.code = code
        self.err = err
        self.out = out


def say(out: str = "", *, code: int = 0, err: str = "") -> Answer:
    """An answer in text."""
    return Answer(code, out.encode(), err.encode())


@dataclass(frozen=True, slots=True)
class Options:
    """Parsed options in their order, and the other arguments."""

    pairs: tuple[tuple[str, str], ...]
    rest: tuple[str, ...]

    def has(self, *names: str) -> bool:
        """Whether any of these was given."""
        return any(name in names for name, _ in self.pairs)

    def value(self, *names: str) -> str | None:
        """The last value of these."""
        found = self.values(*names)
        return found[-1] if found else None

    def values(self, *names: str) -> list[str]:
        """Every value of these."""
        return [value for name, value in self.pairs if name in names]


def parse(argv: Sequence[str], short: str, long: Sequence[str] = (), *, usage: tuple[int, str] = (1, "")) -> Options:
    """GNU getopt. ToolFailed with `usage` (exit code, prefix of the message) for an unknown option."""
    try:
        pairs, rest = getopt.gnu_getopt(list(argv), short, list(long))
    except getopt.GetoptError as error:
        code, prefix = usage
        raise ToolFailed(code, f"{prefix}unrecognized option '{error.opt}'\n") from error
    return Options(tuple(pairs), tuple(rest))

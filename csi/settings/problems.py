"""Everything wrong with a settings file, told at once."""

from dataclasses import dataclass

from csi.errors import BadSettings


class Wrong(ValueError):
    """One value is not acceptable: the sentence says why, `allowed` what would be.

    Raised by the checks and turned into a Problem by whoever knows the place; it never leaves csi.settings.
    """

    def __init__(self, sentence: str, allowed: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.allowed = allowed


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend. `line` counts from 1, 0: not known; `backend` and `key` are "" where none is meant."""

    wrong: str
    line: int = 0
    backend: str = ""
    key: str = ""
    allowed: str = ""
    nearest: str = ""

    def told(self, path: str) -> str:
        """The problem as one line: file, line, backend, key, what is wrong, what is allowed, the nearest known key."""
        place = f"{path}:{self.line}" if self.line else path
        parts = [place, f"backend {self.backend}" if self.backend else "", self.key]
        text = ": ".join([*filter(None, parts), self.wrong])
        if self.allowed:
            text += f"; allowed: {self.allowed}"
        if self.nearest:
            text += f"; nearest known key: {self.nearest}"
        return text


class Report:
    """Collects problems and warnings while one file is read."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.problems: list[Problem] = []
        self.warnings: list[str] = []

    def problem(
        self, wrong: str, *, line: int = 0, backend: str = "", key: str = "", allowed: str = "", nearest: str = ""
    ) -> None:
        """Note a problem; the arguments are Problem's fields."""
        self.problems.append(Problem(wrong, line=line, backend=backend, key=key, allowed=allowed, nearest=nearest))

    def warn(self, sentence: str, *, backend: str = "") -> None:
        """Note a sentence for the log."""
        self.warnings.append(": ".join(filter(None, [self.path, f"backend {backend}" if backend else "", sentence])))

    def finish(self) -> None:
        """Raise BadSettings with every problem, in the order of the file's lines; nothing if there is none."""
        if not self.problems:
            return
        lines = [problem.told(self.path) for problem in sorted(self.problems, key=lambda problem: problem.line)]
        count = "1 problem" if len(lines) == 1 else f"{len(lines)} problems"
        raise BadSettings("\n  ".join([f"{count} in the settings, nothing was loaded", *lines]))

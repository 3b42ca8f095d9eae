"""The two arrays of a backend, equal but for who made a group; a plain backend has one."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from csi.array.port import Array
from csi.errors import BadSettings, DriverError
from csi.settings.model import Backend

T = TypeVar("T")


class Side(StrEnum):
    """An array's place in its pair: `source` is where groups are made, `target` the other one."""

    SOURCE = "source"
    TARGET = "target"

    @property
    def other(self) -> "Side":
        """The other array's place."""
        return Side.TARGET if self is Side.SOURCE else Side.SOURCE


@dataclass(frozen=True)
class Pair:
    """One backend's arrays and its settings."""

    backend: Backend
    source: Array
    target: Array | None = None

    @property
    def name(self) -> str:
        """The backend's name."""
        return self.backend.name

    @property
    def sides(self) -> tuple[Side, ...]:
        """The places that are taken: both, or the source alone."""
        return (Side.SOURCE, Side.TARGET) if self.target is not None else (Side.SOURCE,)

    def array(self, side: Side) -> Array:
        """The array in that place; BadSettings if the backend has none there."""
        if side is Side.SOURCE:
            return self.source
        if self.target is None:
            raise BadSettings(f"backend {self.name} has no second array", hint="Add it to the settings")
        return self.target

    def cpg_on(self, side: Side, source_cpg: str) -> str:
        """What stands for the source's `source_cpg` on that side; BadSettings if it is not in the map."""
        return self._mapped(side, source_cpg, self.backend.cpg_map, "cpg")

    def snap_cpg_on(self, side: Side, source_snap_cpg: str) -> str:
        """The same for snapshot CPGs; "" stays "", which lets the array choose."""
        return self._mapped(side, source_snap_cpg, self.backend.snap_cpg_map, "snapshot CPG") if source_snap_cpg else ""

    def both(self, ask: Callable[[Array], T]) -> dict[Side, T | DriverError]:
        """Ask every array at the same time; each side's answer, or the DriverError it raised."""

        def guarded(side: Side) -> T | DriverError:
            try:
                return ask(self.array(side))
            except DriverError as error:
                return error

        if len(self.sides) == 1:
            return {Side.SOURCE: guarded(Side.SOURCE)}
        with ThreadPoolExecutor(max_workers=2, thread_name_prefix=f"pair-{self.name}") as pool:
            return dict(zip(self.sides, pool.map(guarded, self.sides), strict=True))

    def close(self) -> None:
        """Give both arrays' sessions back."""
        self.both(lambda array: array.close())

    def _mapped(self, side: Side, source_name: str, names: Mapping[str, str], what: str) -> str:
        if side is Side.SOURCE:
            return source_name
        try:
            return names[source_name]
        except KeyError:
            known = ", ".join(sorted(names)) or "nothing"
            raise BadSettings(
                f"backend {self.name} has no {what} on {self.array(side).label} for {source_name!r}",
                hint=f"Add {source_name!r} to the backend's {what} map, which has {known}",
            ) from None

"""The whole world: two arrays, the Remote Copy link between them, the quorum witness, the clock."""

from arraysim.core.arbitration import Arbitration
from arraysim.core.array import Array
from arraysim.core.clock import VirtualClock
from arraysim.core.invariants import check_pair
from arraysim.core.options import Options


class Link:
    """All Remote Copy links between the arrays, as one."""

    def __init__(self) -> None:
        self.up = True


class Witness:
    """The quorum witness and which arrays it can be reached from, by array name."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.up = True
        self.reach = dict.fromkeys(names, True)


class Pair:
    """Two arrays that are each other's Remote Copy target. Not safe for threads: the owner holds a lock."""

    def __init__(self, clock: VirtualClock, options: Options | None = None) -> None:
        self.clock = clock
        self.options = options or Options()
        first, second = self.options.arrays
        if first.name == second.name or first.system_id == second.system_id:
            raise ValueError("the two arrays need different names and system ids")
        self.arrays: tuple[Array, Array] = (
            Array(self, first, first.target_name or second.name),
            Array(self, second, second.target_name or first.name),
        )
        self.link = Link()
        self.witness = Witness((first.name, second.name))
        self.arbitration = Arbitration(self)

    def array(self, name: str) -> Array:
        """KeyError if neither is called that."""
        for array in self.arrays:
            if array.name == name:
                return array
        raise KeyError(name)

    def peer(self, array: Array) -> Array:
        """The other one."""
        first, second = self.arrays
        return second if array is first else first

    @property
    def contact(self) -> bool:
        """Whether the arrays can talk to each other."""
        return self.link.up and all(array.powered for array in self.arrays)

    def reaches_witness(self, array: Array) -> bool:
        """Whether this array, powered, can read and write the witness."""
        return array.powered and self.witness.up and self.witness.reach[array.name]

    def cut_link(self) -> None:
        """Every Remote Copy link fails at once."""
        self.link.up = False
        self._changed()

    def join_link(self) -> None:
        """The links are back."""
        self.link.up = True
        self._changed()

    def power_off(self, name: str) -> None:
        """The array is gone at once: nothing answers, paths drop; what it stored stays. KeyError for the name."""
        array = self.array(name)
        array.powered = False
        array.logins.clear()
        self.arbitration.array_died(array)
        self._changed()

    def power_on(self, name: str) -> None:
        """The array is back with what it stored; initiators must log in again. KeyError for the name."""
        array = self.array(name)
        if not array.powered:
            array.powered = True
            self.arbitration.array_returned(array)
            self._changed()

    def set_witness(self, up: bool) -> None:
        """The witness itself runs or not."""
        self.witness.up = up
        self._changed()

    def set_witness_reach(self, name: str, reachable: bool) -> None:
        """One array's way to the witness. KeyError for the name."""
        self.witness.reach[self.array(name).name] = reachable
        self._changed()

    def check(self) -> None:
        """Raise InvariantBroken if this could not be a real pair."""
        check_pair(self)

    def _changed(self) -> None:
        self.arbitration.refresh()
        self.check()

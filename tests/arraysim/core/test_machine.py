"""Random lives of a pair. Invariants run inside; the machine adds the oracle: no acknowledged write is ever lost,
unless a person overrode the arrays (failover, override, recover of a split pair)."""

from collections.abc import Callable

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from arraysim.core import admission, dataplane, disaster, groups, hosts, snapshots, starting, vluns, volumes
from arraysim.core.array import Array
from arraysim.core.blocks import PAGE_BYTES
from arraysim.core.dataplane import Access, DataPathDown, LoginRefused, NoSuchLun, NotServing
from arraysim.core.faults import ArrayFault
from arraysim.core.groups import GroupChange
from arraysim.core.invariants import deep_check
from tests.arraysim.core.world import IQN, PEER_PERSISTENCE, World

NAMES = st.sampled_from(["v", "w"])
SIDES = st.sampled_from([0, 1])
LUNS = {"v": 0, "w": 1}


class Life(RuleBasedStateMachine):
    """`truth` has the acknowledged bytes by (volume, page); `trusted` whether nobody overrode the arrays since."""

    @initialize(recover=st.booleans(), naturalise=st.booleans())
    def build(self, recover: bool, naturalise: bool) -> None:
        self.world = World(
            recover_automatically=recover, switchover_naturalises=naturalise, switchover_needs_exports=False
        )
        self.truth: dict[tuple[str, int], bytes] = {}
        self.trusted = True
        self.world.group()
        for array in self.world.pair.arrays:
            hosts.create(array, hosts.NewHost("h", (IQN,)))
        for name, lun in LUNS.items():
            self.world.volume(name)
            self.world.admit(name)
            for array in self.world.pair.arrays:
                vluns.create(array, vluns.NewVlun(name, "h", lun=lun))
        starting.start(self.world.a, "g")
        self.world.clock.advance(1)

    def name_on(self, side: int) -> str:
        return ("g", "g.r46750")[side]

    def array(self, side: int) -> Array:
        return self.world.pair.arrays[side]

    def ask(self, operation: Callable[..., object], side: int, *args: object, **kwargs: object) -> bool:
        """Whether an operation was done; an array without power is not asked."""
        if not self.array(side).powered:
            return False
        try:
            operation(self.array(side), *args, **kwargs)
        except ArrayFault:
            return False
        return True

    @rule(side=SIDES, operation=st.sampled_from([starting.start, starting.stop, disaster.switchover]))
    def run_the_group(self, side: int, operation: Callable[..., object]) -> None:
        self.ask(operation, side, self.name_on(side))

    @rule(side=SIDES, operation=st.sampled_from([disaster.failover, disaster.override]))
    def take_risks(self, side: int, operation: Callable[..., object]) -> None:
        if self.ask(operation, side, self.name_on(side)):
            self.trusted = False

    @rule(side=SIDES, operation=st.sampled_from([disaster.recover, disaster.restore]), start=st.booleans())
    def heal(self, side: int, operation: Callable[..., object], start: bool) -> None:
        self.ask(operation, side, self.name_on(side), start=start)

    @rule(side=SIDES, name=NAMES)
    def leave_and_rejoin(self, side: int, name: str) -> None:
        array, group = self.array(side), self.name_on(side)
        if self.ask(admission.dismiss, side, group, name):
            for vlun in array.peer.vluns_of(array.peer.volumes[name]):
                vluns.delete(array.peer, vluns.VlunKey(name, vlun.lun, "h", ""))
            lacking = array.volumes[name].size_mib - array.peer.volumes[name].size_mib
            if lacking:
                volumes.grow(array.peer if lacking > 0 else array, name, abs(lacking))
            admission.admit(array, group, admission.NewMember(name, name, array.target.name))
            vluns.create(array.peer, vluns.NewVlun(name, "h", lun=LUNS[name]))

    @rule(side=SIDES, name=NAMES)
    def grow(self, side: int, name: str) -> None:
        self.ask(volumes.grow, side, name, 256)

    @rule(side=SIDES, name=NAMES)
    def snapshot(self, side: int, name: str) -> None:
        if self.ask(snapshots.take, side, name, snapshots.NewSnapshot("s")):
            self.ask(volumes.delete, side, "s")

    @rule(side=SIDES, name=NAMES)
    def delete(self, side: int, name: str) -> None:
        assert not self.ask(volumes.delete, side, name), "a member was deleted"

    @rule(side=SIDES, on=st.booleans())
    def set_auto_recover(self, side: int, on: bool) -> None:
        self.ask(
            groups.modify, side, self.name_on(side), GroupChange(policies={**PEER_PERSISTENCE, "auto_recover": on})
        )

    @rule()
    def cut_or_join_the_link(self) -> None:
        pair = self.world.pair
        (pair.cut_link if pair.link.up else pair.join_link)()

    @rule(side=SIDES)
    def press_the_power_button(self, side: int) -> None:
        pair, array = self.world.pair, self.array(side)
        (pair.power_off if array.powered else pair.power_on)(array.name)

    @rule()
    def stop_or_start_the_witness(self) -> None:
        self.world.pair.set_witness(not self.world.pair.witness.up)

    @rule(side=SIDES)
    def cut_or_join_a_way_to_the_witness(self, side: int) -> None:
        name = self.array(side).name
        self.world.pair.set_witness_reach(name, not self.world.pair.witness.reach[name])

    @rule(seconds=st.sampled_from([0.05, 1, 3, 6, 11, 30]))
    def wait(self, seconds: float) -> None:
        self.world.clock.advance(seconds)

    @rule(side=SIDES, name=NAMES, page=st.integers(0, 3), data=st.binary(min_size=1, max_size=2))
    def write(self, side: int, name: str, page: int, data: bytes) -> None:
        try:
            dataplane.login(self.array(side), IQN, "0:2:1")
            dataplane.write(self.array(side), IQN, LUNS[name], page * PAGE_BYTES, data)
        except (DataPathDown, LoginRefused, NoSuchLun, NotServing):
            return
        old = self.truth.get((name, page), b"\0\0")
        self.truth[name, page] = data + old[len(data) :]

    @precondition(lambda self: not self.trusted)
    @rule()
    def trust_again(self) -> None:
        """Once both are Synced there is one truth again: what they hold."""
        near, far = self.world.near, self.world.far
        if near.started and far.started and near.synced and self.world.pair.contact:
            self.trusted = True
            self.truth = {
                (name, page): self.world.a.volumes[name].blocks.read(page * PAGE_BYTES, 2)
                for name in LUNS
                for page in range(4)
            }

    @invariant()
    def nothing_acknowledged_is_lost(self) -> None:
        if not hasattr(self, "world"):
            return
        deep_check(self.world.pair)
        if not self.trusted:
            return
        serving = [array for array in self.world.pair.arrays if array.powered and self.serves(array)]
        assert len(serving) <= 1
        for array in serving:
            for (name, page), data in self.truth.items():
                assert array.volumes[name].blocks.read(page * PAGE_BYTES, 2) == data, (array.name, name, page)

    @staticmethod
    def serves(array: Array) -> bool:
        return any(dataplane.access(array, name) is Access.ACTIVE for name in LUNS)


Life.TestCase.settings = settings(
    max_examples=150,
    stateful_step_count=40,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
TestLife = Life.TestCase

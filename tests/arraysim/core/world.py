"""A pair for tests: one volume's worth of Peer Persistence in a few words."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from arraysim.core import admission, dataplane, groups, hosts, starting, vluns, volumes
from arraysim.core.clock import VirtualClock
from arraysim.core.dataplane import Access
from arraysim.core.faults import ArrayFault, Refusal
from arraysim.core.groups import GroupChange, NewGroup
from arraysim.core.objects import Group
from arraysim.core.options import Options
from arraysim.core.pair import Pair

IQN = "iqn.1994-05.com.redhat:node-1"
GIB = 1024
PEER_PERSISTENCE = {"auto_failover": True, "path_management": True, "auto_recover": True}


class World:
    """`a` makes groups, `b` is the other array; `near` and `far` are their views of the group `g`."""

    def __init__(self, **options: object) -> None:
        self.clock = VirtualClock()
        self.pair = Pair(self.clock, replace(Options(), **options))  # type: ignore[arg-type]  # names checked by replace
        self.a, self.b = self.pair.arrays

    @property
    def near(self) -> Group:
        return self.a.groups["g"]

    @property
    def far(self) -> Group:
        return self.b.groups[f"g.r{self.a.system_id}"]

    def volume(self, name: str = "v", size_mib: int = GIB, array_name: str = "array-a") -> None:
        volumes.create(self.pair.array(array_name), volumes.NewVolume(name, "SSD_r6", size_mib))

    def group(self, policies: dict[str, bool] | None = None) -> None:
        groups.create(self.a, NewGroup("g", "array-b", local_cpg="SSD_r6", remote_cpg="SSD_r6"))
        groups.modify(self.a, "g", GroupChange(policies=PEER_PERSISTENCE if policies is None else policies))

    def admit(self, name: str = "v") -> None:
        admission.admit(self.a, "g", admission.NewMember(name, name, "array-b", auto_create=True))

    def replicated(self, policies: dict[str, bool] | None = None) -> None:
        """Group `g` with volume `v`, started and Synced."""
        self.volume()
        self.group(policies)
        self.admit()
        starting.start(self.a, "g")
        self.clock.advance(1)

    def exported(self, volume: str = "v") -> None:
        """Host `h` on both arrays, logged in at two ports of each; the volume exported by both as LUN 0."""
        for array in self.pair.arrays:
            if "h" not in array.hosts:
                hosts.create(array, hosts.NewHost("h", (IQN,)))
            vluns.create(array, vluns.NewVlun(volume, "h"))
        self.log_in("array-a")
        self.log_in("array-b")

    def log_in(self, name: str) -> None:
        for port in ("0:2:1", "1:2:1"):
            dataplane.login(self.pair.array(name), IQN, port)

    def write(self, name: str, data: bytes, offset: int = 0) -> None:
        dataplane.write(self.pair.array(name), IQN, 0, offset, data)

    def read(self, name: str, length: int, offset: int = 0) -> bytes:
        return dataplane.read(self.pair.array(name), IQN, 0, offset, length)

    def access(self) -> tuple[Access, Access]:
        """What both arrays say of `v`."""
        return dataplane.access(self.a, "v"), dataplane.access(self.b, "v")

    def synced(self) -> bool:
        """Whether every member is Synced in both views."""
        return self.near.synced and self.far.synced

    def roles(self) -> tuple[str, str]:
        """Both views in the words of the guides, such as `Primary-Rev/Stopped`."""
        return words(self.near), words(self.far)


def words(group: Group) -> str:
    """Role, -Rev if reversed, and state, of one view."""
    return f"{group.role.name.title()}{'-Rev' if group.reversed else ''}/{group.state.name.title()}"


@contextmanager
def refused(refusal: Refusal) -> Iterator[None]:
    """The block must be refused just so."""
    with pytest.raises(ArrayFault) as caught:
        yield
    assert (caught.value.status, caught.value.code) == refusal.value[:2], str(caught.value)

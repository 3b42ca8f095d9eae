"""The short list of what the driver asks of an array.

Every method raises, besides what it names: ArrayUnreachable (no answer; a change may or may not have happened),
Unauthorized (credentials or rights), Busy (the array says the object is in use by another operation), and
OperatorError or CallerError leaves for refusals, with the array's name, the object and the vendor's code in the text.
Looking for something that is not there answers None or an empty tuple, never an error.
"""

from typing import Protocol

from csi.array.records import (
    Cpg,
    Group,
    GroupWish,
    Host,
    Policies,
    Port,
    System,
    Target,
    Vlun,
    Volume,
    VolumeWish,
)

#: Volumes come in multiples of this (wsapi.md 2.4: rounded up to 256 MiB).
GRANULE_BYTES = 256 * 1024 * 1024


class Array(Protocol):
    """One array. Implementations are safe to call from several threads."""

    @property
    def label(self) -> str:
        """How messages call this array: the name from the settings."""

    def system(self) -> System: ...

    def ports(self) -> tuple[Port, ...]:
        """Host-facing iSCSI and FC target ports, ready or not, in a stable order."""

    def targets(self) -> tuple[Target, ...]: ...

    def cpg(self, name: str) -> Cpg | None: ...

    def free_bytes(self, cpg: str) -> int:
        """Usable free bytes of a CPG. NotFound if it does not exist."""

    def largest_volume_bytes(self) -> int:
        """The largest volume this array makes."""

    def volume(self, name: str) -> Volume | None: ...

    def volumes(self) -> tuple[Volume, ...]: ...

    def create_volume(self, wish: VolumeWish) -> None:
        """AlreadyExistsDifferently if the name is taken; NoSpace; NotFound for the CPG; InvalidRequest."""

    def delete_volume(self, name: str) -> None:
        """A volume that is gone is fine. StillInUse if exported, in a group, a set, or with snapshots."""

    def set_comment(self, volume: str, comment: str) -> None:
        """NotFound if there is no such volume."""

    def snapshots_of(self, volume: str) -> tuple[str, ...]:
        """Names of the virtual copies taken of `volume` that a user or an application made."""

    def hosts_of(self, initiators: tuple[str, ...]) -> tuple[Host, ...]:
        """Hosts that own any of these IQNs or WWPNs."""

    def host(self, name: str) -> Host | None: ...

    def hosts(self) -> tuple[Host, ...]: ...

    def create_host(self, name: str, iqns: tuple[str, ...], wwpns: tuple[str, ...], comment: str) -> None:
        """With persona 2 (Generic-ALUA). AlreadyExistsDifferently if the name or an initiator is taken."""

    def add_initiators(self, host: str, iqns: tuple[str, ...], wwpns: tuple[str, ...]) -> None:
        """AlreadyExistsDifferently if another host owns one of them."""

    def delete_host(self, name: str) -> None:
        """A host that is gone is fine. StillInUse while anything is exported to it or a set holds it."""

    def vluns(self, volume: str = "") -> tuple[Vlun, ...]:
        """Template and active rows, of one volume or of all."""

    def export(self, volume: str, host: str) -> int:
        """Make a host-sees VLUN with a LUN the array chooses; answers the LUN."""

    def unexport(self, vlun: Vlun) -> None:
        """Remove a template; one that is gone is fine."""

    def group(self, name: str) -> Group | None: ...

    def groups(self) -> tuple[Group, ...]: ...

    def create_group(self, wish: GroupWish) -> None:
        """AlreadyExistsDifferently if the name is taken."""

    def set_policies(self, group: str, target: str, policies: Policies) -> None: ...

    def admit(self, group: str, volume: str, target: str, twin: str) -> None:
        """Admit `volume`; the other array makes `twin` with the same WWN. GroupInTransition while started."""

    def dismiss(self, group: str, volume: str, *, remove_twin: bool) -> None:
        """A volume that is no member is fine. GroupInTransition while the group is started."""

    def start_group(self, name: str) -> None:
        """A group that is started already is fine."""

    def stop_group(self, name: str) -> None:
        """A group that is stopped already is fine."""

    def delete_group(self, name: str) -> None:
        """A group that is gone is fine. GroupInTransition while it is started."""

    def close(self) -> None:
        """Give sessions back to the array. Raises nothing."""

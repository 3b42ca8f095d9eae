"""ControllerPublishVolume: VLUNs on every array that has a copy, and what the node needs to find them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from csi.access import AccessProtocol
from csi.array.pair import Pair, Side
from csi.array.records import Host, Vlun, Volume
from csi.errors import AlreadyExistsDifferently, ArrayUnreachable, DriverError, NotFound
from csi.names import NodeId, parse_node_id
from csi.replication.exports import Export, Unexport
from csi.replication.group import look_for_member
from csi.replication.label import read_label
from csi.replication.plan import serving_copy
from csi.replication.steps import Action
from csi.saga.step import Step
from csi.volumes import conflict
from csi.volumes.capabilities import require_supported
from csi.volumes.hosts import host_actions, host_of, node_ids, remember_node
from csi.volumes.office import Copies, Office, copies_of, host_scope, volume_scope
from csi.volumes.paths import publish_context
from csi.volumes.requests import PublishVolume


@dataclass(frozen=True, slots=True)
class _Seen:
    """The copies to export with their VLUNs, the node's host on each array, and arrays that did not answer."""

    volumes: Mapping[Side, Volume]
    dark: frozenset[Side]
    vluns: Mapping[Side, tuple[Vlun, ...]]
    hosts: Mapping[Side, Host | None]

    def foreign_hosts(self) -> dict[str, list[Side]]:
        """Hosts other than the node's that the volume is exported to, and where."""
        foreign: dict[str, list[Side]] = {}
        for side, vluns in self.vluns.items():
            host = self.hosts[side]
            for name in sorted({vlun.host for vlun in vluns if not vlun.active}):
                if host is None or name != host.name:
                    foreign.setdefault(name, []).append(side)
        return foreign

    def has_export(self) -> bool:
        """Whether the node has the volume on any array."""
        return any(
            vlun.host == host.name
            for side, vluns in self.vluns.items()
            if (host := self.hosts[side]) is not None
            for vlun in vluns
        )


class _Publishing:
    """One call: what is published, to whom, how."""

    def __init__(self, office: Office, request: PublishVolume) -> None:
        require_supported((request.capability,))
        self.office = office
        self.request = request
        self.pair, parsed = office.require(request.volume_id)
        self.volume = parsed.volume
        node = parse_node_id(request.node_id)
        if node is None:
            raise NotFound(
                f"node {request.node_id!r} does not exist",
                hint="Node ids come from this driver's node plugin; check that it runs on that node",
            )
        self.node: NodeId = node
        self.record_key = f"published/{self.pair.name}/{self.volume}/{node.name}"
        self.context: Mapping[str, str] = request.volume_context
        self.fsck = False
        self.answer: dict[str, str] = {}

    def run(self) -> dict[str, str]:
        scopes = {volume_scope(self.pair, self.volume), host_scope(self.pair, self.node.name)}
        key = f"publish {self.volume} to {self.node.name} on {self.pair.name}"
        self.office.runner.run(key, scopes, self._plan, self._finish)
        return self.answer

    def _finish(self) -> None:
        seen = self._look()
        self.answer = publish_context(
            self.pair,
            self.protocol,
            seen.volumes,
            seen.vluns,
            seen.hosts,
            dark=seen.dark,
            readonly=self._read_only,
            fsck=self.fsck,
        )
        self._remember(seen)

    @property
    def protocol(self) -> AccessProtocol:
        """The volume's, if its StorageClass named one, else the backend's."""
        named = self.context.get("accessProtocol")
        return AccessProtocol(named) if named else self.pair.backend.protocol

    @property
    def _read_only(self) -> bool:
        return self.request.readonly or self.request.capability.mode.read_only

    @property
    def _delay(self) -> int | None:
        delay = self.context.get("mountConflictDelay", "")
        return int(delay) if delay.isdecimal() else None

    def _plan(self) -> list[Step]:
        seen = self._look()
        self._require_compatible(seen)
        conflict.require_not_fenced(self.office, self.pair, self.volume, self.node.name)
        actions: list[Action] = []
        if not self.request.capability.mode.multi_node:
            actions += self._evictions(seen)
        self.fsck = self.fsck or conflict.was_taken_for(self.office, self.pair, self.volume, self.node.name)
        for side in seen.volumes:
            array = self.pair.array(side)
            host, make_host = host_actions(side, array, seen.hosts[side], self.node, self.protocol)
            actions += make_host
            if not any(vlun.host == host and not vlun.active for vlun in seen.vluns[side]):
                actions.append(Export(side, self.volume, host))
        return list(self.office.binder.bind(self.pair, actions))

    def _look(self) -> _Seen:
        copies = copies_of(self.pair, self.volume)
        if all(copy is None for copy in copies.values()):
            raise NotFound(f"volume {self.volume} does not exist", where=f"backend {self.pair.name}")
        volumes, dark = exportable(self.pair, self.volume, copies)
        label = next((label for copy in volumes.values() if (label := read_label(copy.comment))), None)
        if label is not None:
            self.context = label.context
        vluns = self.pair.both(lambda array: array.vluns(self.volume))
        hosts = self.pair.both(lambda array: host_of(array, self.node, self.protocol))
        for answers in (vluns, hosts):
            for side in volumes:
                answer = answers[side]
                if isinstance(answer, DriverError):
                    raise answer
        return _Seen(
            volumes,
            dark,
            {side: rows for side in volumes if not isinstance(rows := vluns[side], DriverError)},
            {side: host for side in volumes if not isinstance(host := hosts[side], DriverError)},
        )

    def _evictions(self, seen: _Seen) -> list[Action]:
        foreign = seen.foreign_hosts()
        if not foreign:
            return []
        if seen.dark:
            silent = " and ".join(self.pair.array(side).label for side in sorted(seen.dark))
            raise ArrayUnreachable(
                f"volume {self.volume} is published to {', '.join(foreign)}, and exports by {silent} cannot be removed",
                where=silent,
                done="Nothing was changed",
                hint="Detach it there, or repeat the call when both arrays answer",
            )
        conflict.require_evictable(
            self.office, self.pair, self.volume, self.node.name, owners=tuple(foreign), delay_seconds=self._delay
        )
        known = {}
        for side in seen.volumes:
            known.update(node_ids(self.office, self.pair, self.pair.array(side).hosts()))
        for name in foreign:
            owner = parse_node_id(known.get(name, ""))
            conflict.remember_fence(
                self.office, self.pair, self.volume, owner.name if owner is not None else name, self.node.name
            )
        return [Unexport(side, self.volume, name) for name, sides in foreign.items() for side in sides]

    def _require_compatible(self, seen: _Seen) -> None:
        entry = self.office.store.get(self.record_key)
        if entry is None or not seen.has_export():
            return
        before = json.loads(entry.text)
        self.fsck = self.fsck or bool(before.get("fsck"))
        wanted = self._how()
        if any(before.get(key) != value for key, value in wanted.items()):
            raise AlreadyExistsDifferently(
                f"volume {self.volume} is published to node {self.node.name} with other access "
                f"({'read-only' if before.get('readonly') else 'read-write'}, {before.get('mode')})",
                where=f"backend {self.pair.name}",
                hint="Unpublish it there first",
            )

    def _how(self) -> dict[str, object]:
        capability = self.request.capability
        return {"readonly": self.request.readonly, "mode": capability.mode.value, "block": capability.block}

    def _remember(self, seen: _Seen) -> None:
        record = {**self._how(), "fsck": self.fsck}
        self.office.store.put(self.record_key, json.dumps(record, sort_keys=True), expect=None)
        self.office.store.delete(f"conflict/{self.pair.name}/{self.volume}/{self.node.name}")
        for host in seen.hosts.values():
            if host is not None:
                remember_node(self.office, self.pair, host, self.node)


def publish(office: Office, request: PublishVolume) -> dict[str, str]:
    """Export the volume to the node and answer the publish context (csi.node.requests says what is in it).

    NotFound for a volume or node that cannot be the driver's; StillInUse, naming the node, if another one holds a
    single-node volume; AlreadyExistsDifferently if this node has it with other access.
    """
    return _Publishing(office, request).run()


def exportable(pair: Pair, volume: str, copies: Copies) -> tuple[dict[Side, Volume], frozenset[Side]]:
    """The copies to export, and the sides of copies whose array is dark: both of a replicated volume, or the plain one.

    The side that serves must be among the copies, or its error is raised.
    """
    halves = look_for_member(pair, volume)
    side = serving_copy(pair, volume, copies, halves)
    first = copies[side]
    if isinstance(first, DriverError):
        raise first
    if first is None:
        raise NotFound(f"volume {volume} does not exist", where=pair.array(side).label)
    chosen = {side: first}
    twin = copies.get(side.other)
    if halves.of(side).group is None:
        return chosen, frozenset()
    if isinstance(twin, Volume) and twin.wwn == first.wwn:
        chosen[side.other] = twin
    dark = frozenset({side.other}) if isinstance(twin, DriverError) else frozenset()
    return {place: chosen[place] for place in pair.sides if place in chosen}, dark

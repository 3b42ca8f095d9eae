"""The adapter: `Array` over HPE's python-3parclient 4.4 with a transport of our own.

The library's methods are used where they do one plain request; where wsapi.md section 6 lists a fault in one
(createVolume, createHost, createVLUN, deleteVLUN, getPorts, findHost and more) the request is made here. Volume sizes
are MiB on the wire, and nowhere else.
"""

from typing import Any
from urllib.parse import quote

from csi.array import decode
from csi.array.calls import doing, found, unless
from csi.array.codes import OddAnswer, Verb
from csi.array.hpe3par import HPE3ParClient
from csi.array.records import (
    Cpg,
    Group,
    GroupState,
    GroupWish,
    Host,
    Policies,
    Port,
    Provisioning,
    System,
    Target,
    Vlun,
    Volume,
    VolumeWish,
)
from csi.array.transport import Transport
from csi.clock import Clock
from csi.errors import NotFound, Unsupported
from csi.settings.model import ArraySettings

#: Builds of wsapi.md 1.1: compression, Primera's way of asking for space, and no snapshot CPG any more.
_COMPRESSION_BUILD = 30301215
_PRIMERA_BUILD = 40000128
_NO_SNAP_CPG_BUILD = 100000000
#: wsapi.md 5.9: 16 TiB on classic 3PAR, 64 TiB on Primera and later.
_CLASSIC_LARGEST_BYTES = 16 << 40
_PRIMERA_LARGEST_BYTES = 64 << 40
_GENERIC_ALUA = 2
_SYNC_MODE = 1
_ADD_PATH = 1
_VIRTUAL_COPY = 3
#: Snapshots that Remote Copy makes for itself (wsapi.md 2.12.6).
_RESYNC_SNAPSHOT = "rcpy."


class WsapiArray:
    """One array over its WSAPI. Constructing it sends nothing; the first call logs in, `close` logs out.

    Safe to call from several threads: they share one session on the array and up to `max_connections` connections.
    """

    def __init__(self, settings: ArraySettings, clock: Clock, *, max_connections: int = 8) -> None:
        self._label = settings.label
        self._http = Transport(settings, clock, max_connections)
        self._client = HPE3ParClient(settings.url, timeout=settings.read_timeout_seconds)
        self._client.http = self._http
        self._version_url = settings.url.partition("/api")[0] + "/api"
        self._known_build: tuple[int, int] | None = None

    @property
    def label(self) -> str:
        return self._label

    def close(self) -> None:
        self._http.unauthenticate()

    # the array itself

    def system(self) -> System:
        with doing(self._label, Verb.READ, "the system"):
            return decode.system(self._client.getStorageSystemInfo())

    def ports(self) -> tuple[Port, ...]:
        with doing(self._label, Verb.READ, "the ports"):
            rows = decode.members(self._get("/ports"), "ports")
            usable = (port for raw in rows for port in decode.host_ports(raw, self._vlan_addresses))
            return tuple(sorted(usable, key=lambda port: (port.position, port.address)))

    def _vlan_addresses(self, position: str) -> tuple[str, ...]:
        return decode.vlan_addresses(found(lambda: self._get(f"/ports/{position}/iSCSIVlans/")) or {})

    def targets(self) -> tuple[Target, ...]:
        with doing(self._label, Verb.READ, "the Remote Copy targets"):
            return tuple(map(decode.target, decode.members(self._get("/remotecopytargets"), "targets")))

    def cpg(self, name: str) -> Cpg | None:
        with doing(self._label, Verb.READ, f"CPG {name}"):
            body = found(lambda: self._client.getCPG(_part(name)))
            return None if body is None else decode.cpg(body)

    def free_bytes(self, cpg: str) -> int:
        with doing(self._label, Verb.READ, f"the free space of CPG {cpg}"):
            return decode.free_bytes(self._client.getCPGAvailableSpace(cpg))

    def largest_volume_bytes(self) -> int:
        with doing(self._label, Verb.READ, "the version"):
            return _PRIMERA_LARGEST_BYTES if self._build() >= _PRIMERA_BUILD else _CLASSIC_LARGEST_BYTES

    def _build(self) -> int:
        """The array's generation, asked again after each login: an upgrade ends all sessions."""
        known = self._known_build
        if known is None or known[0] != self._http.logins:
            # some generations tell their version only to a session (wsapi.md 1.1), and the first request makes one
            number = decode.build(self._get(self._version_url))
            self._known_build = known = (self._http.logins, number)
        return known[1]

    # volumes

    def volume(self, name: str) -> Volume | None:
        with doing(self._label, Verb.READ, f"volume {name}"):
            body = found(lambda: self._client.getVolume(_part(name)))
            return None if body is None else decode.volume(decode.Fields(body, f"volume {name}"))

    def volumes(self) -> tuple[Volume, ...]:
        with doing(self._label, Verb.READ, "the volumes"):
            return tuple(map(decode.volume, decode.members(self._client.getVolumes(), "volumes")))

    def create_volume(self, wish: VolumeWish) -> None:
        with doing(self._label, Verb.CREATE_VOLUME, f"volume {wish.name}"):
            body = {
                "name": wish.name,
                "cpg": wish.cpg,
                "sizeMiB": wish.size_bytes // decode.MIB,
                "comment": wish.comment,
                **self._space(wish),
            }
            if wish.snap_cpg and self._build() < _NO_SNAP_CPG_BUILD:
                body["snapCPG"] = wish.snap_cpg
            self._http.post("/volumes", body=body)

    def _space(self, wish: VolumeWish) -> dict[str, bool]:
        """How this generation is asked for thin, deduplicated and compressed space (wsapi.md 2.4, 4.2)."""
        dedup, build = wish.provisioning is Provisioning.DEDUP, self._build()
        asked = f"{wish.provisioning}{', compressed' if wish.compressed else ''}"
        if build >= _PRIMERA_BUILD:
            if dedup and wish.compressed:
                return {"reduce": True}
            if wish.provisioning is Provisioning.THIN and not wish.compressed:
                return {"tpvv": True}
            hint = "This generation makes thin volumes, and volumes both deduplicated and compressed"
            raise Unsupported(f"volume {wish.name} cannot be {asked}", where=self._label, hint=hint)
        if wish.compressed and (build < _COMPRESSION_BUILD or wish.provisioning is Provisioning.FULL):
            hint = "Compression needs 3PAR OS 3.3.1 or newer and a thin volume"
            raise Unsupported(f"volume {wish.name} cannot be {asked}", where=self._label, hint=hint)
        body = {"compression": True} if wish.compressed else {}
        if wish.provisioning is Provisioning.FULL:
            return body
        return body | {"tdvv" if dedup else "tpvv": True}

    def delete_volume(self, name: str) -> None:
        with doing(self._label, Verb.DELETE_VOLUME, f"volume {name}"):
            unless(lambda: self._client.deleteVolume(_part(name)), lambda: self.volume(name) is None, 404)

    def set_comment(self, volume: str, comment: str) -> None:
        with doing(self._label, Verb.CHANGE_VOLUME, f"volume {volume}"):
            self._client.modifyVolume(_part(volume), {"comment": comment})

    def snapshots_of(self, volume: str) -> tuple[str, ...]:
        with doing(self._label, Verb.READ, f"the snapshots of volume {volume}"):
            body = found(lambda: self._get(f"/volumes?query={_equals('copyOf', volume)}"))
            return tuple(
                row.text("name")
                for row in ([] if body is None else decode.members(body, "snapshots"))
                if row.text("copyOf", "") == volume
                and row.number("copyType") == _VIRTUAL_COPY
                and not row.text("name").startswith(_RESYNC_SNAPSHOT)
            )

    # hosts and exports

    def hosts_of(self, initiators: tuple[str, ...]) -> tuple[Host, ...]:
        if not initiators:
            return ()
        iqns = [name for name in initiators if "." in name]
        wwpns = [name.upper() for name in initiators if "." not in name]
        with doing(self._label, Verb.READ, f"the hosts of {', '.join(initiators)}"):
            body = found(lambda: self._client.queryHost(iqns=iqns, wwns=wwpns))
            wanted = {name.lower() for name in initiators}
            hosts = map(decode.host, [] if body is None else decode.members(body, "hosts"))
            return tuple(host for host in hosts if host is not None and wanted & _initiators(host))

    def host(self, name: str) -> Host | None:
        with doing(self._label, Verb.READ, f"host {name}"):
            body = found(lambda: self._client.getHost(_part(name)))
            return None if body is None else decode.host(decode.Fields(body, f"host {name}"))

    def hosts(self) -> tuple[Host, ...]:
        with doing(self._label, Verb.READ, "the hosts"):
            hosts = map(decode.host, decode.members(self._client.getHosts(), "hosts"))
            return tuple(host for host in hosts if host is not None)

    def create_host(self, name: str, iqns: tuple[str, ...], wwpns: tuple[str, ...], comment: str) -> None:
        with doing(self._label, Verb.CREATE_HOST, f"host {name}"):
            body: dict[str, Any] = {"name": name, "persona": _GENERIC_ALUA, "descriptors": {"comment": comment}}
            # one request takes one kind of initiator (wsapi.md 2.10, code 44)
            first, *rest = _paths(iqns, wwpns) or [{}]
            self._http.post("/hosts", body=body | first)
            for paths in rest:
                self._add_paths(name, paths)

    def add_initiators(self, host: str, iqns: tuple[str, ...], wwpns: tuple[str, ...]) -> None:
        before = self.host(host)
        if before is None:
            raise NotFound(f"host {host} does not exist", where=self._label, hint="Repeat the call")
        # the array refuses a path that this very host has (wsapi.md 2.10, code 73)
        has = _initiators(before)
        iqns = tuple(iqn for iqn in iqns if iqn.lower() not in has)
        wwpns = tuple(wwpn for wwpn in wwpns if wwpn.lower() not in has)
        with doing(self._label, Verb.CHANGE_HOST, f"host {host}"):
            for paths in _paths(iqns, wwpns):
                self._add_paths(host, paths)

    def _add_paths(self, host: str, paths: dict[str, list[str]]) -> None:
        wanted = {name.lower() for names in paths.values() for name in names}

        def there() -> bool:
            now = self.host(host)
            return now is not None and wanted <= _initiators(now)

        unless(lambda: self._client.modifyHost(_part(host), {"pathOperation": _ADD_PATH, **paths}), there, 409)

    def delete_host(self, name: str) -> None:
        with doing(self._label, Verb.DELETE_HOST, f"host {name}"):
            unless(lambda: self._client.deleteHost(_part(name)), lambda: self.host(name) is None, 404)

    def vluns(self, volume: str = "") -> tuple[Vlun, ...]:
        path = f"/vluns?query={_equals('volumeName', volume)}" if volume else "/vluns"
        with doing(self._label, Verb.READ, f"the exports of volume {volume}" if volume else "the exports"):
            body = found(lambda: self._get(path))
            rows = () if body is None else map(decode.vlun, decode.members(body, "exports"))
            # systems too old for the query answer all rows (wsapi.md 1.1)
            return tuple(vlun for vlun in rows if not volume or vlun.volume == volume)

    def export(self, volume: str, host: str) -> int:
        what = f"volume {volume} to host {host}"
        with doing(self._label, Verb.EXPORT, what):
            wish = {"volumeName": volume, "hostname": host, "autoLun": True, "maxAutoLun": 0, "lun": 0}
            headers, _ = self._http.post("/vluns", body=wish)
            lun = decode.lun_of(headers.get("location", ""))
            if lun is None:
                made = {row.lun for row in self.vluns(volume) if row.host == host and not row.active}
                if len(made) != 1:
                    raise OddAnswer("the header 'Location' does not tell the LUN")
                (lun,) = made
            return lun

    def unexport(self, vlun: Vlun) -> None:
        name = ",".join((vlun.volume, str(vlun.lun), vlun.host, *([vlun.position] if vlun.position else [])))

        def gone() -> bool:
            return not any(
                (row.host, row.lun, row.position) == (vlun.host, vlun.lun, vlun.position)
                for row in self.vluns(vlun.volume)
                if not row.active
            )

        with doing(self._label, Verb.UNEXPORT, f"volume {vlun.volume}, LUN {vlun.lun}, from host {vlun.host}"):
            unless(lambda: self._http.delete(f"/vluns/{quote(name, safe=',:')}"), gone, 404)

    # Remote Copy groups

    def group(self, name: str) -> Group | None:
        with doing(self._label, Verb.READ, f"group {name}"):
            body = found(lambda: self._client.getRemoteCopyGroup(_part(name)))
            return None if body is None else decode.group(decode.Fields(body, f"group {name}"))

    def groups(self) -> tuple[Group, ...]:
        with doing(self._label, Verb.READ, "the groups"):
            return tuple(map(decode.group, decode.members(self._client.getRemoteCopyGroups(), "groups")))

    def create_group(self, wish: GroupWish) -> None:
        with doing(self._label, Verb.CREATE_GROUP, f"group {wish.name}"):
            target: dict[str, Any] = {"targetName": wish.target, "mode": _SYNC_MODE, "userCPG": wish.remote_cpg}
            body: dict[str, Any] = {"localUserCPG": wish.local_cpg}
            snaps = self._build() < _NO_SNAP_CPG_BUILD
            if snaps and wish.remote_snap_cpg:
                target["snapCPG"] = wish.remote_snap_cpg
            if snaps and wish.local_snap_cpg:
                body["localSnapCPG"] = wish.local_snap_cpg
            if wish.domain:
                body["domain"] = wish.domain
            self._client.createRemoteCopyGroup(wish.name, [target], body)

    def set_policies(self, group: str, target: str, policies: Policies) -> None:
        wish = {
            "autoFailover": policies.auto_failover,
            "pathManagement": policies.path_management,
            "autoRecover": policies.auto_recover,
        }
        with doing(self._label, Verb.SET_POLICIES, f"group {group}"):
            body = {"targets": [{"targetName": target, "policies": wish}]}
            self._client.modifyRemoteCopyGroup(_part(group), body)

    def admit(self, group: str, volume: str, target: str, twin: str) -> None:
        def there() -> bool:
            now = self.group(group)
            return now is not None and any((row.volume, row.twin) == (volume, twin) for row in now.members)

        targets = [{"targetName": target, "secVolumeName": twin}]
        options = {"volumeAutoCreation": True}
        with doing(self._label, Verb.ADMIT, f"volume {volume} to group {group}"):
            unless(lambda: self._client.addVolumeToRemoteCopyGroup(_part(group), volume, targets, options), there, 409)

    def dismiss(self, group: str, volume: str, *, remove_twin: bool) -> None:
        def out() -> bool:
            now = self.group(group)
            return now is None or not now.has(volume)

        with doing(self._label, Verb.DISMISS, f"volume {volume} from group {group}"):
            unless(
                lambda: self._client.removeVolumeFromRemoteCopyGroup(
                    _part(group), _part(volume), removeFromTarget=remove_twin, useHttpDelete=True
                ),
                out,
                404,
            )

    def start_group(self, name: str) -> None:
        with doing(self._label, Verb.START_GROUP, f"group {name}"):
            started = (GroupState.STARTING, GroupState.STARTED)
            unless(lambda: self._client.startRemoteCopy(_part(name)), lambda: self._is(name, started), 403)

    def stop_group(self, name: str) -> None:
        with doing(self._label, Verb.STOP_GROUP, f"group {name}"):
            stopped = (GroupState.NEW, GroupState.STOPPED)
            unless(lambda: self._client.stopRemoteCopy(_part(name)), lambda: self._is(name, stopped), 403)

    def delete_group(self, name: str) -> None:
        with doing(self._label, Verb.DELETE_GROUP, f"group {name}"):
            unless(lambda: self._client.removeRemoteCopyGroup(_part(name)), lambda: self.group(name) is None, 404)

    def _is(self, group: str, states: tuple[GroupState, ...]) -> bool:
        now = self.group(group)
        return now is not None and now.state in states

    def _get(self, path: str) -> object:
        _, body = self._http.get(path)
        return body


def _part(name: str) -> str:
    """A name as one part of a path."""
    return quote(name, safe="")


def _equals(field: str, value: str) -> str:
    return quote(f'"{field} EQ {value}"', safe="")


def _initiators(host: Host) -> set[str]:
    return {name.lower() for name in (*host.iqns, *host.wwpns)}


def _paths(iqns: tuple[str, ...], wwpns: tuple[str, ...]) -> list[dict[str, list[str]]]:
    """A body part for each kind of initiator that is there; WWNs as arrays write them, in upper case."""
    parts = {"iSCSINames": list(iqns), "FCWWNs": [wwpn.upper() for wwpn in wwpns]}
    return [{key: names} for key, names in parts.items() if names]

"""StorageClass parameters: what a user may write, in our spelling, the Docker plugin's or HPE's CSI driver's.

Keys and words are read in any case (HPE's driver ignored a key in the wrong one, peers.md 2.1). Nothing is ignored: an
unknown key, and one that belongs to a feature this driver does not have, are refused. All mistakes are told at once.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from csi.access import FILE_SYSTEMS, AccessProtocol
from csi.array.records import Provisioning
from csi.errors import InvalidRequest
from csi.names import check_group_name
from csi.settings.checks import array_name
from csi.settings.model import Backend, Settings
from csi.settings.problems import Wrong
from csi.settings.spelling import nearest, shown
from csi.volumes.foreign_parameters import NOT_YET

#: What external-provisioner adds with --extra-create-metadata.
_METADATA = ("csi.storage.k8s.io/pvc/name", "csi.storage.k8s.io/pvc/namespace", "csi.storage.k8s.io/pv/name")
_LARGEST_ID = 2**32 - 2
_LARGEST_MODE = 0o7777


@dataclass(frozen=True, slots=True)
class VolumeParameters:
    """What a volume is to be. `replication_group` "" makes a volume on the source array only.

    "" and None leave the choice to the backend (`cpg`, `snap_cpg`, `protocol`) or to the node (`fs_*`).
    `mount_conflict_delay_seconds` None means that the volume is never taken from a node. `fs_owner` is "uid:gid",
    `fs_mode` four octal digits. `metadata` is what the provisioner tells about the claim, by its own keys.
    """

    backend: str
    replication_group: str = ""
    provisioning: Provisioning = Provisioning.THIN
    compressed: bool = False
    cpg: str = ""
    snap_cpg: str = ""
    mount_conflict_delay_seconds: int | None = None
    protocol: AccessProtocol | None = None
    fs_type: str = ""
    fs_owner: str = ""
    fs_mode: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


#: Fields of VolumeParameters that a key sets, with their values.
_Fields = dict[str, Any]


def _word(text: str, words: Mapping[str, _Fields]) -> _Fields:
    try:
        return words[text.casefold()]
    except KeyError:
        raise Wrong("", ", ".join(filter(None, words))) from None


def _provisioning(text: str) -> _Fields:
    """Docker's words and HPE CSI's; reduce is deduplication and compression in one (wsapi.md 4.2)."""
    return _word(
        text,
        {
            "thin": {"provisioning": Provisioning.THIN},
            "dedup": {"provisioning": Provisioning.DEDUP},
            "full": {"provisioning": Provisioning.FULL},
            "tpvv": {"provisioning": Provisioning.THIN},
            "reduce": {"provisioning": Provisioning.DEDUP, "compressed": True},
        },
    )


def _compression(text: str) -> _Fields:
    return _word(text, {"true": {"compressed": True}, "false": {"compressed": False}})


def _protocol(text: str) -> _Fields:
    return _word(text, {protocol.value: {"protocol": protocol} for protocol in AccessProtocol})


def _fs_type(text: str) -> _Fields:
    return _word(text, {name: {"fs_type": name} for name in FILE_SYSTEMS})


def _backend(text: str) -> _Fields:
    if not text:
        raise Wrong("", "a backend of the settings, or no such key for the default one")
    return {"backend": text}


def _group(text: str) -> _Fields:
    if not text:
        raise Wrong("", "a group's name, or no such key for a volume on one array")
    try:
        check_group_name(text)
    except InvalidRequest as error:
        raise Wrong(f"{error.what} ({error.hint})") from error
    return {"replication_group": text}


def _cpg_for(name: str) -> Callable[[str], _Fields]:
    def read(text: str) -> _Fields:
        try:
            return {name: array_name(text)}
        except Wrong as wrong:
            raise Wrong("", wrong.allowed) from None

    return read


def _delay(text: str) -> _Fields:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise Wrong("", "whole seconds, 0 to 999999999")
    return {"mount_conflict_delay_seconds": int(text)}


def _owner(text: str) -> _Fields:
    found = re.fullmatch(r"([0-9]{1,10}):([0-9]{1,10})", text)
    if not found or max(int(found[1]), int(found[2])) > _LARGEST_ID:
        raise Wrong("", "uid:gid, both as numbers")
    return {"fs_owner": f"{int(found[1])}:{int(found[2])}"}


def _mode(text: str) -> _Fields:
    if not re.fullmatch(r"[0-7]{1,7}", text) or int(text, 8) > _LARGEST_MODE:
        raise Wrong("", "1 to 7 octal digits, at most 7777")
    return {"fs_mode": f"{int(text, 8):04o}"}


def _host_sees(text: str) -> _Fields:
    if text.casefold() != "true":
        raise Wrong("", "true; volumes are always exported by host-sees VLUNs")
    return {}


def _policy(text: str) -> _Fields:
    if text.casefold() == "active":
        raise Wrong("replicationPolicy 'active' is not supported yet", "no such key, for classic Peer Persistence")
    return _word(text, {"": {}, "classic": {}})


def _one_group(text: str) -> _Fields:
    if text.casefold() == "true":
        raise Wrong("oneRcgPerPvc 'true' is not supported yet", "false, and replicationGroup for the group's name")
    return _word(text, {"false": {}})


@dataclass(frozen=True, slots=True)
class _Parameter:
    """One thing that can be said: its key in our spelling, the others, and how its value is read."""

    key: str
    read: Callable[[str], _Fields]
    aliases: tuple[str, ...] = ()


_PARAMETERS = (
    _Parameter("backend", _backend),
    _Parameter("replicationGroup", _group, ("remoteCopyGroup",)),
    _Parameter("provisioning", _provisioning, ("provisioningType", "provisioning_type")),
    _Parameter("compression", _compression),
    _Parameter("cpg", _cpg_for("cpg")),
    _Parameter("snapCpg", _cpg_for("snap_cpg"), ("snap_cpg",)),
    _Parameter("mountConflictDelay", _delay),
    _Parameter("accessProtocol", _protocol),
    _Parameter("csi.storage.k8s.io/fstype", _fs_type, ("fsType",)),
    _Parameter("fsOwner", _owner),
    _Parameter("fsMode", _mode),
)
#: Keys of HPE's driver that are accepted with the value that says what this driver does anyway.
_WITHOUT_EFFECT = (
    _Parameter("hostSeesVLUN", _host_sees),
    _Parameter("replicationPolicy", _policy),
    _Parameter("oneRcgPerPvc", _one_group),
)
_BY_SPELLING = {name.casefold(): one for one in (*_PARAMETERS, *_WITHOUT_EFFECT) for name in (one.key, *one.aliases)}
#: The keys in our own spelling.
KEYS = tuple(one.key for one in _PARAMETERS)
_NEAR_KEYS = (*(name for one in (*_PARAMETERS, *_WITHOUT_EFFECT) for name in (one.key, *one.aliases)), *NOT_YET)
_NOT_YET = {key.casefold(): advice for key, advice in NOT_YET.items()}


def parse(parameters: Mapping[str, str], settings: Settings) -> VolumeParameters:
    """Read a StorageClass's parameters. InvalidRequest names every key and value that is wrong and what is allowed."""
    draft = _Draft()
    for key, text in parameters.items():
        folded = key.casefold()
        if folded in _METADATA:
            draft.metadata[folded] = text
        elif folded in _BY_SPELLING:
            draft.note(_BY_SPELLING[folded], key, text)
        else:
            draft.problems.append(_unknown(key))
    wanted = VolumeParameters(**{"backend": "", **draft.fields}, metadata=draft.metadata)
    problems = draft.problems
    if wanted.provisioning is Provisioning.FULL and wanted.compressed:
        problems.append("a fully provisioned volume cannot be compressed (allowed: provisioning thin or dedup)")
    try:
        backend = settings.backend(wanted.backend)
    except InvalidRequest as error:
        problems.append(f"{error.what} ({error.hint})")
    else:
        wanted = replace(wanted, backend=backend.name)
        problems += _misfits(wanted, backend)
    if problems:
        raise InvalidRequest("; ".join(problems), where="StorageClass parameters")
    return wanted


class _Draft:
    """What has been said so far, and what was wrong with it."""

    def __init__(self) -> None:
        self.fields: _Fields = {}
        self.metadata: dict[str, str] = {}
        self.problems: list[str] = []
        self._said: dict[str, str] = {}

    def note(self, one: _Parameter, key: str, text: str) -> None:
        """Add what `key` says, unless it makes no sense or contradicts another key or spelling."""
        try:
            fields = one.read(text)
        except Wrong as wrong:
            sentence = wrong.sentence or f"{key} {shown(text)} is not valid"
            self.problems.append(sentence + (f" (allowed: {wrong.allowed})" if wrong.allowed else ""))
            return
        said = f"{key} {shown(text)}"
        for name, value in fields.items():
            if self.fields.setdefault(name, value) != value:
                self.problems.append(f"{self._said[name]} and {said} contradict each other (allowed: one of them)")
            self._said.setdefault(name, said)


def _unknown(key: str) -> str:
    advice = _NOT_YET.get(key.casefold())
    if advice is not None:
        return f"{key} is not supported yet" + (f"; {advice}" if advice else "")
    near = nearest(key, (*_NEAR_KEYS, *_METADATA))
    meant = f"did you mean {near}?" if near else f"known keys: {', '.join(KEYS)}"
    return f"unknown key {shown(key)} ({meant})"


def _misfits(wanted: VolumeParameters, backend: Backend) -> list[str]:
    """What the backend cannot do: replication without a second array, CPGs that the target has no counterpart for."""
    if not wanted.replication_group:
        return []
    if backend.target is None:
        return [
            f"replicationGroup {shown(wanted.replication_group)} needs two arrays, and backend {backend.name} has one "
            "(allowed: a backend with target, quorumWitness, cpgMap and snapCpgMap in the settings)"
        ]
    problems = []
    cpg = wanted.cpg or backend.cpg
    snap_cpg = wanted.snap_cpg or backend.snap_cpg or cpg
    for key, name, known in (("cpg", cpg, backend.cpg_map), ("snapCpg", snap_cpg, backend.snap_cpg_map)):
        if name not in known:
            problems.append(
                f"{key} {shown(name)} has no counterpart on the target array of backend {backend.name} "
                f"(allowed: {', '.join(known) or 'none'}; more by the backend's {key}Map)"
            )
    return problems


def context(parameters: VolumeParameters) -> dict[str, str]:
    """The volume context: what node and controller need later. Only what is set, always in the same order."""
    delay = parameters.mount_conflict_delay_seconds
    texts = {
        "accessProtocol": parameters.protocol.value if parameters.protocol else "",
        "backend": parameters.backend,
        "fsMode": parameters.fs_mode,
        "fsOwner": parameters.fs_owner,
        "fsType": parameters.fs_type,
        "mountConflictDelay": "" if delay is None else str(delay),
        "replicationGroup": parameters.replication_group,
    }
    return {key: text for key, text in texts.items() if text}

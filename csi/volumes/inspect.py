"""Reading: which volumes there are, one volume, free space, and whether a volume can be used in a way."""

from collections.abc import Mapping

from csi.access import Capability
from csi.array.pair import Pair, Side
from csi.array.records import Volume
from csi.errors import BadToken, DriverError, NotFound
from csi.names import VolumeId, parse_volume_id
from csi.replication.label import read_label
from csi.volumes.capabilities import refusal
from csi.volumes.hosts import node_ids
from csi.volumes.office import Office, copies_of
from csi.volumes.parameters import parse
from csi.volumes.requests import Capacity, ListedVolume, Validation, VolumeAnswer, VolumePage

#: A page at most, so that a reply stays far under gRPC's 4 MiB (a row takes about 600 bytes).
PAGE_LIMIT = 500


def list_volumes(office: Office, max_entries: int, starting_token: str) -> VolumePage:
    """The driver's volumes in the order of their ids; a token names the last one of the page before.

    So a page goes on where it should even if that volume is gone by then. BadToken for anything else.
    """
    if starting_token and parse_volume_id(starting_token) is None:
        raise BadToken(
            f"starting_token {starting_token[:64]!r} is not one of this driver's", hint="List from the start"
        )
    limit = min(max_entries or PAGE_LIMIT, PAGE_LIMIT)
    rows = {}
    for pair in office.pairs.values():
        for volume in _listed(pair).values():
            volume_id = str(VolumeId(pair.name, volume.name))
            if volume_id > starting_token:
                rows[volume_id] = (pair, volume)
    ids = sorted(rows)
    page = ids[:limit]
    nodes = {name: _published(office, pair) for name, pair in {rows[i][0].name: rows[i][0] for i in page}.items()}
    listed = tuple(
        ListedVolume(_answer(rows[i][0], rows[i][1]), nodes[rows[i][0].name].get(rows[i][1].name, ())) for i in page
    )
    return VolumePage(listed, page[-1] if len(ids) > limit else "")


def get(office: Office, volume_id: str) -> ListedVolume:
    """One volume and the nodes it is published to. NotFound if no array has it."""
    pair, parsed = office.require(volume_id)
    volume = _require(pair, parsed.volume)
    return ListedVolume(_answer(pair, volume), _published(office, pair, parsed.volume).get(parsed.volume, ()))


def validate(
    office: Office, volume_id: str, capabilities: tuple[Capability, ...], parameters: Mapping[str, str]
) -> Validation:
    """Whether the volume can be used in all these ways. NotFound if no array has it."""
    pair, parsed = office.require(volume_id)
    _require(pair, parsed.volume)
    if parameters:
        parse(parameters, office.settings)
    return Validation(refusal(capabilities))


def capacity(office: Office, parameters: Mapping[str, str], capabilities: tuple[Capability, ...]) -> Capacity:
    """Free space for volumes of these parameters: with a group, what both arrays have."""
    parsed = parse(parameters, office.settings)
    pair = office.pairs[parsed.backend]
    sides = pair.sides if parsed.replication_group else (Side.SOURCE,)
    largest = min(pair.array(side).largest_volume_bytes() for side in sides)
    if refusal(capabilities):
        return Capacity(0, largest)
    cpg = parsed.cpg or pair.backend.cpg
    free = min(pair.array(side).free_bytes(pair.cpg_on(side, cpg)) for side in sides)
    return Capacity(free, min(largest, free))


def _listed(pair: Pair) -> dict[str, Volume]:
    """The driver's volumes of a pair by name, as far as an array answers; its error if none does."""
    answers = pair.both(lambda array: array.volumes())
    found: dict[str, Volume] = {}
    errors = []
    for answer in answers.values():
        if isinstance(answer, DriverError):
            errors.append(answer)
            continue
        for volume in answer:
            if read_label(volume.comment) is not None:
                found.setdefault(volume.name, volume)
    if len(errors) == len(answers):
        raise errors[0]
    return found


def _published(office: Office, pair: Pair, volume: str = "") -> dict[str, tuple[str, ...]]:
    """CSI node ids by volume name, of one volume or of all, from the VLUNs of every array that answers."""
    rows: dict[str, set[str]] = {}
    for answer in pair.both(lambda array: (array.vluns(volume), array.hosts())).values():
        if isinstance(answer, DriverError):
            continue  # the other array's rows are the same; `_listed` and `_require` report a pair that is dark
        vluns, hosts = answer
        known = node_ids(office, pair, hosts)
        for vlun in vluns:
            if not vlun.active and vlun.host in known:
                rows.setdefault(vlun.volume, set()).add(known[vlun.host])
    return {name: tuple(sorted(nodes)) for name, nodes in rows.items()}


def _require(pair: Pair, name: str) -> Volume:
    copies = copies_of(pair, name)
    for copy in copies.values():
        if isinstance(copy, Volume):
            return copy
    for copy in copies.values():
        if isinstance(copy, DriverError):
            raise copy
    raise NotFound(f"volume {name} does not exist", where=f"backend {pair.name}")


def _answer(pair: Pair, volume: Volume) -> VolumeAnswer:
    label = read_label(volume.comment)
    return VolumeAnswer(str(VolumeId(pair.name, volume.name)), volume.size_bytes, label.context if label else {})

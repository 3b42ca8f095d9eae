"""CreateVolume: a volume, or with a group a volume on both arrays that fail over to each other."""

from csi.array.pair import Pair, Side
from csi.array.records import Volume
from csi.errors import BadSettings
from csi.names import VolumeId, array_volume_name
from csi.replication.group import look
from csi.replication.label import Label, keepable
from csi.replication.plan import SeenForCreate, WantedVolume, plan_create
from csi.replication.roles import Halves
from csi.saga.step import Step
from csi.volumes.capabilities import require_supported
from csi.volumes.office import Office, copies_of, group_scope, volume_scope
from csi.volumes.parameters import VolumeParameters, context, parse
from csi.volumes.requests import CreateVolume, VolumeAnswer
from csi.volumes.sizes import choose_bytes


def create(office: Office, request: CreateVolume) -> VolumeAnswer:
    """Make the volume, or answer the one that an earlier call made.

    InvalidRequest, OutOfRange, AlreadyExistsDifferently, NoSpace and the group's errors leave both arrays unchanged.
    """
    require_supported(request.capabilities)
    parameters = parse(request.parameters, office.settings)
    pair = office.pairs[parameters.backend]
    wanted = _wanted(pair, request, parameters)

    size_bytes = wanted.size_bytes

    def plan() -> list[Step]:
        nonlocal size_bytes
        seen = _look(pair, wanted)
        actions = plan_create(pair, wanted, seen)
        existing = [copy.size_bytes for copy in seen.volumes.values() if isinstance(copy, Volume)]
        size_bytes = existing[0] if existing else wanted.size_bytes
        return list(office.binder.bind(pair, actions))

    scopes = {volume_scope(pair, wanted.name)}
    if wanted.group:
        scopes.add(group_scope(pair, wanted.group))
    office.runner.run(f"create {wanted.name} on {pair.name}", scopes, plan)
    return VolumeAnswer(str(VolumeId(pair.name, wanted.name)), size_bytes, wanted.label.context)


def _wanted(pair: Pair, request: CreateVolume, parameters: VolumeParameters) -> WantedVolume:
    sides = pair.sides if parameters.replication_group else (Side.SOURCE,)
    largest_bytes = min(pair.array(side).largest_volume_bytes() for side in sides)
    cpg = parameters.cpg or pair.backend.cpg
    asked = {
        "provisioning": parameters.provisioning.value,
        "compression": "true" if parameters.compressed else "",
        "cpg": parameters.cpg,
        "snapCpg": parameters.snap_cpg,
    }
    return WantedVolume(
        name=array_volume_name(request.name),
        size_bytes=choose_bytes(request.required_bytes, request.limit_bytes, largest_bytes),
        least_bytes=request.required_bytes,
        most_bytes=request.limit_bytes,
        group=parameters.replication_group,
        cpg=cpg,
        snap_cpg=parameters.snap_cpg or pair.backend.snap_cpg or cpg,
        provisioning=parameters.provisioning,
        compressed=parameters.compressed,
        label=Label(keepable(request.name), {key: text for key, text in asked.items() if text}, context(parameters)),
    )


def _look(pair: Pair, wanted: WantedVolume) -> SeenForCreate:
    copies = copies_of(pair, wanted.name)
    if not wanted.group:
        return SeenForCreate({Side.SOURCE: copies[Side.SOURCE]}, Halves.none())
    halves = look(pair, wanted.group)
    cpg = pair.source.cpg(wanted.cpg)
    if cpg is None:
        raise BadSettings(
            f"CPG {wanted.cpg} does not exist",
            where=pair.source.label,
            hint="Name one that 'showcpg' lists, in the StorageClass or the settings",
        )
    members = {
        side: {member.volume for member in group.members}
        for side in pair.sides
        if (group := halves.of(side).group) is not None
    }
    comments: list[str] = []
    for side, names in members.items():
        if names:
            comments += [volume.comment for volume in pair.array(side).volumes() if volume.name in names]
    return SeenForCreate(copies, halves, tuple(comments), cpg.domain)

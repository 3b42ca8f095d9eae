"""What an array's refusals mean to the driver: one table, read from the top, the first row that fits wins.

The vendor's numbers are those of wsapi.md 1.5. Most Remote Copy refusals have no number anybody has published
(wsapi.md 1.5, 8.1), so those rows go by HTTP status and words of the text; status alone decides what is left.
"""

from dataclasses import dataclass
from enum import Enum

from csi import errors
from csi.errors import DriverError

NO_SPACE = 24
NON_EXISTENT_HOST = 17
EXISTENT_VOLUME = 22
NON_EXISTENT_VOLUME = 23
INVALID_SESSION_KEY = 6
UNKNOWN_PATH = 11
EXISTENT_PATH = 73
NON_EXISTENT_GROUP = 187
GROUP_STARTED = 215

_TEXT_LIMIT = 200


class Verb(Enum):
    """What the driver was doing: the words for a message and whether it changes the array."""

    LOGIN = ("logging in", False)
    READ = ("reading", False)
    CREATE_VOLUME = ("creating", True)
    DELETE_VOLUME = ("deleting", True)
    CHANGE_VOLUME = ("changing", True)
    CREATE_HOST = ("creating", True, "host")
    CHANGE_HOST = ("adding initiators to", True)
    DELETE_HOST = ("deleting", True, "host")
    EXPORT = ("exporting", True)
    UNEXPORT = ("unexporting", True)
    CREATE_GROUP = ("creating", True, "group")
    SET_POLICIES = ("setting the policies of", True, "group")
    ADMIT = ("admitting", True, "group")
    DISMISS = ("dismissing", True, "group")
    START_GROUP = ("starting", True, "group")
    STOP_GROUP = ("stopping", True, "group")
    DELETE_GROUP = ("deleting", True, "group")

    def __init__(self, says: str, changes: bool, kind: str = "") -> None:
        self.says = says
        self.changes = changes
        self.kind = kind


class NoAnswer(Exception):
    """The array could not be reached or did not answer to the end; `reason` has no secret in it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Untrusted(Exception):
    """The array's certificate is not the one the settings trust."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class OddAnswer(Exception):
    """The array answered something that is not WSAPI; `reason` names the field or the kind of answer."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer of HTTP 300 and more: `code` is the vendor's number (0 if none), `text` its words, `ref` the field."""

    status: int
    code: int = 0
    text: str = ""
    ref: str = ""

    def __str__(self) -> str:
        vendor = f", vendor code {self.code}" if self.code else ""
        said = " ".join(self.text.split())[:_TEXT_LIMIT]
        field = f" [{self.ref[:_TEXT_LIMIT]}]" if self.ref else ""
        return f"HTTP {self.status}{vendor}" + (f': "{said}"{field}' if said else field)


@dataclass(frozen=True, slots=True)
class _Row:
    """A row fits if each of its conditions that is given fits: any of `codes`, any of `words`, any of `verbs`."""

    error: type[DriverError]
    says: str
    hint: str = ""
    status: int = 0
    codes: tuple[int, ...] = ()
    words: tuple[str, ...] = ()
    verbs: tuple[Verb, ...] = ()
    #: Whether the array may have done it although it answered with an error.
    unsure: bool = False

    def fits(self, verb: Verb, refusal: Refusal) -> bool:
        text = refusal.text.lower().replace("_", " ").replace("-", " ")
        return (
            (not self.status or self.status == refusal.status)
            and (not self.codes or refusal.code in self.codes)
            and (not self.words or any(word in text for word in self.words))
            and (not self.verbs or verb in self.verbs)
        )


_GROUP_VERBS = (
    Verb.CREATE_GROUP,
    Verb.SET_POLICIES,
    Verb.ADMIT,
    Verb.DISMISS,
    Verb.START_GROUP,
    Verb.STOP_GROUP,
    Verb.DELETE_GROUP,
)
_LATER = "The call can be repeated"
_LOOK_AGAIN = "Repeat the call; the driver looks at both arrays again before it acts"
_CREDENTIALS = "Check the user name and the password of this array in the backend's settings"
_RIGHTS = "The array's user needs a role that may do this (for instance 'edit'), in every domain used"
_URL = "Check that the backend's url is the array's WSAPI and ends in /api/v1"
_WITNESS = "Look at the group on both arrays (showrcopy groups) and repair it"

_TABLE: tuple[_Row, ...] = (
    # The array as a whole.
    _Row(errors.Unauthorized, "the array refused the user name or the password", _CREDENTIALS, codes=(5,)),
    _Row(errors.Unauthorized, "the array refused the user", _CREDENTIALS, status=403, verbs=(Verb.LOGIN,)),
    _Row(
        errors.Unauthorized,
        "the array refused the session keys it had just given",
        _LATER,
        codes=(INVALID_SESSION_KEY,),
    ),
    _Row(errors.Unauthorized, "the array refused the user", _CREDENTIALS, status=401),
    _Row(errors.Unauthorized, "the array's user may not do this", _RIGHTS, codes=(13,)),
    _Row(errors.BadSettings, "the array does not know this path", _URL, codes=(UNKNOWN_PATH,)),
    _Row(errors.ArrayUnreachable, "the array's services are not ready", _LATER, codes=(68,)),
    _Row(errors.Busy, "the array has no session left for its user", _LATER, status=503, verbs=(Verb.LOGIN,)),
    _Row(
        errors.GroupBroken,
        "the array has reached a limit of Remote Copy",
        "Free a group or a target, or use another pair",
        status=503,
        words=("maximum", "max "),
        verbs=_GROUP_VERBS,
    ),
    _Row(errors.ArrayUnreachable, "the array is not available now", _LATER, status=503),
    _Row(errors.LicenseMissing, "the array lacks a licence", "Add the licence to the array", words=("licen",)),
    _Row(errors.ArrayUnreachable, "the array failed inside", _LATER, status=500, unsure=True),
    _Row(errors.ArrayUnreachable, "the array gave up waiting", _LATER, status=408, unsure=True),
    _Row(errors.ArrayUnreachable, "a gateway before the array failed", _LATER, status=502, unsure=True),
    _Row(errors.ArrayUnreachable, "a gateway before the array gave up waiting", _LATER, status=504, unsure=True),
    _Row(errors.Busy, "the array asks to slow down", _LATER, status=429),
    # Busy with something else (wsapi.md 5.10, 2.4).
    _Row(errors.Busy, "a copy of the volume is still running", _LATER, codes=(29, 97)),
    _Row(errors.Busy, "the volume is being tuned or copied", _LATER, codes=(151,)),
    _Row(errors.Busy, "the LUN was taken by another export just now", _LATER, codes=(18,)),
    _Row(errors.Busy, "the array is busy with the object", _LATER, words=("is busy", "in progress")),
    # Room.
    _Row(
        errors.NoSpace,
        "there is no space left",
        "Free or add space on this array, or choose another CPG",
        codes=(NO_SPACE,),
    ),
    _Row(errors.NoSpace, "the CPG's growth limit is reached", "Raise the CPG's growth limit", codes=(153,)),
    _Row(errors.NoSpace, "the host has no LUN number left", "Unpublish volumes from this node", words=("no free lun",)),
    _Row(
        errors.OutOfRange,
        "the array does not make volumes of this size",
        codes=(28, 43, 115, 152),
        verbs=(Verb.CREATE_VOLUME,),
    ),
    # Remote Copy: roles and states may have changed between the look and the act.
    _Row(errors.GroupInTransition, "the group is started", _LOOK_AGAIN, codes=(GROUP_STARTED,)),
    _Row(
        errors.GroupInTransition,
        "the group is started",
        _LOOK_AGAIN,
        status=403,
        words=("started remote copy group", "not stopped"),
    ),
    _Row(errors.GroupBroken, "the group is in failover or failsafe state", _WITNESS, words=("failover state",)),
    _Row(
        errors.GroupInTransition,
        "the group's roles are not what they were a moment ago",
        _LOOK_AGAIN,
        status=403,
        words=("primary side", "secondary side", "role conflict"),
    ),
    _Row(
        errors.GroupInTransition,
        "the other array is not in contact with this one",
        "Bring the Remote Copy links and the other array back (showrcopy targets), then repeat the call",
        words=("target is not ready", "not be contacted", "not up and ready"),
        verbs=_GROUP_VERBS,
    ),
    _Row(
        errors.GroupInTransition,
        "the group is gone",
        _LOOK_AGAIN,
        codes=(NON_EXISTENT_GROUP,),
        verbs=tuple(verb for verb in _GROUP_VERBS if verb is not Verb.CREATE_GROUP),
    ),
    _Row(
        errors.GroupBroken,
        "the group has no CPG on the other array",
        "Set the group's remote CPG or let the driver make a new group",
        words=("has no cpg",),
    ),
    _Row(
        errors.GroupBroken,
        "groups of different modes share the target",
        "Peer Persistence needs a target with synchronous groups only",
        codes=(236,),
    ),
    # Somebody still uses it.
    _Row(
        errors.StillInUse,
        "something is still exported",
        "Unpublish it from every node first",
        codes=(26,),
    ),
    _Row(errors.StillInUse, "it has snapshots", "Delete its snapshots first", codes=(25, 32)),
    _Row(errors.StillInUse, "a set holds it", "Take it out of the set first", codes=(34, 77)),
    _Row(errors.StillInUse, "it is in a Remote Copy group", _LOOK_AGAIN, codes=(120,)),
    _Row(
        errors.StillInUse,
        "its retention time has not passed",
        "Wait for it to pass or delete the volume later",
        status=403,
        words=("retain", "retention"),
    ),
    # Names.
    _Row(
        errors.AlreadyExistsDifferently,
        "another host has one of the initiators",
        "Remove the initiator from the other host",
        codes=(EXISTENT_PATH,),
    ),
    _Row(
        errors.AlreadyExistsDifferently,
        "the name is taken",
        "Choose another name or remove what has it",
        codes=(14, 16, EXISTENT_VOLUME, 59, 101, 237),
    ),
    _Row(errors.NotFound, "there is no such CPG", "Check the CPG names in the settings", codes=(15,)),
    _Row(errors.NotFound, "there is no such host", codes=(NON_EXISTENT_HOST,)),
    _Row(errors.NotFound, "there is no such volume", codes=(NON_EXISTENT_VOLUME,)),
    _Row(errors.NotFound, "there is no such virtual domain", codes=(38,)),
    _Row(
        errors.BadSettings,
        "the array does not accept this Remote Copy target",
        "Check the target's name in the settings against showrcopy targets",
        words=("target",),
        verbs=(Verb.CREATE_GROUP,),
    ),
    _Row(
        errors.BadSettings,
        "volume and host are in different virtual domains",
        "Use a CPG of the hosts' domain",
        words=("same domain",),
    ),
    # By status alone.
    _Row(errors.NotFound, "it does not exist", status=404),
    _Row(errors.AlreadyExistsDifferently, "something of that name is there", status=409, words=("exist",)),
    _Row(errors.GroupBroken, "the array does not do this to the group", _WITNESS, status=409, verbs=_GROUP_VERBS),
    _Row(errors.Busy, "the array found a conflict", _LATER, status=409),
    _Row(errors.GroupBroken, "the array does not allow this for the group", _WITNESS, status=403, verbs=_GROUP_VERBS),
    _Row(errors.Unauthorized, "the array does not allow this", _RIGHTS, status=403),
    _Row(errors.InvalidRequest, "the array does not accept the request", status=400),
    _Row(errors.InvalidRequest, "the array finds the request too long", status=413),
    _Row(errors.Unsupported, "the array does not do this", status=501),
    _Row(errors.BadSettings, "the answer is not one of WSAPI", _URL),
)

#: What a message says where the array may have acted although no success was seen.
UNSURE = "The change may or may not have happened; the driver did not repeat it"


def explain(label: str, verb: Verb, what: str, refusal: Refusal) -> DriverError:
    """The driver's error for a refusal: `label` names the array, `what` the object ("volume v1")."""
    row = next(row for row in _TABLE if row.fits(verb, refusal))
    done = ""
    if verb.changes:
        done = UNSURE if row.unsure else "The array refused and changed nothing"
    return row.error(f"{_doing(verb, what)}: {row.says} ({refusal})", where=label, hint=row.hint, done=done)


def unreachable(label: str, verb: Verb, what: str, failure: NoAnswer) -> DriverError:
    """For a call that got no answer, or only part of one."""
    return errors.ArrayUnreachable(
        f"{_doing(verb, what)}: no answer from the array ({failure.reason})",
        where=label,
        done=UNSURE if verb.changes else "",
        hint=_LOOK_AGAIN if verb.changes else _LATER,
    )


def untrusted(label: str, verb: Verb, what: str, failure: Untrusted) -> DriverError:
    """For a certificate that the settings do not vouch for; nothing was sent."""
    return errors.BadSettings(
        f"{_doing(verb, what)}: {failure.reason}",
        where=label,
        done="Nothing was sent to it",
        hint="Give this array's CA bundle or its certificate's SHA-256 in the settings, and check who answers there",
    )


def odd(label: str, verb: Verb, what: str, failure: OddAnswer) -> DriverError:
    """For an answer the driver cannot read."""
    return errors.ArrayUnreachable(
        f"{_doing(verb, what)}: {failure.reason}",
        where=label,
        done=UNSURE if verb.changes else "",
        hint=f"{_URL}; a proxy or an array that is starting may answer like this for a while",
    )


def _doing(verb: Verb, what: str) -> str:
    return f"{verb.says} {what}" if what else verb.says

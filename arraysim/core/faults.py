"""What an array refuses, with the HTTP status and the vendor's number (wsapi.md 1.5 and 2.12)."""

from enum import Enum, unique


class ArrayFault(Exception):
    """A refusal as the array words it: HTTP `status`, vendor number `code`, text `desc`, `ref`: the field at fault."""

    def __init__(self, status: int, code: int, desc: str, ref: str = "") -> None:
        super().__init__(f"{status} {code} {desc}" + (f" ({ref})" if ref else ""))
        self.status = status
        self.code = code
        self.desc = desc
        self.ref = ref


@unique
class Refusal(Enum):
    """Every refusal the rules can give: (HTTP status, number, text).

    Numbers of 188-199, 200-214 and 216-232 are ours: the vendor's are unknown, only their HTTP class is (wsapi.md 1.5).
    """

    INV_USER_PASS = (403, 5, "invalid user or password")
    INV_SESS_KEY = (403, 6, "invalid session key")
    UNSUP_OP = (501, 9, "unsupported operation")
    URI_RES_NOT_FOUND = (404, 11, "resource not found")
    INV_INPUT = (400, 12, "invalid input")
    EXISTENT_CPG = (409, 14, "CPG exists")
    NON_EXISTENT_CPG = (404, 15, "CPG does not exist")
    EXISTENT_HOST = (409, 16, "host exists")
    NON_EXISTENT_HOST = (404, 17, "host does not exist")
    EXISTENT_LUN = (409, 18, "LUN exists")
    NON_EXISTENT_VLUN = (404, 19, "VLUN does not exist")
    NON_EXISTENT_PORT = (404, 20, "port does not exist")
    EXISTENT_VOL = (409, 22, "volume exists")
    NON_EXISTENT_VOL = (404, 23, "volume does not exist")
    NO_SPACE = (400, 24, "no space available")
    EXPORTED_VLUN = (409, 26, "has exported VLUN")
    TOO_LARGE = (400, 28, "invalid input: number is too large")
    HAS_CHILD = (409, 32, "volume has a child")
    IN_USE = (409, 34, "object is in use")
    NON_EXISTENT_DOMAIN = (404, 38, "domain does not exist")
    WRONG_TYPE = (400, 39, "invalid input: wrong type")
    MISSING_REQUIRED = (400, 40, "invalid input: missing required")
    UNREC_NAME = (400, 42, "unrecognized name")
    EXCEEDS_RANGE = (400, 43, "invalid input: exceeds range")
    PARAM_CONFLICT = (400, 44, "invalid input: parameters cannot be present at the same time")
    EMPTY_STR = (400, 45, "invalid input: empty string")
    BAD_ENUM_VALUE = (400, 46, "invalid input: bad enum value")
    PORT_SPECIFICATION = (400, 55, "invalid input: port specification")
    EXCEEDS_LENGTH = (400, 57, "invalid input: string length exceeds limit")
    EXISTENT_ID = (409, 59, "id exists")
    JSON_SYNTAX = (400, 60, "invalid input: JSON syntax error")
    NOT_READY = (503, 68, "system services required for operation are not ready")
    ILLEGAL_CHAR = (400, 69, "illegal character in input")
    EXISTENT_PATH = (409, 73, "host WWN/iSCSI name already used by another host")
    ONE_REQUIRED = (400, 78, "invalid input: one of the parameters is required")
    NON_EXISTENT_PATH = (404, 80, "host WWN/iSCSI name does not exist")
    DUP_PATH = (400, 98, "invalid input: duplicate host path")
    NON_EXISTENT_SET = (404, 102, "set does not exist")
    BELOW_RANGE = (400, 115, "invalid input: below range")
    VV_IN_REMOTE_COPY = (403, 120, "invalid operation: volume is in a remote copy group")
    NON_EXISTENT_TASK = (404, 145, "task does not exist")
    UNSUPPORTED_VV_TYPE = (403, 150, "invalid operation: unsupported volume type")
    VV_GROW_SIZE = (400, 152, "invalid input: volume grow size")
    GROW_EXCEEDS_CPG_LIMIT = (403, 153, "new volume size exceeds the CPG growth limit")
    NON_EXISTENT_OBJECT_KEY = (404, 180, "object key does not exist")
    EXISTENT_OBJECT_KEY = (409, 181, "object key exists")
    NON_EXISTENT_RCOPY_GROUP = (404, 187, "remote-copy group does not exist")
    NON_EXISTENT_RCOPY_TARGET = (404, 188, "remote-copy target does not exist")
    RCOPY_GROUP_INV_TARGET = (400, 189, "target is not part of the remote-copy group")
    RCOPY_GROUP_TARGET_NOT_UNIQUE = (400, 190, "remote-copy group target is not unique")
    RCOPY_GROUP_TOO_MANY_TARGETS = (409, 191, "remote-copy group has too many targets")
    RCOPY_GROUP_MODE_NOT_SUPPORTED = (403, 192, "remote-copy group mode is not supported")
    RCOPY_TARGET_PP_SYNC_ONLY = (501, 193, "remote-copy target is in a Peer Persistence group: synchronous groups only")
    RCOPY_GROUP_HAS_NO_CPG = (403, 194, "remote-copy group has no CPG on the target")
    ONLY_ON_PRIMARY_SIDE = (403, 195, "operation is allowed only on the primary side of the remote-copy group")
    ONLY_ON_SECONDARY_SIDE = (403, 196, "operation is allowed only on the secondary side of the remote-copy group")
    RCOPY_GROUP_ROLE_CONFLICT = (403, 197, "invalid operation: remote-copy group role conflict")
    RCOPY_GROUP_NOT_STOPPED = (403, 198, "remote-copy group is not stopped")
    RCOPY_GROUP_NOT_STARTED = (403, 199, "remote-copy group is not started")
    RCOPY_GROUP_EMPTY = (400, 200, "remote-copy group is empty")
    RCOPY_GROUP_IS_BUSY = (403, 201, "remote-copy group is busy")
    RCOPY_TARGET_IS_NOT_READY = (403, 202, "remote-copy target is not ready")
    VOL_NOT_IN_RCOPY_GROUP = (404, 203, "volume is not in the remote-copy group")
    NON_EXISTENT_VOL_ON_TARGET = (404, 204, "volume does not exist on the target")
    VOL_SIZE_NOT_MATCH = (403, 205, "volume sizes do not match")
    TARGET_VOL_EXPORTED = (403, 206, "volume is exported on the target")
    VOL_IN_OTHER_GROUP = (403, 207, "volume is in another remote-copy group")
    VOL_IN_THIS_GROUP = (409, 208, "volume exists in the remote-copy group")
    EXISTENT_VOL_ON_TARGET = (409, 209, "volume exists on the target")
    RCOPY_GROUP_IS_NOT_PERIODIC = (403, 210, "remote-copy group is not periodic")
    INV_POLICY_FOR_SYNC_GROUP = (403, 211, "invalid policy for a synchronous remote-copy group")
    INV_POLICY_FOR_PERIODIC_GROUP = (403, 212, "invalid policy for a periodic remote-copy group")
    RCOPY_GROUP_IN_FAILOVER_STATE = (403, 213, "remote-copy group is in failover state")
    SECONDARY_DOES_NOT_MATCH = (403, 214, "secondary remote-copy group does not match the primary")
    RCOPY_GROUP_STARTED = (403, 215, "remote-copy group is started")
    RCOPY_GROUP_MIRROR_CONFIG_OFF = (409, 216, "remote-copy group was created with mirror configuration off")
    RCOPY_GROUP_NOT_SYNCED = (403, 217, "volumes of the remote-copy group are not synchronized")
    RCOPY_GROUP_NOT_IN_FAILSAFE = (403, 218, "remote-copy group is not in failsafe state")
    RCOPY_GROUP_NOT_PATH_MANAGED = (403, 219, "remote-copy group has no path management")
    INVOLVED_IN_SYNCHRONIZATION = (403, 220, "volume is involved in synchronization")
    NOT_EXPORTED_ON_TARGET = (403, 221, "volume is not exported to the same host on the target")
    EXISTENT_VOL_WWN_ON_TARGET = (404, 222, "another volume with this WWN exists on the target")
    RCOPY_GROUP_MAX_VOLUMES = (403, 223, "remote-copy group has the maximum number of volumes")
    VOL_IS_SNAPSHOT = (403, 224, "invalid operation: volume is a snapshot")
    WWN_NOT_MATCH = (403, 225, "volume WWNs do not match in a path-managed remote-copy group")
    NON_EXISTENT_RCOPY_LINK = (404, 226, "remote-copy link does not exist")
    VV_RETAINED = (403, 227, "invalid operation: volume is retained")
    READ_ONLY_OF_READ_ONLY = (403, 228, "invalid operation: read-only snapshot of a read-only snapshot")
    NO_SNAP_CPG = (409, 229, "volume has no snapshot CPG")
    EXISTENT_WWN = (409, 230, "WWN exists")
    NO_FREE_LUN = (409, 231, "no free LUN")
    VV_IN_STARTED_GROUP = (403, 232, "volume is currently in a started remote copy group")
    MIXED_MODES_ON_ONE_TARGET = (400, 236, "Group with different modes on a single target is not supported")
    EXISTENT_RCOPY_GROUP = (409, 237, "remote-copy group exists")

    def fault(self, ref: str = "", *, detail: str = "") -> ArrayFault:
        """The exception to raise; `detail` is appended to the text."""
        status, code, desc = self.value
        return ArrayFault(status, code, f"{desc}{detail}", ref)

"""iSCSI sessions: look in sysfs, act with iscsiadm. Sessions that the driver makes never scan by themselves."""

import re
import threading
from collections import defaultdict
from dataclasses import dataclass

from csi.clock import Clock, poll
from csi.errors import PathsMissing
from csi.node.context import Portal
from csi.node.ledger import Ledger
from csi.node.port import Host, Result, ToolFailed
from csi.node.scsi import Lane

INITIATOR_FILE = "/etc/iscsi/initiatorname.iscsi"
#: iscsiadm's exit codes (open-iscsi, iscsi_err.h).
SESSION_EXISTS, NO_SUCH_OBJECT = 15, 21
RECORD_SECONDS = 10.0
#: A dead target makes open-iscsi wait for its logout_timeout of 15 s.
LOGOUT_SECONDS = 25.0
POLL_SECONDS = 0.1
#: A dead port costs retries x timeout, whatever the cause (data-path.md 6); open-iscsi's defaults make that 2 minutes.
LOGIN_RETRIES, LOGIN_TIMEOUT_SECONDS = 1, 5
NODE_SETTINGS = {
    "node.startup": "manual",
    "node.session.scan": "manual",
    "node.session.initial_login_retry_max": str(LOGIN_RETRIES),
    "node.conn[0].timeo.login_timeout": str(LOGIN_TIMEOUT_SECONDS),
}


@dataclass(frozen=True, slots=True)
class Session:
    """One session as the kernel knows it; `state` is LOGGED_IN, FAILED or FREE."""

    number: int
    host: int
    portal: Portal
    state: str


def initiator_name(host: Host) -> str | None:
    """This node's iSCSI qualified name; None if it has none."""
    for line in (host.read(INITIATOR_FILE) or "").splitlines():
        key, equals, value = line.partition("=")
        if equals and key.strip() == "InitiatorName" and value.strip():
            return value.strip()
    return None


def sessions(host: Host) -> list[Session]:
    """All sessions of this node, whoever made them."""
    found = []
    for path in host.glob("/sys/class/iscsi_session/session*"):
        number = path.removeprefix("/sys/class/iscsi_session/session")
        holders = host.glob(f"/sys/class/iscsi_host/host*/device/session{number}")
        connection = f"/sys/class/iscsi_connection/connection{number}:0"
        iqn, port = host.read(f"{path}/targetname"), host.read(f"{connection}/persistent_port")
        address = host.read(f"{connection}/persistent_address")
        matched = re.match(r"/sys/class/iscsi_host/host(\d+)/", holders[0]) if holders else None
        if matched and iqn and address and port and port.isdecimal():
            portal = Portal(address.strip("[]"), int(port), iqn)
            found.append(Session(int(number), int(matched[1]), portal, host.read(f"{path}/state") or ""))
    return found


def lane_of(host: Host, session: Session, lun: int) -> Lane:
    """Where a LUN of a session appears."""
    for path in host.glob(f"{_folder(session)}/target*"):
        _host, channel, target = path.rpartition("/target")[2].split(":")
        return Lane(session.host, int(channel), int(target), lun)
    return Lane(session.host, None, None, lun)


def portals_of(host: Host, disks: list[str]) -> set[Portal]:
    """The ports through which these disks are reached."""
    numbers = {
        int(matched[1])
        for disk in disks
        if (matched := re.search(r"/session(\d+)/", host.real(f"/sys/block/{disk}/device")))
    }
    return {session.portal for session in sessions(host) if session.number in numbers}


def _folder(session: Session) -> str:
    return f"/sys/class/iscsi_host/host{session.host}/device/session{session.number}"


class Initiator:
    """Logs in and out, one thing at a time for each portal.

    A volume's stage record names its portals before the first login. Log-out looks for such records of other volumes
    under the same gate that log-in takes, so a session is never closed under a volume that is just being staged.
    """

    def __init__(self, host: Host, clock: Clock, ledger: Ledger) -> None:
        self._host = host
        self._clock = clock
        self._ledger = ledger
        self._gates: defaultdict[Portal, threading.Lock] = defaultdict(threading.Lock)
        self._gates_lock = threading.Lock()
        self._failures: dict[Portal, tuple[float, str]] = {}

    def login(self, portal: Portal, *, asked_at: float, timeout_seconds: float) -> Session:
        """The session to a portal, made if there is none. PathsMissing says why there is none.

        `asked_at` (monotonic) is when the caller's work began: a login that failed since then is not tried again for
        it, so that many volumes staged at once while an array is off wait for its dead ports once, not one by one.
        """
        with self._gate(portal):
            if not self._sessions(portal):
                failed_at, why = self._failures.get(portal, (float("-inf"), ""))
                if failed_at > asked_at:
                    raise PathsMissing(why)
                self._make_record(portal)
                result = self._node(portal, "--login", timeout_seconds=timeout_seconds)
                if result.code not in (0, SESSION_EXISTS):
                    why = f"login failed ({result.reason})"
                    self._failures[portal] = (self._clock.monotonic(), why)
                    raise PathsMissing(why)
                poll(
                    self._clock,
                    lambda: bool(self._sessions(portal)),
                    timeout_seconds=timeout_seconds,
                    every_seconds=POLL_SECONDS,
                )
            usable = [session for session in self._sessions(portal) if session.state == "LOGGED_IN"]
        if not usable:
            states = ", ".join(session.state for session in self._sessions(portal)) or "gone"
            raise PathsMissing(f"the session is there but not logged in ({states})")
        return usable[0]

    def logout(self, portal: Portal, volume_id: str) -> None:
        """Close the session to a portal and delete its node record, if the driver made it and nothing uses it any more.

        `volume_id` is the volume that no longer needs it. Raises ToolFailed if open-iscsi refuses.
        """
        with self._gate(portal):
            if not self._ledger.owns(portal) or self._ledger.wanted_by_others(portal, volume_id):
                return
            open_sessions = self._sessions(portal)
            if any(self._host.glob(f"{_folder(session)}/target*/*:*:*:*") for session in open_sessions):
                return
            if open_sessions:
                result = self._node(portal, "--logout", timeout_seconds=LOGOUT_SECONDS)
                if result.code not in (0, NO_SUCH_OBJECT):
                    raise ToolFailed(f"logging out of {portal} {portal.iqn} failed ({result.reason})")
            result = self._node(portal, "-o", "delete")
            if result.code not in (0, NO_SUCH_OBJECT):
                raise ToolFailed(f"deleting the node record of {portal} {portal.iqn} failed ({result.reason})")
            self._ledger.disown(portal)

    def _make_record(self, portal: Portal) -> None:
        """Make the node record; one that somebody else made stays as it is (`-o new` would reset it to defaults)."""
        if not self._ledger.owns(portal):
            seen = self._node(portal)
            if seen.code == 0:
                return
            if seen.code != NO_SUCH_OBJECT:
                raise PathsMissing(f"its node record cannot be read ({seen.reason})")
            self._ledger.own(portal)
        # One update for all settings: iscsiadm takes any number of -n and -v pairs.
        updates = [word for name, value in NODE_SETTINGS.items() for word in ("-n", name, "-v", value)]
        for words in (["-o", "new"], ["-o", "update", *updates]):
            result = self._node(portal, *words)
            if result.code != 0:
                raise PathsMissing(f"its node record cannot be made ({result.reason})")

    def _sessions(self, portal: Portal) -> list[Session]:
        return [session for session in sessions(self._host) if session.portal == portal]

    def _node(self, portal: Portal, *words: str, timeout_seconds: float = RECORD_SECONDS) -> Result:
        argv = ["iscsiadm", "-m", "node", "-T", portal.iqn, "-p", str(portal), *words]
        return self._host.run(argv, timeout_seconds=timeout_seconds, check=False)

    def _gate(self, portal: Portal) -> threading.Lock:
        with self._gates_lock:
            return self._gates[portal]

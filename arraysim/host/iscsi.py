"""iscsid and the kernel's iSCSI initiator: sessions, pings, recovery (data-path.md 4 and 6)."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from arraysim.core.clock import Timer
from arraysim.host.fabric import DataPathDown, Fabric, LoginRefused, TargetPort
from arraysim.host.noderecords import Portal, Record
from arraysim.host.scsi import Midlayer, Nexus, Transport
from arraysim.host.sysfs import Tree
from arraysim.host.world import World

#: Low host numbers belong to the machine's own controllers.
FIRST_HOST = 2
LOCAL_ADDRESS = "127.0.0.1"
#: DefaultTime2Wait: the first attempt to come back after a lost connection.
RECONNECT_SECONDS = 2.0


class Code(IntEnum):
    """Exit codes of open-iscsi (iscsiadm(8))."""

    OK = 0
    TRANS = 4
    LOGIN = 5
    IDBM = 6
    INVAL = 7
    TRANS_TIMEOUT = 8
    SESS_EXISTS = 15
    FATAL_LOGIN = 19
    NO_OBJS_FOUND = 21
    SYSFS_LOOKUP = 22
    LOGIN_AUTH_FAILED = 24


@dataclass(eq=False, slots=True)
class Login:
    """A log-in that iscsid works on; `code` is None until it ended."""

    record: Record
    attempts_left: int
    code: Code | None = None


class Session:
    """One session: its nexus, its pings while it is logged in, its recovery while it is not."""

    def __init__(self, initiator: "Initiator", number: int, port: TargetPort, record: Record) -> None:
        self.number = number
        self.record = record
        self.port = port
        self.state = "LOGGED_IN"
        self.recovery_seconds = record.seconds("node.session.timeo.replacement_timeout")
        host_no = initiator.next_host()
        folder = f"/sys/devices/platform/host{host_no}/session{number}"
        self.nexus = Nexus(port, initiator.name, host_no, folder, "iscsi")
        self._initiator = initiator
        self._timer: Timer | None = None
        self._recovery: Timer | None = None

    @property
    def portal(self) -> Portal:
        """Where it leads, with the tag the target told."""
        return Portal(self.port.address, self.port.tcp_port, self.port.tpgt)

    def start(self) -> None:
        """Begin to ping."""
        self._ping_later()

    def stop(self) -> None:
        """No more timers."""
        for timer in (self._timer, self._recovery):
            if timer is not None:
                timer.cancel()

    def _later(self, seconds: float, action: Callable[[], None]) -> None:
        self._timer = self._initiator.world.later(seconds, action)

    def _ping_later(self) -> None:
        self._later(max(1.0, self.record.seconds("node.conn[0].timeo.noop_out_interval")), self._ping)

    def _ping(self) -> None:
        fabric = self._initiator.fabric
        if fabric.logged_in(self.port, self.nexus.initiator):
            self._ping_later()
        elif fabric.answers(self.port):
            self.fail()  # the array came back without this session and resets the connection
        else:
            self._later(max(1.0, self.record.seconds("node.conn[0].timeo.noop_out_timeout")), self._no_pong)

    def _no_pong(self) -> None:
        if self._initiator.fabric.logged_in(self.port, self.nexus.initiator):
            self._ping_later()
        else:
            self.fail()

    def fail(self) -> None:
        """The connection is lost: commands are held back until recovery succeeds or takes too long."""
        self.state = "FAILED"
        self.nexus.transport = Transport.BLOCKED
        if self._timer is not None:
            self._timer.cancel()
        self._recovery = self._initiator.world.later(self.recovery_seconds, self._give_up)
        self._later(RECONNECT_SECONDS, self._reconnect)
        self._initiator.changed(self)

    def _give_up(self) -> None:
        self.nexus.transport = Transport.OFFLINE
        self._initiator.changed(self)

    def _reconnect(self) -> None:
        try:
            self._initiator.fabric.login(self.port, self.nexus.initiator)
        except (DataPathDown, LoginRefused):
            self._later(
                max(RECONNECT_SECONDS, self.record.seconds("node.conn[0].timeo.login_timeout")), self._reconnect
            )
            return
        if self._recovery is not None:
            self._recovery.cancel()
        self.state = "LOGGED_IN"
        self.nexus.transport = Transport.RUNNING
        self._ping_later()
        self._initiator.changed(self)


class Initiator:
    """The host's software initiator. `on_change` is told of every session whose transport changed."""

    def __init__(self, world: World, fabric: Fabric, midlayer: Midlayer, tree: Tree, name: str) -> None:
        self.world = world
        self.fabric = fabric
        self.name = name
        self.sessions: dict[int, Session] = {}
        self.on_change: list[Callable[[Nexus], None]] = []
        self._midlayer = midlayer
        self._tree = tree
        self._last_session = 0
        self._last_host = FIRST_HOST - 1

    def next_host(self) -> int:
        """A number for a new SCSI host."""
        self._last_host += 1
        return self._last_host

    def session_of(self, iqn: str, portal: Portal) -> Session | None:
        """The session that belongs to a record."""
        for session in self.sessions.values():
            here = session.portal
            if session.port.iqn == iqn and (here.address, here.port) == (portal.address, portal.port):
                return session
        return None

    def begin(self, record: Record) -> Login:
        """Start to log in. A port that does not answer costs retries times timeout (data-path.md 6)."""
        tries = max(1, int(record.seconds("node.session.initial_login_retry_max")))
        job = Login(record, tries)
        self._attempt(job)
        return job

    def _attempt(self, job: Login) -> None:
        record = job.record
        port = self.fabric.portal(record.portal.address, record.portal.port)
        if self.session_of(record.iqn, record.portal) is not None:
            job.code = Code.SESS_EXISTS
        elif port is None or not self.fabric.answers(port):
            self.world.later(max(1.0, record.seconds("node.conn[0].timeo.login_timeout")), lambda: self._next(job))
        elif port.iqn != record.iqn:
            job.code = Code.FATAL_LOGIN  # status 0203, target not found, is not retried
        else:
            job.code = self._log_in(port, record)

    def _log_in(self, port: TargetPort, record: Record) -> Code:
        try:
            self.fabric.login(port, self.name)
        except LoginRefused:
            return Code.LOGIN_AUTH_FAILED
        self._open(port, record)
        return Code.OK

    def _next(self, job: Login) -> None:
        job.attempts_left -= 1
        if job.attempts_left <= 0:
            job.code = Code.TRANS_TIMEOUT
        else:
            self._attempt(job)

    def _open(self, port: TargetPort, record: Record) -> None:
        self._last_session += 1
        session = Session(self, self._last_session, port, record)
        self.sessions[session.number] = session
        self._midlayer.attach(session.nexus)
        self._make(session)
        session.start()
        if record.settings["node.session.scan"] == "auto":
            self._midlayer.scan(session.nexus)

    def logout(self, session: Session) -> None:
        """End a session; its disks go with it."""
        session.stop()
        del self.sessions[session.number]
        self._midlayer.detach(session.nexus)
        self.fabric.logout(session.port, self.name)
        number, host_no = session.number, session.nexus.host_no
        for path in (
            f"/sys/class/iscsi_session/session{number}",
            f"/sys/class/iscsi_connection/connection{number}:0",
            f"/sys/class/iscsi_host/host{host_no}",
            f"/sys/class/scsi_host/host{host_no}",
            f"/sys/devices/platform/host{host_no}",
        ):
            self._tree.drop(path)

    def set_recovery(self, nexus: Nexus, seconds: float) -> None:
        """multipathd shortens the recovery of sessions that carry its paths (fast_io_fail_tmo)."""
        for session in self.sessions.values():
            if session.nexus is nexus:
                session.recovery_seconds = seconds
                self._show(session)

    def changed(self, session: Session) -> None:
        """Show a session's new state and tell the layers above."""
        self._show(session)
        for told in self.on_change:
            told(session.nexus)

    def _scan(self, session: Session, text: str) -> None:
        channel, target, lun = ([*text.split(), "", "", ""])[:3]
        if channel in ("-", "0") and target in ("-", "0"):
            if lun == "-":
                self._midlayer.scan(session.nexus)
            elif lun.isdecimal():
                self._midlayer.scan(session.nexus, int(lun))

    def _make(self, session: Session) -> None:
        """The folders and links of the iSCSI transport class."""
        put, link = self._tree.put, self._tree.link
        number, host_no, top = session.number, session.nexus.host_no, session.nexus.folder
        host = f"/sys/devices/platform/host{host_no}"
        kinds = {
            f"{top}/iscsi_session/session{number}": ("iscsi_session", f"session{number}", top),
            f"{top}/connection{number}:0/iscsi_connection/connection{number}:0": (
                "iscsi_connection",
                f"connection{number}:0",
                f"{top}/connection{number}:0",
            ),
            f"{host}/iscsi_host/host{host_no}": ("iscsi_host", f"host{host_no}", host),
            f"{host}/scsi_host/host{host_no}": ("scsi_host", f"host{host_no}", host),
        }
        for folder, (kind, name, device) in kinds.items():
            link(f"{folder}/device", device)
            link(f"/sys/class/{kind}/{name}", folder)
        portal = session.portal
        connection = f"{top}/connection{number}:0/iscsi_connection/connection{number}:0"
        for name in ("address", "persistent_address"):
            put(f"{connection}/{name}", portal.address)
        for name in ("port", "persistent_port"):
            put(f"{connection}/{name}", str(portal.port))
        put(f"{host}/iscsi_host/host{host_no}/initiatorname", self.name)
        put(f"{host}/iscsi_host/host{host_no}/ipaddress", LOCAL_ADDRESS)
        put(f"{host}/scsi_host/host{host_no}/proc_name", "iscsi_tcp")
        put(f"{host}/scsi_host/host{host_no}/state", "running")
        fixed = {"targetname": session.port.iqn, "initiatorname": self.name, "ifacename": "default"}
        fixed |= {"tpgt": str(portal.tpgt), "creator": "1"}
        for name, value in fixed.items():
            put(f"{top}/iscsi_session/session{number}/{name}", value)
        self._tree.trigger(f"{host}/scsi_host/host{host_no}/scan", lambda text: self._scan(session, text))
        self._show(session)

    def _show(self, session: Session) -> None:
        folder = f"{session.nexus.folder}/iscsi_session/session{session.number}"
        self._tree.put(f"{folder}/state", session.state)
        self._tree.put(f"{folder}/recovery_tmo", f"{session.recovery_seconds:g}")
        for disk in self._midlayer.of(session.nexus):
            self._midlayer.refresh(disk)

"""iscsiadm of open-iscsi 2.1.8: messages and exit codes as the real one gives them."""

from collections.abc import Sequence

from arraysim.host.call import Answer, Call, Options, ToolFailed, parse, say
from arraysim.host.fabric import TargetPort
from arraysim.host.iscsi import Code, Session
from arraysim.host.machine import Machine
from arraysim.host.noderecords import UNKNOWN_TPGT, BadValue, Portal, Record, parse_portal
from arraysim.host.sessionprint import session_line, session_tree

_SHORT = "m:p:T:o:n:v:luRP:sI:t:Dr:SVhd:L:U:k:"
_LONG = (
    "mode=", "portal=", "targetname=", "op=", "name=", "value=", "login", "logout", "rescan", "print=", "stats",
    "interface=", "type=", "discover", "sid=", "show", "version", "help", "debug=", "loginall=", "logoutall=",
)  # fmt: skip
_REASONS = {
    Code.OK: "no error",
    Code.TRANS: "encountered connection failure",
    Code.LOGIN: "encountered iSCSI login failure",
    Code.INVAL: "invalid parameter",
    Code.FATAL_LOGIN: "encountered non-retryable iSCSI login failure",
    Code.TRANS_TIMEOUT: "connection timed out",
    Code.SESS_EXISTS: "session exists",
    Code.LOGIN_AUTH_FAILED: "iSCSI login failed due to authorization failure",
}
_DISCOVERY_TRIES, _DISCOVERY_TIMEOUT_SECONDS = 6, 15.0


def iscsiadm(machine: Machine, call: Call) -> Answer:
    """The tool."""
    words = [
        "-P0" if word in ("-P", "--print") and at + 1 == len(call.argv) else word for at, word in enumerate(call.argv)
    ]
    options = parse(words, _SHORT, _LONG, usage=(Code.INVAL, "iscsiadm: "))
    if options.has("-V", "--version"):
        return say("iscsiadm version 2.1.8\n")
    if not options.pairs:
        return say("Try `iscsiadm --help' for more information.\n", code=Code.INVAL)
    match options.value("-m", "--mode"):
        case "node":
            return _node(machine, options)
        case "session":
            return _session(machine, options)
        case "discovery" | "discoverydb":
            return _discover(machine, options)
        case "iface":
            return say("default tcp,<empty>,<empty>,<empty>,<empty>\niser iser,<empty>,<empty>,<empty>,<empty>\n")
    raise ToolFailed(Code.INVAL, "iscsiadm: mode -1 is not yet supported\n")


def _portal(options: Options) -> Portal | None:
    text = options.value("-p", "--portal")
    if text is None:
        return None
    return parse_portal(text) or Portal(text, 0)


def _label(record: Record) -> str:
    portal = record.portal
    return f"[iface: default, target: {record.iqn}, portal: {portal.address},{portal.port}]"


def _session_label(session: Session) -> str:
    portal = session.portal
    return f"[sid: {session.number}, target: {session.port.iqn}, portal: {portal.address},{portal.port}]"


# -- node mode ---------------------------------------------------------------------------------------------------------


def _node(machine: Machine, options: Options) -> Answer:
    iqn, portal = options.value("-T", "--targetname"), _portal(options)
    operation = options.value("-o", "--op")
    if operation == "new":
        return _new(machine, iqn, portal)
    if options.has("-u", "--logout"):
        return _logout(machine, _sessions(machine, iqn, portal))
    records = machine.records.find(iqn, portal)
    if not records:
        raise ToolFailed(Code.NO_OBJS_FOUND, "iscsiadm: No records found\n")
    if options.has("-l", "--login"):
        return _login(machine, records)
    match operation:
        case "update":
            return _update(machine, records, options)
        case "delete":
            return _delete(machine, records)
        case "show" | None:
            return _show(records, options, plain=operation is None and iqn is None and portal is None)
    raise ToolFailed(Code.INVAL, "iscsiadm: Invalid operation\n")


def _new(machine: Machine, iqn: str | None, portal: Portal | None) -> Answer:
    if iqn is None or portal is None:
        raise ToolFailed(Code.INVAL, "iscsiadm: portal and target name required for record creation\n")
    machine.records.new(iqn, portal)
    where = f"{portal.address},{portal.port},{portal.tpgt} {iqn}"
    return say(f"New iSCSI node [tcp:[hw=,ip=,net_if=,iscsi_if=default] {where}] added\n")


def _update(machine: Machine, records: Sequence[Record], options: Options) -> Answer:
    names, values = options.values("-n", "--name"), options.values("-v", "--value")
    if not names or len(names) != len(values):
        raise ToolFailed(Code.INVAL, "iscsiadm: update requires name and value\n")
    for record in records:
        for name, value in zip(names, values, strict=True):
            try:
                machine.records.update(record, name, value)
            except BadValue as error:
                more = "" if str(error).startswith("Cannot") else f"iscsiadm: Unknown parameter {name}.\n"
                failed = "iscsiadm: Could not execute operation on all records: invalid parameter\n"
                raise ToolFailed(Code.INVAL, f"iscsiadm: {error}\n{more}{failed}") from error
    return say()


def _delete(machine: Machine, records: Sequence[Record]) -> Answer:
    errors = []
    for record in records:
        if machine.initiator.session_of(record.iqn, record.portal) is not None:
            errors.append(
                f"iscsiadm: This command will remove the record {_label(record)}, but a session is using it. "
                "Logout session then rerun command to remove record.\n"
            )
        else:
            machine.records.delete(record)
    if errors:
        errors.append("iscsiadm: Could not execute operation on all records: session exists\n")
        raise ToolFailed(Code.SESS_EXISTS, "".join(errors))
    return say()


def _show(records: Sequence[Record], options: Options, *, plain: bool) -> Answer:
    level = options.value("-P", "--print")
    if level is None and not plain:
        secrets = options.has("-S", "--show")
        return say("".join(line + "\n" for record in records for line in record.lines(secrets=secrets)))
    if level in (None, "0"):
        lines = (
            f"{record.portal.address}:{record.portal.port},{record.portal.tpgt % 2**32} {record.iqn}\n"
            for record in records
        )
        return say("".join(lines))
    lines_by_target: dict[str, list[str]] = {}
    for record in records:
        portal = (
            f"\tPortal: {record.portal.address}:{record.portal.port},{record.portal.tpgt}\n\t\tIface Name: default\n"
        )
        lines_by_target.setdefault(record.iqn, []).append(portal)
    return say("".join(f"Target: {iqn}\n{''.join(portals)}" for iqn, portals in lines_by_target.items()))


def _login(machine: Machine, records: Sequence[Record]) -> Answer:
    """All portals at once; the first error is the exit code."""
    out, err, first = [], [], Code.OK
    fresh = []
    for record in records:
        if machine.initiator.session_of(record.iqn, record.portal) is not None:
            err.append("iscsiadm: default: 1 session requested, but 1 already present.\n")
            first = first or Code.SESS_EXISTS
        else:
            fresh.append(record)
    many = " (multiple)" if len(fresh) > 1 else ""
    out += [f"Logging in to {_label(record)}{many}\n" for record in fresh]
    jobs = [machine.initiator.begin(record) for record in fresh]
    machine.world.wait(lambda: all(job.code is not None for job in jobs))
    for job in jobs:
        if job.code is Code.OK:
            out.append(f"Login to {_label(job.record)} successful.\n")
        else:
            code = job.code or Code.LOGIN
            err.append(f"iscsiadm: Could not login to {_label(job.record)}.\n")
            err.append(f"iscsiadm: initiator reported error ({code.value} - {_REASONS[code]})\n")
            first = first or code
    if first:
        err.append("iscsiadm: Could not log into all portals\n")
    return say("".join(out), code=first, err="".join(err))


def _sessions(machine: Machine, iqn: str | None, portal: Portal | None) -> list[Session]:
    return [
        session
        for session in machine.initiator.sessions.values()
        if iqn in (None, session.port.iqn)
        and (
            portal is None
            or (
                (portal.address, portal.port) == (session.portal.address, session.portal.port)
                and portal.tpgt in (UNKNOWN_TPGT, session.portal.tpgt)
            )
        )
    ]


def _logout(machine: Machine, sessions: Sequence[Session]) -> Answer:
    if not sessions:
        raise ToolFailed(Code.NO_OBJS_FOUND, "iscsiadm: No matching sessions found\n")
    out = [f"Logging out of session {_session_label(session)}\n" for session in sessions]
    for session in sessions:
        machine.initiator.logout(session)
        out.append(f"Logout of {_session_label(session)} successful.\n")
    return say("".join(out))


# -- session mode ------------------------------------------------------------------------------------------------------


def _session(machine: Machine, options: Options) -> Answer:
    sessions = [machine.initiator.sessions[number] for number in sorted(machine.initiator.sessions)]
    chosen = options.value("-r", "--sid")
    if chosen is not None:
        number = chosen.rpartition("/")[2].removeprefix("session")
        sessions = [session for session in sessions if str(session.number) == number]
        if not sessions:
            gone = f"iscsiadm: Could not get session info for sid {number}\n"
            raise ToolFailed(Code.SYSFS_LOOKUP, f"iscsiadm: could not read session targetname: 5\n{gone}")
    if options.has("-u", "--logout"):
        return _logout(machine, sessions)
    if options.has("-R", "--rescan"):
        return _rescan(machine, sessions)
    if not sessions:
        raise ToolFailed(Code.NO_OBJS_FOUND, "iscsiadm: No active sessions.\n")
    level = options.value("-P", "--print") or "0"
    if not level.isdecimal() or int(level) > 3:
        raise ToolFailed(Code.INVAL, f"iscsiadm: Invalid info level {level}. Try 0 - 3.\n")
    if level == "0":
        return say("".join(session_line(session) for session in sessions))
    return say(session_tree(machine, sessions, int(level)))


def _rescan(machine: Machine, sessions: Sequence[Session]) -> Answer:
    """A rescan asks every disk of the session for its size again and looks for all LUNs."""
    if not sessions:
        raise ToolFailed(Code.NO_OBJS_FOUND, "iscsiadm: No session found.\n")
    out = []
    for session in sessions:
        out.append(f"Rescanning session {_session_label(session)}\n")
        for disk in machine.midlayer.of(session.nexus):
            machine.midlayer.rescan(disk)
        machine.midlayer.scan(session.nexus)
    return say("".join(out))


# -- discovery mode ----------------------------------------------------------------------------------------------------


def _discover(machine: Machine, options: Options) -> Answer:
    kind, portal = options.value("-t", "--type"), _portal(options)
    if kind not in ("st", "sendtargets"):
        raise ToolFailed(Code.INVAL, "iscsiadm: Invalid command. Possibly missing discovery --type.\n")
    if portal is None:
        raise ToolFailed(Code.INVAL, "iscsiadm: Please specify portal as <ipaddr>[:<ipport>]\n")
    port = _answering(machine, portal)
    if port is None:
        lines = [f"iscsiadm: connect to {portal.address} timed out\n"] * _DISCOVERY_TRIES
        lines.append("iscsiadm: connection login retries (reopen_max) 5 exceeded\n")
        lines.append("iscsiadm: Could not perform SendTargets discovery: encountered connection failure\n")
        raise ToolFailed(Code.TRANS, "".join(lines))
    found = Portal(port.address, port.tcp_port, port.tpgt)
    settings = {"node.discovery_address": portal.address, "node.discovery_port": str(portal.port)}
    record = machine.records.new(port.iqn, found, **settings, **{"node.discovery_type": "send_targets"})
    answer = say(f"{found.address}:{found.port},{found.tpgt} {port.iqn}\n")
    if not options.has("-l", "--login"):
        return answer
    login = _login(machine, [record])
    return Answer(login.code, answer.out + login.out, login.err)


def _answering(machine: Machine, portal: Portal) -> TargetPort | None:
    """The port behind a portal, once it answers; None after all tries. A port tells of itself only."""
    deadline = machine.world.now + _DISCOVERY_TRIES * _DISCOVERY_TIMEOUT_SECONDS
    port = machine.fabric.portal(portal.address, portal.port)
    if port is not None and machine.fabric.answers(port):
        return port
    for number in range(1, _DISCOVERY_TRIES + 1):
        machine.world.later(number * _DISCOVERY_TIMEOUT_SECONDS, machine.world.notify)
    machine.world.wait(
        lambda: machine.world.now >= deadline or (port is not None and machine.fabric.answers(port)),
    )
    return port if port is not None and machine.fabric.answers(port) else None

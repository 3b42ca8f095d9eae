"""The database of iSCSI node records in /etc/iscsi/nodes, written as open-iscsi 2.1.8 writes it."""

import re
from dataclasses import dataclass, field

from arraysim.host.sysfs import Tree

RECORDS = "/etc/iscsi/nodes"
UNKNOWN_TPGT = -1
#: Order and values as `iscsiadm -m node -o show` of 2.1.8 prints them; Debian's iscsid.conf is already applied.
DEFAULTS = {
    "node.startup": "manual",
    "node.leading_login": "No",
    "iface.iscsi_ifacename": "default",
    "iface.net_ifacename": "",
    "iface.ipaddress": "",
    "iface.prefix_len": "0",
    "iface.hwaddress": "",
    "iface.transport_name": "tcp",
    "iface.initiatorname": "",
    "iface.vlan_id": "0",
    "iface.mtu": "0",
    "node.discovery_address": "",
    "node.discovery_port": "0",
    "node.discovery_type": "static",
    "node.session.initial_cmdsn": "0",
    "node.session.initial_login_retry_max": "8",
    "node.session.xmit_thread_priority": "-20",
    "node.session.cmds_max": "128",
    "node.session.queue_depth": "32",
    "node.session.nr_sessions": "1",
    "node.session.auth.authmethod": "None",
    "node.session.auth.username": "",
    "node.session.auth.password": "",
    "node.session.auth.username_in": "",
    "node.session.auth.password_in": "",
    "node.session.auth.chap_algs": "MD5",
    "node.session.timeo.replacement_timeout": "120",
    "node.session.err_timeo.abort_timeout": "15",
    "node.session.err_timeo.lu_reset_timeout": "30",
    "node.session.err_timeo.tgt_reset_timeout": "30",
    "node.session.err_timeo.host_reset_timeout": "60",
    "node.session.iscsi.FastAbort": "Yes",
    "node.session.iscsi.InitialR2T": "No",
    "node.session.iscsi.ImmediateData": "Yes",
    "node.session.iscsi.FirstBurstLength": "262144",
    "node.session.iscsi.MaxBurstLength": "16776192",
    "node.session.iscsi.DefaultTime2Retain": "0",
    "node.session.iscsi.DefaultTime2Wait": "2",
    "node.session.iscsi.MaxConnections": "1",
    "node.session.iscsi.MaxOutstandingR2T": "1",
    "node.session.iscsi.ERL": "0",
    "node.session.scan": "auto",
    "node.session.reopen_max": "0",
    "node.conn[0].address": "",
    "node.conn[0].port": "3260",
    "node.conn[0].startup": "manual",
    "node.conn[0].tcp.window_size": "524288",
    "node.conn[0].tcp.type_of_service": "0",
    "node.conn[0].timeo.logout_timeout": "15",
    "node.conn[0].timeo.login_timeout": "15",
    "node.conn[0].timeo.auth_timeout": "45",
    "node.conn[0].timeo.noop_out_interval": "5",
    "node.conn[0].timeo.noop_out_timeout": "5",
    "node.conn[0].iscsi.MaxXmitDataSegmentLength": "0",
    "node.conn[0].iscsi.MaxRecvDataSegmentLength": "262144",
    "node.conn[0].iscsi.HeaderDigest": "None",
    "node.conn[0].iscsi.DataDigest": "None",
    "node.conn[0].iscsi.IFMarker": "No",
    "node.conn[0].iscsi.OFMarker": "No",
}
SECRETS = frozenset({"node.session.auth.password", "node.session.auth.password_in"})
#: Values that open-iscsi takes for settings that are a choice.
CHOICES = {
    "node.session.scan": ("manual", "auto"),
    "node.startup": ("manual", "automatic", "onboot"),
    "node.conn[0].startup": ("manual", "automatic", "onboot"),
    "node.session.auth.authmethod": ("None", "CHAP"),
    "node.leading_login": ("No", "Yes"),
}
#: What the record is found by cannot be changed.
_KEYS = ("node.name", "node.tpgt", "node.conn[0].address", "node.conn[0].port", "iface.iscsi_ifacename")
_PORTAL = re.compile(r"\[?(?P<address>[0-9A-Fa-f.:]+?)\]?(?::(?P<port>\d+))?(?:,(?P<tpgt>-?\d+))?")


class BadValue(Exception):
    """A name or value that open-iscsi refuses; the text is what it prints."""


@dataclass(frozen=True, slots=True)
class Portal:
    """Where a target listens; `tpgt` is UNKNOWN_TPGT where nobody said."""

    address: str
    port: int
    tpgt: int = UNKNOWN_TPGT


def parse_portal(text: str) -> Portal | None:
    """ADDRESS[:PORT][,TPGT]; None if it is none."""
    found = _PORTAL.fullmatch(text)
    if found is None:
        return None
    return Portal(found["address"], int(found["port"] or 3260), int(found["tpgt"] or UNKNOWN_TPGT))


@dataclass(slots=True, eq=False)
class Record:
    """One target portal and its settings."""

    iqn: str
    portal: Portal
    settings: dict[str, str] = field(default_factory=dict)

    def seconds(self, name: str) -> float:
        """A setting that is a number; 0 for one that is not."""
        text = self.settings[name]
        return float(text) if text.lstrip("-").isdecimal() else 0.0

    def lines(self, secrets: bool) -> list[str]:
        """The record as `-o show` prints it, or with `secrets` as the file holds it."""
        shown = [f"node.name = {self.iqn}", f"node.tpgt = {self.portal.tpgt}"]
        for name, value in self.settings.items():
            text = "********" if name in SECRETS and value and not secrets else value
            if text or not secrets:
                shown.append(f"{name} = {text or '<empty>'}")
        return ["# BEGIN RECORD 2.1.8", *shown, "# END RECORD"]


class NodeRecords:
    """All node records. Not safe for threads: the caller holds the lock."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._records: list[Record] = []
        tree.at(RECORDS).mkdir(parents=True, exist_ok=True)
        for path in sorted(tree.at(RECORDS).rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                self._load(path.read_text())

    def find(self, iqn: str | None, portal: Portal | None) -> list[Record]:
        """Records that match what is given; a portal without a tag matches any tag."""
        return [
            record
            for record in self._records
            if iqn in (None, record.iqn)
            and (
                portal is None
                or (
                    (portal.address, portal.port) == (record.portal.address, record.portal.port)
                    and portal.tpgt in (UNKNOWN_TPGT, record.portal.tpgt)
                )
            )
        ]

    def new(self, iqn: str, portal: Portal, **settings: str) -> Record:
        """A record with default settings; one that exists is put back to the defaults, as `-o new` does."""
        self._records = [old for old in self._records if not (old.iqn == iqn and old.portal == portal)]
        fixed = {"node.conn[0].address": portal.address, "node.conn[0].port": str(portal.port)}
        record = Record(iqn, portal, DEFAULTS | self._configured() | fixed | settings)
        self._records.append(record)
        self._store(record)
        return record

    def update(self, record: Record, name: str, value: str) -> None:
        """Change one setting. BadValue for a name or value that open-iscsi refuses."""
        if name in _KEYS:
            raise BadValue(f"Cannot modify {name}. It is used to look up the record and cannot be changed.")
        if name not in record.settings:
            raise BadValue(f"Cannot modify {name}. Invalid param name.")
        if name in CHOICES and value not in CHOICES[name]:
            raise BadValue(f"unknown value format '{value}' for parameter name '{name}'")
        record.settings[name] = value
        self._store(record)

    def delete(self, record: Record) -> None:
        """Forget it."""
        self._records.remove(record)
        self._tree.drop(self._file(record).removesuffix("/default"))
        folder = self._tree.at(f"{RECORDS}/{record.iqn}")
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()

    def _load(self, text: str) -> None:
        """Take over a record that an earlier run of the host left."""
        lines = (line.partition(" = ") for line in text.splitlines())
        held = {name: value for name, equals, value in lines if equals}
        portal = Portal(held["node.conn[0].address"], int(held["node.conn[0].port"]), int(held["node.tpgt"]))
        known = {name: value for name, value in held.items() if name in DEFAULTS}
        self._records.append(Record(held["node.name"], portal, DEFAULTS | known))

    def _configured(self) -> dict[str, str]:
        """Defaults from iscsid.conf."""
        path = self._tree.at("/etc/iscsi/iscsid.conf")
        lines = path.read_text().splitlines() if path.exists() else []
        pairs = (line.partition("=") for line in lines if not line.lstrip().startswith("#"))
        return {name.strip(): value.strip() for name, _, value in pairs if name.strip() in DEFAULTS}

    def _file(self, record: Record) -> str:
        """A record without a tag is a file, one with a tag a folder with a file for each interface."""
        portal = record.portal
        if portal.tpgt == UNKNOWN_TPGT:
            return f"{RECORDS}/{record.iqn}/{portal.address},{portal.port}"
        return f"{RECORDS}/{record.iqn}/{portal.address},{portal.port},{portal.tpgt}/default"

    def _store(self, record: Record) -> None:
        path = self._file(record)
        self._tree.put(path, "\n".join(record.lines(secrets=True)))
        self._tree.at(path).chmod(0o600)

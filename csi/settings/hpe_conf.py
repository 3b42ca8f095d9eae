"""Reads the Docker plugin's hpe.conf: every section with an array is a backend (docker-plugin.md 1.1 to 1.4).

Unlike the plugin: the target inherits nothing from the source, CPG maps are looked up by the source's CPG, replication
is checked here and not at the first volume, and a mistake is an error with its line.
"""

from dataclasses import replace
from pathlib import Path

from csi.access import AccessProtocol
from csi.names import is_backend_name
from csi.settings import checks, plugin_keys
from csi.settings.ini import DEFAULT, Entry, read_ini
from csi.settings.model import ArraySettings, Backend, Secret
from csi.settings.pairing import check_addresses, check_labels, check_transport, check_trust, warn_of_trust
from csi.settings.passwords import PassPhrases, decrypt
from csi.settings.problems import Report, Wrong
from csi.settings.replication_device import KEY as DEVICE
from csi.settings.replication_device import Grammar, Pair, read_map, read_pairs
from csi.settings.spelling import shown
from csi.settings.values import Values

_DEFAULTS_SECTION = "backend_defaults"
_DRIVERS = {
    "hpedockerplugin.hpe.hpe_3par_iscsi.HPE3PARISCSIDriver": AccessProtocol.ISCSI,
    "hpedockerplugin.hpe.hpe_3par_fc.HPE3PARFCDriver": AccessProtocol.FC,
}
_SECTION_KEYS = frozenset((*plugin_keys.SECTION, *plugin_keys.IGNORED))
_DEVICE_KEYS = frozenset((*plugin_keys.DEVICE, *plugin_keys.IGNORED))
_GRAMMAR = Grammar(known=_DEVICE_KEYS, secret=plugin_keys.SECRET)
_LISTS = frozenset(("hpe3par_cpg", "hpe3par_snapcpg", "hpe3par_iscsi_ips"))


def read_hpe_conf(text: str, report: Report, passphrases: PassPhrases, ca_bundle: str) -> dict[str, Backend]:
    """The backends of an hpe.conf. `ca_bundle` is for arrays without a trust key of their own; "" for none."""
    sections = dict(read_ini(text, report))
    shared = sections.pop(_DEFAULTS_SECTION, [])
    backends: dict[str, Backend] = {}
    found = False
    for name, entries in sections.items():
        merged = _merged(name, shared, entries, report)
        if name == plugin_keys.FILE_SECTION or _driver(merged).endswith(plugin_keys.FILE_DRIVER):
            report.warn("skipped: File Persona shares are not supported", backend=name)
            continue
        reader = _BackendReader(name, merged, report, ca_bundle)
        if name != DEFAULT or not merged.keys().isdisjoint(plugin_keys.SECTION):
            found = True
            backend = reader.read(passphrases)
            if backend:
                backends[name] = backend
        reader.tell_keys()
    if not found:
        report.problem("no section describes an array", allowed="[DEFAULT] with hpe3par_api_url and the keys beside it")
    report.warn("passwords in an hpe.conf lie open, encrypted or not; a backends file takes them from Secrets")
    return backends


def _merged(section: str, shared: list[Entry], entries: list[Entry], report: Report) -> dict[str, Entry]:
    """Entries by key; the section's own win over `shared`, later ones over earlier ones, which is reported."""
    own: dict[str, Entry] = {}
    for entry in entries:
        if entry.key in own:
            _tell_repeat(own[entry.key], entry, section, report)
        own[entry.key] = entry
    return {**{entry.key: entry for entry in shared}, **own}


def _tell_repeat(first: Entry, again: Entry, section: str, report: Report) -> None:
    lines = f"on lines {first.line} and {again.line}"
    if first.key != DEVICE and first.value == again.value:
        report.warn(f"{first.key} stands there twice with the same value, {lines}", backend=section)
        return
    if first.key == DEVICE:
        wrong = f"given twice, {lines}; a backend has one target array"
        if sum(bool(part.strip()) for part in first.value.split(",")) == 1:
            wrong += f". Line {first.line} holds a single pair, as in HPE's printed sample: remove it"
    else:
        wrong = f"given twice with different values, {lines}"
    report.problem(wrong, backend=section, key=first.key, line=again.line)


def _driver(entries: dict[str, Entry]) -> str:
    return entries["hpedockerplugin_driver"].value if "hpedockerplugin_driver" in entries else ""


class _BackendReader:
    """Reads one section."""

    def __init__(self, name: str, entries: dict[str, Entry], report: Report, ca_bundle: str) -> None:
        pairs = {key: Pair(key, entry.value, entry.line) for key, entry in entries.items()}
        first_line = min((entry.line for entry in entries.values()), default=0)
        self._name = name
        self._report = report
        self._ca_bundle = ca_bundle
        self._entries = entries
        self._section = Values(report, name, pairs, prefix="", line=first_line)
        self._passphrase: str | None = None

    def tell_keys(self) -> None:
        self._section.tell_unknown(_SECTION_KEYS)
        self._section.tell_ignored()

    def read(self, passphrases: PassPhrases) -> Backend | None:
        """The backend; None if anything about it was reported."""
        problems_before = len(self._report.problems)
        section = self._section
        if not is_backend_name(self._name):
            section.problem(
                "", f"section name {shown(self._name)} cannot name a backend", allowed="letters, digits, '_.-'"
            )
        self._tell_line_breaks()
        try:
            self._passphrase = passphrases.of(self._name)
        except Wrong as wrong:
            section.problem("", f"the pass phrase file {wrong.sentence}", allowed=wrong.allowed)
        driver = section.needed("hpedockerplugin_driver", "it says how nodes reach the arrays")
        protocol = section.checked("hpedockerplugin_driver", driver, _protocol)
        cpg, snap_cpg = self._first("hpe3par_cpg", needed=True), self._first("hpe3par_snapcpg", needed=False)
        source = self._array(section, protocol, ",")
        backend = None
        if source and protocol and cpg:
            backend = Backend(name=self._name, protocol=protocol, source=source, cpg=cpg, snap_cpg=snap_cpg)
        if DEVICE in section:
            backend = self._with_target(backend, protocol, cpg, snap_cpg)
        if not backend or len(self._report.problems) > problems_before:
            return None
        for array in filter(None, (backend.source, backend.target)):
            warn_of_trust(array, self._report, self._name)
        return backend

    def _tell_line_breaks(self) -> None:
        for key, entry in self._entries.items():
            if key in plugin_keys.SECTION and key not in _LISTS and key != DEVICE and "\n" in entry.value:
                self._section.problem(key, "the value goes on after a line break", allowed="one line")

    def _first(self, key: str, *, needed: bool) -> str:
        """The first name of a list of CPGs, "" where there is none; the plugin used no other either."""
        section = self._section
        text = section.needed(key) if needed else section.text(key)
        names = [name.strip() for name in text.split(",") if name.strip()]
        if len(names) > 1:
            self._report.warn(f"only the first CPG of {key} is used, {names[0]}", backend=self._name)
        return section.checked(key, names[0], checks.array_name) or "" if names else ""

    def _array(self, values: Values, protocol: AccessProtocol | None, separator: str) -> ArraySettings | None:
        """The array that a section or a replication_device describes; None if anything is wrong with it."""
        url = values.checked("hpe3par_api_url", values.needed("hpe3par_api_url"), checks.array_url)
        username = values.needed("hpe3par_username")
        password = self._password(values, "hpe3par_password", values.needed("hpe3par_password"))
        # Decrypted only to learn early that the pass phrase is wrong.
        self._password(values, "san_password", values.raw("san_password"))
        if values.flag("hpe3par_iscsi_chap_enabled"):
            values.problem("hpe3par_iscsi_chap_enabled", "CHAP is not supported yet", allowed="false")
        portals = values.each("hpe3par_iscsi_ips", separator, checks.portal) or self._legacy_portal(values)
        if portals and protocol is AccessProtocol.FC:
            self._report.warn("iSCSI portals are ignored: the backend uses FC", backend=self._name)
            portals = ()
        array = ArraySettings(checks.url_label(url or ""), url or "", username, Secret(password or ""), portals=portals)
        array = self._trusting(values, array)
        return array if url and username and password else None

    def _password(self, values: Values, key: str, text: str) -> str | None:
        passphrase = self._passphrase
        return text if passphrase is None else values.checked(key, text, lambda value: decrypt(value, passphrase))

    def _legacy_portal(self, values: Values) -> tuple[str, ...]:
        """`iscsi_ip_address` and `iscsi_port`, which hpe3par_iscsi_ips replaced; 'my_ip' was the plugin's "not set"."""
        address, port = values.text("iscsi_ip_address"), values.text("iscsi_port")
        if not address or address == "my_ip" or "hpe3par_iscsi_ips" in values:
            return ()
        found = values.checked("iscsi_ip_address", f"{address}:{port}" if port else address, checks.portal)
        return (found,) if found else ()

    def _trusting(self, values: Values, array: ArraySettings) -> ArraySettings:
        """`array` with what hpe.conf has no keys for: how its certificate is trusted."""
        ca_key, pin_key, insecure_key = plugin_keys.TLS
        insecure = values.flag(insecure_key)
        given = [key for key in (ca_key, pin_key) if values.raw(key)] + ([insecure_key] if insecure else [])
        try:
            check_trust(given)
            check_transport(array.url, insecure=insecure, insecure_key=f"{insecure_key}")
        except Wrong as wrong:
            values.problem(given[0] if len(given) > 1 else "hpe3par_api_url", wrong.sentence, allowed=wrong.allowed)
        ca_bundle = values.checked(ca_key, values.text(ca_key), lambda path: checks.ca_bundle(Path(path))) or ""
        pin = values.checked(pin_key, values.text(pin_key), checks.certificate_pin) or ""
        if not given:
            ca_bundle = self._ca_bundle
        return replace(array, ca_bundle=ca_bundle, pin=pin, verify_tls=not insecure)

    def _with_target(
        self, backend: Backend | None, protocol: AccessProtocol | None, cpg: str, snap_cpg: str
    ) -> Backend | None:
        """`backend` with its target array; everything wrong with replication_device is reported even without one."""
        entry = self._entries[DEVICE]
        pairs = read_pairs(entry, _GRAMMAR, self._report, self._name)
        device = Values(self._report, self._name, pairs, prefix=f"{DEVICE}.", line=entry.line)
        forward = device.checked("backend_id", device.needed("backend_id"), checks.array_name)
        reverse = device.checked("csi_source_backend_id", device.text("csi_source_backend_id"), checks.array_name)
        self._check_mode(device)
        why = "without it the plugin ran the pair as Active/Passive, which this driver does not do"
        quorum_witness = device.checked("quorum_witness_ip", device.needed("quorum_witness_ip", why), checks.witness)
        cpg_map = device.checked("cpg_map", device.needed("cpg_map"), read_map) or {}
        snap_cpg_map = device.checked("snap_cpg_map", device.needed("snap_cpg_map"), read_map) or {}
        self._check_mapped(device, "cpg_map", cpg_map, cpg)
        snap_cpg = self._mapped_snap_cpg(device, snap_cpg_map, cpg, snap_cpg)
        target = self._array(device, protocol, ";")
        device.tell_ignored()
        if not backend or not target or not forward or not quorum_witness:
            return None
        source = replace(backend.source, target_name=forward, label=reverse or backend.source.label)
        target = replace(target, target_name=reverse or "", label=forward)
        device.checked("hpe3par_api_url", target.url, lambda _: check_addresses(source, target))
        device.checked("csi_source_backend_id", source.label, lambda _: check_labels(source, target))
        return replace(
            backend,
            source=source,
            target=target,
            quorum_witness=quorum_witness,
            snap_cpg=snap_cpg,
            cpg_map=cpg_map,
            snap_cpg_map=snap_cpg_map,
        )

    @staticmethod
    def _check_mode(device: Values) -> None:
        mode = device.needed("replication_mode")
        if mode and mode.lower() != "synchronous":
            device.problem("replication_mode", f"{shown(mode)} is not Peer Persistence", allowed="synchronous")
        if "sync_period" in device:
            device.problem("sync_period", "has no meaning for synchronous replication", allowed="no such key")

    @staticmethod
    def _check_mapped(device: Values, key: str, cpg_map: dict[str, str], cpg: str) -> None:
        if cpg_map and cpg and cpg not in cpg_map:
            device.problem(key, f"has no pair for the source's CPG {shown(cpg)}", allowed=f"{cpg}:<the target's CPG>")

    def _mapped_snap_cpg(self, device: Values, snap_cpg_map: dict[str, str], cpg: str, snap_cpg: str) -> str:
        """The source's CPG for snapshots: as set, else its CPG where that is mapped, else the map's only left side.

        The plugin never looked at a left side (docker-plugin.md 1.3); HPE's samples set the CPG only there.
        """
        if snap_cpg or not snap_cpg_map or cpg in snap_cpg_map:
            snap_cpg = snap_cpg or (cpg if snap_cpg_map else "")
            self._check_mapped(device, "snap_cpg_map", snap_cpg_map, snap_cpg)
            return snap_cpg
        if len(snap_cpg_map) > 1:
            self._section.problem("hpe3par_snapcpg", "is missing", allowed=", ".join(snap_cpg_map))
            return ""
        only = next(iter(snap_cpg_map))
        self._report.warn(f"hpe3par_snapcpg is not set; {only} is taken from snap_cpg_map", backend=self._name)
        return only


def _protocol(driver: str) -> AccessProtocol:
    try:
        return _DRIVERS[driver]
    except KeyError:
        raise Wrong(f"{shown(driver)} is no block driver", " or ".join(_DRIVERS)) from None

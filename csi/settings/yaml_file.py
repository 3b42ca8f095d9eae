"""Reads the driver's own backends file: `apiVersion: csi-3par.io/v1`, `kind: Backends` (docs/settings.md).

Credentials are references only, to mounted Secrets or the environment, so the file itself may lie in a ConfigMap.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

from csi.access import AccessProtocol
from csi.names import is_backend_name
from csi.settings import checks
from csi.settings.model import ArraySettings, Backend, Secret
from csi.settings.pairing import check_addresses, check_labels, check_transport, check_trust, warn_of_trust
from csi.settings.problems import Report, Wrong
from csi.settings.spelling import nearest, shown
from csi.settings.yaml_tree import Path as Place
from csi.settings.yaml_tree import Tree, read_tree

_Doc = TypeVar("_Doc", bound=BaseModel)
_T = TypeVar("_T")


def _backend_name(text: str) -> str:
    if not is_backend_name(text):
        raise Wrong(
            f"{shown(text)} cannot name a backend",
            "1 to 63 letters, digits, '_', '-', '.', not beginning with '-' or '.'",
        )
    return text


def _protocol(text: str) -> str:
    if text.lower() not in list(AccessProtocol):
        raise Wrong(f"{shown(text)} is no protocol", ", ".join(AccessProtocol))
    return text.lower()


_ArrayName = Annotated[str, AfterValidator(checks.array_name)]
_Seconds = Annotated[float, Field(gt=0, le=600)]


class _Strict(BaseModel):
    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, alias_generator=to_camel, hide_input_in_errors=True
    )


class ArrayDoc(_Strict):
    """One array as the file describes it."""

    name: _ArrayName | None = None
    url: Annotated[str, AfterValidator(checks.array_url)]
    secret_dir: str | None = None
    username_file: str | None = None
    password_file: str | None = None
    username_env: str | None = None
    password_env: str | None = None
    ca_bundle: str | None = None
    certificate_pin: Annotated[str, AfterValidator(checks.certificate_pin)] | None = None
    insecure_skip_verify: bool = False
    target_name: _ArrayName | None = None
    portals: list[Annotated[str, AfterValidator(checks.portal)]] = []
    fc_ports: list[Annotated[str, AfterValidator(checks.fc_port)]] = []
    connect_timeout_seconds: _Seconds | None = None
    read_timeout_seconds: _Seconds | None = None


class BackendDoc(_Strict):
    """One backend as the file describes it; its arrays are read on their own, so that one mistake hides no other."""

    name: Annotated[str, AfterValidator(_backend_name)]
    protocol: Annotated[str, AfterValidator(_protocol)]
    cpg: _ArrayName
    snap_cpg: _ArrayName | None = None
    source: dict[str, Any]
    target: dict[str, Any] | None = None
    quorum_witness: Annotated[str, AfterValidator(checks.witness)] | None = None
    cpg_map: dict[_ArrayName, _ArrayName] = {}
    snap_cpg_map: dict[_ArrayName, _ArrayName] = {}


class FileDoc(_Strict):
    """The whole file; backends are read on their own."""

    api_version: Literal["csi-3par.io/v1"]
    kind: Literal["Backends"]
    backends: Annotated[list[dict[str, Any]], Field(min_length=1)]


#: What pydantic's error types mean to somebody who writes YAML; others keep pydantic's own sentence.
_SENTENCES = {
    "missing": "is missing",
    "string_type": "is not text; a number, true, no and the like need quotes",
    "bool_type": "is neither true nor false",
    "float_type": "is not a number",
    "dict_type": "is not a mapping",
    "list_type": "is not a list",
    "too_short": "is empty",
}
_BY_REFERENCE = "usernameFile and passwordFile, usernameEnv and passwordEnv, or secretDir"
#: Which keys can supply a user name and a password.
_SUPPLIES = {
    "user name": ("usernameFile", "usernameEnv", "secretDir"),
    "password": ("passwordFile", "passwordEnv", "secretDir"),
}
_TRUST = ("caBundle", "certificatePin", "insecureSkipVerify")
_PAIR_ONLY = ("quorumWitness", "cpgMap", "snapCpgMap")


def read_yaml(
    text: str, report: Report, *, folder: Path, environ: Mapping[str, str], ca_bundle: str
) -> dict[str, Backend]:
    """The backends of a backends file.

    Relative paths in it start at `folder`; `ca_bundle` is for arrays that say nothing about trust, "" for none.
    """
    tree = read_tree(text, report)
    if tree is None:
        return {}
    reader = _Reader(tree, report, "", ())
    if not isinstance(tree.root, dict):
        reader.problem((), "is no mapping", allowed="apiVersion, kind and backends")
        return {}
    reader.model(FileDoc, (), tree.root)
    backends: dict[str, Backend] = {}
    listed = tree.root.get("backends")
    names: list[object] = []
    for index, raw in enumerate(listed if isinstance(listed, list) else []):
        if not isinstance(raw, dict):
            continue
        name = raw.get("name")
        label = name if isinstance(name, str) and name else f"number {index + 1}"
        backend = _BackendReader(
            tree, report, label, ("backends", index), folder=folder, environ=environ, ca_bundle=ca_bundle
        ).read(raw)
        if name and name in names:
            _Reader(tree, report, label, ("backends", index)).problem(("name",), "another backend has this name")
        names.append(name)
        if backend:
            backends[backend.name] = backend
    return backends


class _Reader:
    """Reads models at one place of the tree and turns what pydantic says into problems."""

    def __init__(self, tree: Tree, report: Report, backend: str, place: Place) -> None:
        self.report = report
        self.backend = backend
        self._tree = tree
        self._place = place

    def problem(self, path: Place, wrong: str, *, allowed: str = "", near: str = "") -> None:
        """Note a problem at `path` below this place."""
        key = ".".join(map(str, path))
        line = self._tree.line(self._place + path)
        self.report.problem(wrong, backend=self.backend, key=key, line=line, allowed=allowed, nearest=near)

    def checked(self, path: Place, check: Callable[[], _T]) -> _T | None:
        """What `check` returns; None if it raises Wrong, which is noted at `path`."""
        try:
            return check()
        except Wrong as wrong:
            self.problem(path, wrong.sentence, allowed=wrong.allowed)
            return None

    def model(self, kind: type[_Doc], path: Place, raw: Mapping[str, Any]) -> _Doc | None:
        """`raw` as a `kind`; None if it is none, with every reason noted."""
        known = [field.alias or name for name, field in kind.model_fields.items()]
        try:
            return kind.model_validate(raw)
        except ValidationError as refused:
            for detail in refused.errors(include_url=False, include_input=False):
                self._told(detail, path, known)
            return None

    def _told(self, detail: ErrorDetails, path: Place, known: list[str]) -> None:
        place = path + tuple(part for part in detail["loc"] if part != "[key]")
        context = detail.get("ctx", {})
        error = context.get("error")
        if isinstance(error, Wrong):
            self.problem(place, error.sentence, allowed=error.allowed)
        elif detail["type"] == "literal_error":
            self.problem(place, "has another value", allowed=context["expected"])
        elif detail["type"] != "extra_forbidden":
            self.problem(place, _SENTENCES.get(detail["type"], detail["msg"]))
        elif place[-1] in ("username", "password"):
            self.problem(place, "stands here in clear; credentials are taken by reference only", allowed=_BY_REFERENCE)
        else:
            self.problem(place, "unknown key", near=nearest(str(place[-1]), known), allowed=", ".join(known))


class _BackendReader(_Reader):
    def __init__(
        self,
        tree: Tree,
        report: Report,
        backend: str,
        place: Place,
        *,
        folder: Path,
        environ: Mapping[str, str],
        ca_bundle: str,
    ) -> None:
        super().__init__(tree, report, backend, place)
        self._folder = folder
        self._environ = environ
        self._ca_bundle = ca_bundle

    def read(self, raw: Mapping[str, Any]) -> Backend | None:
        """The backend; None if anything about it was reported."""
        problems_before = len(self.report.problems)
        doc = self.model(BackendDoc, (), raw)
        source = self._array("source", raw)
        target = self._array("target", raw)
        if "target" in raw and raw["target"] is not None:
            self._check_pair_keys(raw)
        else:
            self._refuse_pair_keys(raw)
        if doc:
            self._check_maps(doc)
        if source and target:
            self.checked(("target", "url"), lambda: check_addresses(source, target))
            if source.url != target.url:
                self.checked(("target", "name"), lambda: check_labels(source, target))
        if not doc or not source or len(self.report.problems) > problems_before:
            return None
        for array in filter(None, (source, target)):
            warn_of_trust(array, self.report, self.backend)
            self._warn_of_ports(doc, array)
        return Backend(
            name=doc.name,
            protocol=AccessProtocol(doc.protocol),
            source=source,
            cpg=doc.cpg,
            snap_cpg=doc.snap_cpg or "",
            target=target,
            quorum_witness=doc.quorum_witness or "",
            cpg_map=doc.cpg_map,
            snap_cpg_map=doc.snap_cpg_map,
        )

    def _check_pair_keys(self, raw: Mapping[str, Any]) -> None:
        if not raw.get("quorumWitness"):
            self.problem(("quorumWitness",), "is missing: a pair without one has no automatic failover")
        for key in ("cpgMap", "snapCpgMap"):
            if not raw.get(key):
                self.problem((key,), "is missing: it says which CPG of the target stands for each of the source's")
        source = raw.get("source")
        if isinstance(source, dict) and not source.get("targetName"):
            self.problem(("source", "targetName"), "is missing: the name under which the source array knows the target")

    def _refuse_pair_keys(self, raw: Mapping[str, Any]) -> None:
        for key in _PAIR_ONLY:
            if raw.get(key):
                self.problem((key,), "has no meaning without a target", allowed="a target, or no such key")
        source = raw.get("source")
        if isinstance(source, dict) and source.get("targetName"):
            self.problem(
                ("source", "targetName"), "has no meaning without a target", allowed="a target, or no such key"
            )

    def _check_maps(self, doc: BackendDoc) -> None:
        if doc.cpg_map and doc.cpg not in doc.cpg_map:
            self.problem(
                ("cpgMap",), f"has no entry for cpg {shown(doc.cpg)}", allowed=f"{doc.cpg}: <the target's CPG>"
            )
        snap_cpg = doc.snap_cpg or doc.cpg
        if doc.snap_cpg_map and snap_cpg not in doc.snap_cpg_map:
            wrong = f"has no entry for {'snapCpg' if doc.snap_cpg else 'cpg'} {shown(snap_cpg)}"
            self.problem(("snapCpgMap",), wrong, allowed=f"{snap_cpg}: <the target's CPG>")

    def _warn_of_ports(self, doc: BackendDoc, array: ArraySettings) -> None:
        if array.portals and doc.protocol == AccessProtocol.FC:
            self.report.warn(f"portals of array {array.label} ignored: the backend uses FC", backend=self.backend)
        if array.fc_ports and doc.protocol == AccessProtocol.ISCSI:
            self.report.warn(f"fcPorts of array {array.label} ignored: the backend uses iSCSI", backend=self.backend)

    def _array(self, side: str, backend: Mapping[str, Any]) -> ArraySettings | None:
        raw = backend.get(side)
        if not isinstance(raw, dict):
            return None
        doc = self.model(ArrayDoc, (side,), raw)
        trust = [key for key in _TRUST if raw.get(key)]
        self.checked((side, trust[-1] if trust else ""), lambda: check_trust(trust))
        username = self._credential("user name", side, raw)
        password = self._credential("password", side, raw)
        if not doc:
            return None
        insecure = doc.insecure_skip_verify
        key = "insecureSkipVerify: true"
        self.checked((side, "url"), lambda: check_transport(doc.url, insecure=insecure, insecure_key=key))
        ca_bundle = self._ca_bundle if not trust else ""
        if doc.ca_bundle:
            path = self._folder / doc.ca_bundle
            ca_bundle = self.checked((side, "caBundle"), lambda: checks.ca_bundle(path)) or ""
        if username is None or password is None:
            return None
        timeouts = {
            "connect_timeout_seconds": doc.connect_timeout_seconds,
            "read_timeout_seconds": doc.read_timeout_seconds,
        }
        return ArraySettings(
            label=doc.name or checks.url_label(doc.url),
            url=doc.url,
            username=username,
            password=Secret(password),
            ca_bundle=ca_bundle,
            pin=doc.certificate_pin or "",
            verify_tls=not insecure,
            target_name=doc.target_name or "",
            portals=tuple(doc.portals),
            fc_ports=tuple(doc.fc_ports),
            **{name: seconds for name, seconds in timeouts.items() if seconds is not None},
        )

    def _credential(self, what: str, side: str, raw: Mapping[str, Any]) -> str | None:
        """The user name or the password from the one place the file names; None if that fails."""
        given = [key for key in _SUPPLIES[what] if raw.get(key)]
        if len(given) != 1:
            # A literal one was reported already, with the same advice.
            if given or not {"username", "password"} & raw.keys():
                wrong = f"{' and '.join(given)} both supply a {what}" if given else f"no {what} is given"
                self.problem((side,), wrong, allowed=_BY_REFERENCE)
            return None
        key = given[0]
        value = raw[key]
        if not isinstance(value, str):
            return None
        if key == "secretDir":
            name = "username" if what == "user name" else "password"
            return self.checked((side, key), lambda: checks.secret_text(self._folder / value / name))
        if key.endswith("File"):
            return self.checked((side, key), lambda: checks.secret_text(self._folder / value))
        if not self._environ.get(value):
            self.problem((side, key), f"the environment variable {shown(value)} is not set or empty")
            return None
        return self._environ[value]

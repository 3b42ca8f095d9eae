"""Where settings come from: a file in one of two formats, recognised by what is in it."""

import re
from collections.abc import Mapping
from pathlib import Path

from csi.settings import checks, plugin_keys
from csi.settings.hpe_conf import read_hpe_conf
from csi.settings.model import Settings
from csi.settings.passwords import PassPhrases
from csi.settings.problems import Report, Wrong
from csi.settings.yaml_file import read_yaml

#: The pass phrase of an hpe.conf's encrypted passwords, where no file holds it.
PASSPHRASE_VARIABLE = "THREEPAR_PASSPHRASE"  # noqa: S105 - a variable's name, no secret
#: A CA bundle for every array whose settings say nothing about trust.
CA_BUNDLE_VARIABLE = "THREEPAR_CA_BUNDLE"

_KEY = re.compile(r"([\w.-]+)\s*([:=])")


def load_settings(
    path: str | Path, *, environ: Mapping[str, str], passphrase_file: str | Path | None = None, ca_bundle: str = ""
) -> Settings:
    """Read a backends file (YAML) or the Docker plugin's hpe.conf.

    `passphrase_file` is for encrypted passwords in an hpe.conf: a file with the pass phrase of all backends, or a
    directory with a file for each backend that has one. `ca_bundle` is the path of a PEM file for arrays without a
    trust setting of their own. Where either is missing, THREEPAR_PASSPHRASE and THREEPAR_CA_BUNDLE of `environ` serve.
    Raises BadSettings with every problem found.
    """
    path = Path(path)
    report = Report(str(path))
    text = _text_of(path, report)
    ca_bundle = _checked_bundle(ca_bundle or environ.get(CA_BUNDLE_VARIABLE, ""), report)
    passphrase = environ.get(PASSPHRASE_VARIABLE, "")
    if text is None:
        backends = {}
    elif is_ini(text):
        passphrases = PassPhrases(Path(passphrase_file) if passphrase_file else None, passphrase)
        backends = read_hpe_conf(text, report, passphrases, ca_bundle)
    else:
        if passphrase or passphrase_file:
            report.warn("the pass phrase is not used: only an hpe.conf has encrypted passwords")
        backends = read_yaml(text, report, folder=path.parent, environ=environ, ca_bundle=ca_bundle)
    report.finish()
    return Settings(backends, tuple(report.warnings))


def is_ini(text: str) -> bool:
    """Whether `text` is an hpe.conf: its first line that says something is a section, `key = value` or a key of one."""
    for line in text.splitlines():
        stripped = line.strip()
        if not stripped or stripped[0] in "#;":
            continue
        found = _KEY.match(stripped)
        known = found is not None and found[1] in {*plugin_keys.SECTION, *plugin_keys.IGNORED}
        return stripped[0] == "[" or known or (found is not None and found[2] == "=")
    return False


def _text_of(path: Path, report: Report) -> str | None:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        report.problem(f"cannot be read ({error.strerror})")
    except UnicodeDecodeError:
        report.problem("is not UTF-8 text")
    return None


def _checked_bundle(path: str, report: Report) -> str:
    try:
        return checks.ca_bundle(Path(path)) if path else ""
    except Wrong as wrong:
        report.problem(f"the CA bundle {wrong.sentence}", allowed=wrong.allowed)
        return ""

"""Flags, their environment variables, and what the verbs are handed."""

import sys
import types
from pathlib import Path

import pytest

import csi
from csi import cli
from csi.access import AccessProtocol
from csi.errors import BadSettings
from csi.rpc import logs
from csi.settings.options import (
    BackendOptions,
    CheckOptions,
    ControllerOptions,
    LogOptions,
    NodeOptions,
    Options,
    ServeOptions,
)


def test_the_controller_has_a_default_for_all_but_its_socket() -> None:
    assert cli.parse(["controller", "--endpoint", "/s"], {}) == ControllerOptions(
        ServeOptions("/s", workers=16, grace_seconds=25.0),
        BackendOptions(Path("/etc/csi-3par/backends.yaml"), None, ""),
        LogOptions("json", "info"),
        journal="/var/lib/csi-3par/journal.db",
        remove_groups="made",
    )


def test_the_environment_speaks_where_flags_are_silent() -> None:
    environ = {"CSI_ENDPOINT": "unix:///env", "NODE_NAME": "worker-1", "THREEPAR_LOG_FORMAT": "console"}
    options = cli.parse(["node", "--node-name", "worker-2", "--protocols", "fc"], environ)
    assert isinstance(options, NodeOptions)
    assert (options.serve.endpoint, options.node_name, options.log.style) == ("unix:///env", "worker-2", "console")
    assert options.protocols == (AccessProtocol.FC,)


def test_check_needs_no_socket() -> None:
    options = cli.parse(["check", "--config", "a.yaml", "--passphrase-file", "p"], {})
    assert options == CheckOptions(BackendOptions(Path("a.yaml"), Path("p"), ""), LogOptions())


@pytest.mark.parametrize(
    ("arguments", "environ", "words"),
    [
        ([], {}, "VERB"),
        (["fly"], {}, "invalid choice"),
        (["controller"], {}, "--endpoint"),
        (["check", "--log-format", "xml"], {}, "'xml' is none of json, console"),
        (["check"], {"THREEPAR_LOG_LEVEL": "loud"}, "'loud' is none of"),
        (["controller", "--endpoint", "/s"], {"THREEPAR_WORKERS": "0"}, "'0' is not a whole number from 1 up"),
        (["node", "--endpoint", "/s", "--max-volumes", "-1"], {}, "'-1' is not a whole number from 0 up"),
        (["node", "--endpoint", "/s", "--grace-seconds", "nan"], {}, "'nan' is not a number of seconds"),
        (["node", "--endpoint", "/s", "--protocols", "iscsi,nvme"], {}, "is not a list out of iscsi,fc"),
    ],
)
def test_wrong_flags_end_with_2_and_a_reason(
    arguments: list[str], environ: dict[str, str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.parse(arguments, environ)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["controller", "node", "check"])
def test_help_names_every_flag_its_variable_and_shows_examples(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.parse([verb, "--help"], {})
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert f"csi-3par {verb} --" in text
    assert "THREEPAR_LOG_LEVEL" in text


def test_every_example_of_the_help_is_accepted() -> None:
    examples = [line.split()[1:] for line in cli.EXAMPLES.splitlines() if line.startswith("  csi-3par ")]
    assert len(examples) >= 4
    for words in examples:
        cli.parse(words, {})


@pytest.fixture
def wiring(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A wiring that only notes what it was asked to run; logging is left as pytest set it up."""
    module = types.ModuleType("csi.wiring")
    module.seen = []  # type: ignore[attr-defined]  # the stand-in's own note

    def note(options: Options) -> int:
        module.seen.append(options)
        return 0

    for name in ("run_controller", "run_node", "run_check"):
        setattr(module, name, note)
    monkeypatch.setitem(sys.modules, "csi.wiring", module)
    monkeypatch.setattr(csi, "wiring", module, raising=False)
    monkeypatch.setattr(logs, "configure", lambda *_: None)
    return module


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (["controller", "--endpoint", "/s"], ControllerOptions),
        (["node", "--endpoint", "/s"], NodeOptions),
        (["check"], CheckOptions),
    ],
)
def test_each_verb_is_handed_to_wiring(wiring: types.ModuleType, arguments: list[str], kind: type[Options]) -> None:
    assert cli.main(arguments, {}) == 0
    assert [type(options) for options in wiring.seen] == [kind]


def test_an_error_of_the_driver_ends_in_one_sentence_and_1(
    wiring: types.ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: Options) -> int:
        raise BadSettings("there is no such file", where="a.yaml")

    wiring.run_check = fail  # type: ignore[attr-defined]  # the stand-in's own function
    assert cli.main(["check"], {}) == 1
    assert capsys.readouterr().err == "csi-3par: a.yaml: there is no such file\n"

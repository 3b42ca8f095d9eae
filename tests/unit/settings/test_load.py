import pytest

from csi.errors import BadSettings
from csi.settings.load import is_ini, load_settings
from tests.unit.settings.reading import CERTIFICATE, DEVICE, PLAIN, Reading, conf

YAML = """\
apiVersion: csi-3par.io/v1
kind: Backends
backends:
  - {name: one, protocol: fc, cpg: SSD, source: {url: "https://a", usernameEnv: U, passwordEnv: P}}
"""


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("[DEFAULT]\n", True),
        ("# c\n\n; c\n[metro]\n", True),
        ("san_ip = 192.0.2.1\n", True),
        ("hpe3par_cpg: SSD\n", True),
        ("anything=1\n", True),
        (YAML, False),
        ("---\n" + YAML, False),
        ('{"apiVersion": "csi-3par.io/v1"}', False),
        ("url: https://a?x=1\n", False),
        ("", False),
        ("- a\n", False),
    ],
)
def test_the_format_is_known_by_the_first_line_that_says_something(text: str, answer: bool) -> None:
    assert is_ini(text) is answer


@pytest.mark.parametrize("name", ["hpe.conf", "backends.yaml", "anything"])
def test_the_name_of_the_file_does_not_matter(reading: Reading, name: str) -> None:
    reading.environ = {"U": "u", "P": "p"}

    assert reading.settings(YAML, name).backend("one").source.username == "u"
    assert reading.settings(conf(PLAIN), name).backend("DEFAULT").source.username == "edit"


def test_a_byte_order_mark_is_no_part_of_the_text(reading: Reading) -> None:
    assert list(reading.settings("\ufeff" + conf(PLAIN)).backends) == ["DEFAULT"]


def test_a_file_that_is_not_there_is_a_problem(reading: Reading) -> None:
    path = reading.folder / "gone"
    with pytest.raises(BadSettings) as caught:
        load_settings(path, environ={})

    assert str(caught.value) == (
        f"1 problem in the settings, nothing was loaded\n  {path}: cannot be read (No such file or directory)"
    )


def test_a_file_that_is_no_text_is_a_problem(reading: Reading) -> None:
    path = reading.folder / "binary"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(BadSettings) as caught:
        load_settings(str(path), environ={})

    assert str(caught.value) == f"1 problem in the settings, nothing was loaded\n  {path}: is not UTF-8 text"


def test_an_empty_file_is_a_problem(reading: Reading) -> None:
    assert reading.whole_error("\n# nothing\n") == (
        f"1 problem in the settings, nothing was loaded\n  {reading.folder}/file: the file is empty"
    )


def test_the_environment_names_a_bundle_and_the_argument_wins(reading: Reading) -> None:
    first, second = reading.file("1.pem", CERTIFICATE), reading.file("2.pem", CERTIFICATE)
    reading.environ = {"U": "u", "P": "p", "THREEPAR_CA_BUNDLE": str(first)}

    assert reading.settings(conf(PLAIN)).backend().source.ca_bundle == str(first)
    assert reading.settings(YAML).backend().source.ca_bundle == str(first)
    reading.ca_bundle = str(second)
    assert reading.settings(YAML).backend().source.ca_bundle == str(second)


def test_a_bundle_from_outside_is_checked_and_told_beside_the_files_problems(reading: Reading) -> None:
    reading.ca_bundle = str(reading.folder / "gone.pem")

    assert reading.whole_error(conf(PLAIN | {"hpe3par_cpg": None})).split("\n  ")[1:] == [
        f"{reading.folder}/file: the CA bundle '{reading.ca_bundle}' cannot be read (No such file or directory); "
        "allowed: the path of a PEM file",
        f"{reading.folder}/file:2: backend DEFAULT: hpe3par_cpg: is missing",
    ]


def test_a_pass_phrase_beside_a_backends_file_is_warned_of(reading: Reading) -> None:
    reading.environ = {"U": "u", "P": "p", "THREEPAR_PASSPHRASE": "mykey"}

    assert reading.warnings(YAML) == ["the pass phrase is not used: only an hpe.conf has encrypted passwords"]


def test_the_file_wins_over_the_environments_pass_phrase(reading: Reading) -> None:
    reading.environ = {"THREEPAR_PASSPHRASE": "another"}
    reading.passphrase_file = reading.file("phrase", "mykey")
    section = PLAIN | {"hpe3par_password": "y+VUFFRQYo4="}

    assert reading.settings(conf(section)).backend().source.password.reveal() == "3pardata"


def test_settings_never_print_a_password(reading: Reading) -> None:
    text = repr(reading.settings(conf(PLAIN, DEVICE)))

    assert "source-secret" not in text
    assert "target-secret" not in text

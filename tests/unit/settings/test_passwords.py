import base64
import string
from pathlib import Path

import pytest
from cryptography.hazmat.decrepit.ciphers.modes import CFB8
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from hypothesis import given
from hypothesis import strategies as st

from csi.settings.passwords import PassPhrases, decrypt, key_of
from csi.settings.problems import Wrong
from tests.unit.settings.reading import DEVICE, PLAIN, Reading, conf

WRONG_PASSPHRASE = (
    "does not decrypt to a readable text with the pass phrase given; "
    "allowed: the pass phrase that 'hpe3parencryptor -a' was called with for this backend"
)


def encrypt(text: str, passphrase: str) -> str:
    """What hpe3parencryptor prints; only tests write this form."""
    encryptor = Cipher(AES(key_of(passphrase)), CFB8(b"1234567812345678")).encryptor()
    return base64.b64encode(encryptor.update(text.encode()) + encryptor.finalize()).decode()


@pytest.mark.parametrize(
    ("encrypted", "passphrase", "plain"),
    [("+CB1E8Je1j8=", "@123#", "password"), ("y+VUFFRQYo4=", "mykey", "3pardata")],
)
def test_known_passwords_decrypt(encrypted: str, passphrase: str, plain: str) -> None:
    assert decrypt(encrypted, passphrase) == plain


@pytest.mark.parametrize(
    ("length", "size"), [(1, 16), (15, 16), (16, 16), (17, 24), (24, 24), (25, 32), (32, 32), (33, 32), (90, 32)]
)
def test_a_key_is_filled_up_with_letters_or_cut(length: int, size: int) -> None:
    passphrase = "7" * length
    assert key_of(passphrase) == (passphrase + string.ascii_letters)[:size].encode()


@given(
    st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=40),
    st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=40),
)
def test_what_was_encrypted_decrypts(plain: str, passphrase: str) -> None:
    assert decrypt(encrypt(plain, passphrase), passphrase) == plain


@pytest.mark.parametrize("encrypted", ["secret", "not base64!", "é" * 8])
def test_plain_text_is_not_taken_for_encrypted(encrypted: str) -> None:
    with pytest.raises(Wrong) as caught:
        decrypt(encrypted, "mykey")

    assert caught.value.sentence == "is not base64, although a pass phrase is given"
    assert caught.value.allowed == "hpe3parencryptor's output, or no pass phrase at all"


def test_a_wrong_pass_phrase_is_told_without_anything_secret(reading: Reading) -> None:
    reading.environ = {"THREEPAR_PASSPHRASE": "not-the-one"}
    encrypted = encrypt("source-secret", "mykey")
    problems = reading.problems(conf(PLAIN | {"hpe3par_password": encrypted}))

    assert problems == [f"5: backend DEFAULT: hpe3par_password: {WRONG_PASSPHRASE}"]


def test_all_four_passwords_of_a_pair_are_decrypted(reading: Reading) -> None:
    reading.passphrase_file = reading.file("phrase", "mykey\n")
    section = PLAIN | {"hpe3par_password": encrypt("s3cret", "mykey"), "san_password": encrypt("ssh", "mykey")}
    device = DEVICE | {"hpe3par_password": encrypt("t4rget", "mykey"), "san_password": encrypt("ssh", "mykey")}
    backend = reading.settings(conf(section, device)).backend()

    assert backend.source.password.reveal() == "s3cret"
    assert backend.target is not None
    assert backend.target.password.reveal() == "t4rget"


def test_each_password_that_does_not_decrypt_is_named(reading: Reading) -> None:
    reading.passphrase_file = reading.file("phrase", "mykey")
    section = PLAIN | {"hpe3par_password": encrypt("s3cret", "mykey"), "san_password": "/////w=="}
    device = DEVICE | {"hpe3par_password": "plain text", "san_password": "/////w=="}

    assert reading.problems(conf(section, device)) == [
        f"7: backend DEFAULT: san_password: {WRONG_PASSPHRASE}",
        "15: backend DEFAULT: replication_device.hpe3par_password: is not base64, although a pass phrase is given; "
        "allowed: hpe3parencryptor's output, or no pass phrase at all",
        f"16: backend DEFAULT: replication_device.san_password: {WRONG_PASSPHRASE}",
    ]


def test_a_directory_holds_a_pass_phrase_for_each_backend_that_has_one(reading: Reading) -> None:
    reading.passphrase_file = reading.file("phrases/DEFAULT", "mykey\n").parent
    text = conf(PLAIN | {"hpe3par_password": "y+VUFFRQYo4="}) + conf(PLAIN, name="open")
    settings = reading.settings(text)

    assert settings.backend("DEFAULT").source.password.reveal() == "3pardata"
    assert settings.backend("open").source.password.reveal() == "source-secret"


def test_a_backend_name_does_not_lead_out_of_the_directory(tmp_path: Path) -> None:
    (tmp_path / "phrases").mkdir()
    (tmp_path / "outside").write_text("mykey")

    assert PassPhrases(tmp_path / "phrases").of("../outside") is None


def test_a_pass_phrase_file_that_is_not_there_is_a_problem(reading: Reading) -> None:
    reading.passphrase_file = reading.folder / "gone"

    assert reading.problems(conf(PLAIN)) == [
        f"2: backend DEFAULT: the pass phrase file '{reading.folder}/gone' cannot be read (No such file or directory)"
    ]


def test_an_empty_pass_phrase_file_is_a_problem(reading: Reading) -> None:
    reading.passphrase_file = reading.file("phrase", "\n")

    assert reading.problems(conf(PLAIN)) == [
        f"2: backend DEFAULT: the pass phrase file '{reading.folder}/phrase' is empty"
    ]


def test_without_a_pass_phrase_passwords_are_plain_text(reading: Reading) -> None:
    assert reading.settings(conf(PLAIN)).backend().source.password.reveal() == "source-secret"

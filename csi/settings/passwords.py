"""Reads passwords as HPE's py-3parencryptor wrote them into hpe.conf (docker-plugin.md 1.5, dependencies.md 13).

AES in CFB mode with 8-bit segments, a constant IV, the pass phrase itself as the key, no salt and no authentication:
this hides a password from a glance and from nothing else. The driver only reads the form, it never writes it. A wrong
pass phrase shows only in a text that nobody would type.
"""

import base64
import binascii
import string
from pathlib import Path

from cryptography.hazmat.decrepit.ciphers.modes import CFB8
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES

from csi.settings.checks import secret_text
from csi.settings.problems import Wrong

_IV = b"1234567812345678"
_KEY_SIZES = (16, 24, 32)


def key_of(passphrase: str) -> bytes:
    """The AES key: the pass phrase filled up with `abcdef...` to 16, 24 or 32 bytes, or cut to 32."""
    raw = passphrase.encode()[: _KEY_SIZES[-1]]
    size = next(size for size in _KEY_SIZES if len(raw) <= size)
    return raw + string.ascii_letters.encode()[: size - len(raw)]


def decrypt(encrypted: str, passphrase: str) -> str:
    """The plain password. Wrong if the text cannot have been encrypted with this pass phrase; neither is shown."""
    try:
        raw = base64.b64decode(encrypted, validate=True)
    except (binascii.Error, ValueError):
        raise Wrong(
            "is not base64, although a pass phrase is given", "hpe3parencryptor's output, or no pass phrase at all"
        ) from None
    decryptor = Cipher(AES(key_of(passphrase)), CFB8(_IV)).decryptor()
    try:
        text = (decryptor.update(raw) + decryptor.finalize()).decode()
    except UnicodeDecodeError:
        text = ""
    if not text or not text.isprintable():
        raise Wrong(
            "does not decrypt to a readable text with the pass phrase given",
            "the pass phrase that 'hpe3parencryptor -a' was called with for this backend",
        )
    return text


class PassPhrases:
    """Which pass phrase a backend's passwords were encrypted with; None means that they are plain text.

    `source` is a file with one pass phrase for all backends, or a directory with one file per backend, named like it:
    the plugin kept them so in etcd, and took a backend without one for plain text. Without `source`, `otherwise` (from
    the environment, "" for none) serves all backends.
    """

    def __init__(self, source: Path | None, otherwise: str = "") -> None:
        self._source = source
        self._otherwise = otherwise

    def of(self, backend: str) -> str | None:
        """The pass phrase of `backend`. Wrong if its file cannot be read."""
        if self._source is None:
            return self._otherwise or None
        if not self._source.is_dir():
            return secret_text(self._source)
        if Path(backend).name != backend or not (self._source / backend).exists():
            return None
        return secret_text(self._source / backend)

"""The lab's own certificate authority, and a certificate for every array."""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from arraysim.labfolder import write_private

VALID_DAYS = 825
_PUBLIC = 0o644


@dataclass(frozen=True, slots=True)
class Certificate:
    """Where one array's certificate and its key (mode 0600) are."""

    certificate_file: Path
    key_file: Path


@dataclass(frozen=True, slots=True)
class Certificates:
    """`ca_file` is what clients trust; `arrays` has an entry per array name."""

    ca_file: Path
    arrays: dict[str, Certificate]


def make_certificates(folder: Path, arrays: Sequence[str], now: datetime | None = None) -> Certificates:
    """Write `ca.pem`, and `<array>.pem` and `<array>.key` for each array, unless a good set is there from before.

    A set that is kept lets clients go on with the ca.pem they have. The authority's own key is never stored: a set is
    made as a whole.
    """
    now = now or datetime.now(UTC)
    made = Certificates(
        folder / "ca.pem",
        {name: Certificate(folder / f"{name}.pem", folder / f"{name}.key") for name in arrays},
    )
    if _usable(made, now):
        return made
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca = _authority(ca_key, now)
    for name, paths in made.arrays.items():
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = _leaf(name, key.public_key(), ca, ca_key, now)
        write_private(paths.key_file, _pem_key(key))
        write_private(paths.certificate_file, _pem(leaf) + _pem(ca), _PUBLIC)
    write_private(made.ca_file, _pem(ca), _PUBLIC)
    return made


def _usable(made: Certificates, now: datetime) -> bool:
    """Whether every file is there, fits the others, and stays valid for a month."""
    try:
        ca = x509.load_pem_x509_certificate(made.ca_file.read_bytes())
        leaves = [
            (
                name,
                x509.load_pem_x509_certificate(paths.certificate_file.read_bytes()),
                serialization.load_pem_private_key(paths.key_file.read_bytes(), None),
            )
            for name, paths in made.arrays.items()
        ]
        for name, leaf, key in leaves:
            leaf.verify_directly_issued_by(ca)
            names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            if _dns(name) not in names.get_values_for_type(x509.DNSName) or leaf.public_key() != key.public_key():
                return False
            if leaf.not_valid_after_utc < now + timedelta(days=30) or leaf.not_valid_before_utc > now:
                return False
    except (OSError, ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    return True


def _authority(key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "arraysim lab CA")])
    usage = _key_usage(signs_certificates=True)
    return (
        _builder(name, name, key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _leaf(
    name: str,
    key: ec.EllipticCurvePublicKey,
    ca: x509.Certificate,
    ca_key: ec.EllipticCurvePrivateKey,
    now: datetime,
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    names = x509.SubjectAlternativeName(
        [x509.DNSName("localhost"), x509.DNSName(_dns(name)), x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))]
    )
    issuer = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return (
        _builder(subject, ca.subject, key, now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(names, critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer), critical=False)
        .sign(ca_key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=VALID_DAYS - 1))
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _dns(name: str) -> str:
    """The array's name as far as a host name can show it."""
    return re.sub(r"[^a-z0-9-]", "-", name.lower()).strip("-") or "array"


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _pem_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )

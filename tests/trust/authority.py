"""Timestamping authorities for tests: certificates made here, tokens made by openssl, honest and otherwise.

An honest token comes from `openssl ts -reply`. One that openssl refuses to make (wrong purpose, another time, an ended
certificate) is a genuine TSTInfo, changed, and signed again with `openssl cms -cades`, which adds the same ESS certificate id.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from server.trust.timestamp import TsaAnchors, timestamp_request
from tests.tsa import CONFIG, openssl

_GRANTED = bytes.fromhex("3003020100")


class Authority:
    """A root and the timestamping certificate it issued, in `folder`. eku: whether that certificate may sign timestamps.

    valid: the time the timestamping certificate is valid for. serial: its number, to make a twin of another authority's.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        *,
        eku: bool = True,
        valid: tuple[datetime, datetime] | None = None,
        issuer: Authority | None = None,
    ) -> None:
        folder.mkdir(parents=True)
        self.folder, self.name = folder, name
        start, end = valid or (datetime.now(UTC) - timedelta(days=1), datetime.now(UTC) + timedelta(days=30))
        if issuer is None:
            self._root_key = ec.generate_private_key(ec.SECP256R1())
            subject = _name(f"{name} root")
            span = datetime(2020, 1, 1, tzinfo=UTC), datetime(2045, 1, 1, tzinfo=UTC)
            self.root = _certificate(subject, subject, self._root_key.public_key(), span, ca=True, eku=False).sign(
                self._root_key, SHA256()
            )
        else:
            self._root_key, self.root = issuer._root_key, issuer.root
        key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = _certificate(
            _name(f"{name} tsa"), self.root.subject, key.public_key(), (start, end), ca=False, eku=eku
        ).sign(self._root_key, SHA256())
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / "tsa.key").write_bytes(pem)
        (folder / "tsa.pem").write_bytes(self.certificate.public_bytes(Encoding.PEM))
        (folder / "root.pem").write_bytes(self.root.public_bytes(Encoding.PEM))
        (folder / "serial").write_text("01\n")
        (folder / "tsa.cnf").write_text(CONFIG.format(folder=folder))

    @property
    def anchors(self) -> TsaAnchors:
        """What a policy pins."""
        return TsaAnchors(self.name, (self.root,))

    def stamp(self, data: bytes, request: bytes | None = None) -> bytes:
        """A TimeStampResp over `data`, now."""
        (self.folder / "query.tsq").write_bytes(request or timestamp_request(data))
        arguments = ("-config", "tsa.cnf", "-section", "tsa_config", "-queryfile", "query.tsq", "-out", "r.tsr")
        openssl("ts", "-reply", *arguments, cwd=self.folder)
        return (self.folder / "r.tsr").read_bytes()

    def resign(self, info: bytes, *, at: datetime | None = None, extra: bytes = b"") -> bytes:
        """A TimeStampResp around the TSTInfo `info` (see info_of), its time replaced, signed whatever the certificate's purpose.

        extra: PEM certificates to carry in the token besides the signer's own.
        """
        if at is not None:
            # By its digits: the two bytes before them may also stand in the hash of the data.
            info, replaced = re.subn(rb"(?<=\x18\x0f)\d{14}Z", at.strftime("%Y%m%d%H%M%SZ").encode(), info)
            assert replaced == 1
        (self.folder / "info.der").write_bytes(info)
        (self.folder / "extra.pem").write_bytes(extra)
        carried = ("-certfile", "extra.pem") if extra else ()
        options = ("-binary", "-nodetach", "-cades", "-nosmimecap", "-md", "sha256", "-outform", "DER")
        content = ("-econtent_type", "1.2.840.113549.1.9.16.1.4", "-in", "info.der", "-out", "t.der")
        keys = ("-signer", "tsa.pem", "-inkey", "tsa.key")
        openssl("cms", "-sign", *options, *content, *keys, *carried, cwd=self.folder)
        return _sequence(_GRANTED + (self.folder / "t.der").read_bytes())

    def info_of(self, data: bytes) -> bytes:
        """The TSTInfo (DER) that this authority would sign for `data` now; it needs an honest authority's certificate."""
        self.stamp(data)
        openssl("ts", "-reply", "-in", "r.tsr", "-token_out", "-out", "token.der", cwd=self.folder)
        openssl("cms", "-verify", "-noverify", "-inform", "DER", "-in", "token.der", "-out", "info.out", cwd=self.folder)
        return (self.folder / "info.out").read_bytes()


def twin_of(victim: Authority, signer: Authority) -> x509.Certificate:
    """A worthless certificate with the issuer and serial number of `victim`'s that claims the timestamping purpose."""
    key = ec.generate_private_key(ec.SECP256R1())
    shell = victim.certificate
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name("twin"))
        .issuer_name(shell.issuer)
        .public_key(key.public_key())
        .serial_number(shell.serial_number)
        .not_valid_before(shell.not_valid_before_utc)
        .not_valid_after(shell.not_valid_after_utc)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
    )
    return builder.sign(signer._root_key, SHA256())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, span: tuple[datetime, datetime], *, ca: bool, eku: bool
) -> x509.CertificateBuilder:
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(span[0])
        .not_valid_after(span[1])
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(not ca, False, False, False, False, ca, ca, False, False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )
    if eku:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
    return builder


def _sequence(content: bytes) -> bytes:
    size = len(content)
    length = bytes([size]) if size < 128 else bytes([0x82]) + size.to_bytes(2, "big")
    return b"\x30" + length + content

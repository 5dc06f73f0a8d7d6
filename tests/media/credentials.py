"""Content Credentials made here: a root, a camera's certificate under it, and pictures signed with it.

Keys, serial numbers and the way to sign follow from the names; the times in the certificates are those of the run.
"""

import hashlib
import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

GENERATED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


@dataclass(frozen=True)
class Camera:
    """A signer: its chain and key in PEM, and the root that a list of trusted roots would hold."""

    chain: bytes
    key: bytes
    root: str


def make_camera(name: str = "Test camera") -> Camera:
    root_key, key = _key(f"{name} root"), _key(name)
    root_name, leaf_name = _name(f"{name} root"), _name(name)
    root = (
        _builder(root_name, root_name, root_key.public_key())
        .add_extension(x509.BasicConstraints(True, None), True)
        .add_extension(_usage(signs_certificates=True), True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(root_key.public_key()), False)
        .sign(root_key, hashes.SHA256(), ecdsa_deterministic=True)
    )
    leaf = (
        _builder(leaf_name, root_name, key.public_key())
        .add_extension(x509.BasicConstraints(False, None), True)
        .add_extension(_usage(signs_certificates=False), True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .sign(root_key, hashes.SHA256(), ecdsa_deterministic=True)
    )
    pem = [one.public_bytes(serialization.Encoding.PEM) for one in (leaf, root)]
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Camera(b"".join(pem), private, pem[1].decode())


def signed(data: bytes, media_type: str, camera: Camera) -> bytes:
    """The picture with credentials that state a generated origin."""
    info = c2pa.C2paSignerInfo(alg=b"es256", sign_cert=camera.chain, private_key=camera.key, ta_url=None)
    action = {"action": "c2pa.created", "digitalSourceType": GENERATED}
    manifest = {
        "claim_generator_info": [{"name": "test-camera", "version": "7"}],
        "format": media_type,
        "assertions": [{"label": "c2pa.actions", "data": {"actions": [action]}}],
    }
    out = io.BytesIO()
    with c2pa.Builder.from_json(json.dumps(manifest)) as builder:
        builder.sign(c2pa.Signer.from_info(info), media_type, io.BytesIO(data), out)
    return out.getvalue()


def _number(text: str) -> int:
    """Of 255 bits, the first one set: every number of this size takes as many bytes."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()) >> 1 | 1 << 254


def _key(name: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(_number(name), ec.SECP256R1())


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, common), x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(_number(subject.rfc4514_string()) >> 112)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    signs = signs_certificates
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )

"""RFC 3161 timestamps, believed only under roots that were pinned beforehand.

Certificates that travel in a token are never anchors and never intermediates: the client library trusts every certificate it is
given, so a token could bring its own root (measured with rfc3161-client 1.0.9). OpenSSL builds and checks the chains, at the
token's own time, so a token stays valid after its authority's certificate has ended. Revocation is not checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder, TimeStampResponse, VerifierBuilder, decode_timestamp_response
from rfc3161_client._rust import parse_timestamp_request

from server.trust.errors import VerificationError

MAX_TOKEN_BYTES = 64 * 1024
_HASHES = {"2.16.840.1.101.3.4.2.1": 32, "2.16.840.1.101.3.4.2.2": 48, "2.16.840.1.101.3.4.2.3": 64}


@dataclass(frozen=True)
class TsaAnchors:
    """One timestamping authority as pinned by the policy. roots are self-issued; an intermediate never is."""

    name: str
    roots: tuple[x509.Certificate, ...]
    intermediates: tuple[x509.Certificate, ...] = ()

    def __post_init__(self) -> None:
        if not self.roots:
            raise VerificationError(f"timestamp authority {self.name} has no root certificate")
        if any(root.subject != root.issuer for root in self.roots):
            raise VerificationError(f"a root certificate of timestamp authority {self.name} is not self-issued")
        if any(certificate.subject == certificate.issuer for certificate in self.intermediates):
            raise VerificationError(f"an intermediate of timestamp authority {self.name} is self-issued: it would act as a root")

    def to_pem(self) -> bytes:
        """Roots, then intermediates, as one PEM file."""
        return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in (*self.roots, *self.intermediates))


@dataclass(frozen=True)
class TimeSpan:
    """The moments a timestamp can mean, aware UTC: what it stamped existed at `latest`, no token before `earliest`."""

    earliest: datetime
    latest: datetime

    def apart(self, other: TimeSpan) -> timedelta:
        """How far the two spans lie from each other; zero or less when they meet."""
        return max(self.earliest - other.latest, other.earliest - self.latest)


@dataclass(frozen=True)
class VerifiedTimestamp:
    """A time an authority vouches for. gen_time: aware UTC; accuracy_s: seconds it may be off by, 0 if unsaid."""

    tsa: str
    gen_time: datetime
    accuracy_s: float
    serial_number: int
    span: TimeSpan


def span_of(gen_time: datetime, accuracy_s: float) -> TimeSpan:
    """From genTime − accuracy to genTime + accuracy; + 1 s at least when genTime has no fraction: it may be cut off.

    Raises: OverflowError for a time at the end of the calendar.  Source: RFC 3161 section 2.4.2.
    """
    whole = 1.0 if gen_time.microsecond == 0 else 0.0
    return TimeSpan(gen_time - timedelta(seconds=accuracy_s), gen_time + timedelta(seconds=max(accuracy_s, whole)))


def timestamp_request(data: bytes) -> bytes:
    """A TimeStampReq (DER) over SHA-256 of `data`, with a random nonce, asking for the authority's certificate."""
    builder = TimestampRequestBuilder().data(data).hash_algorithm(HashAlgorithm.SHA256)
    return bytes(builder.nonce(nonce=True).cert_request(cert_request=True).build().as_bytes())


def verify_timestamp(tsr: bytes, data: bytes, anchors: TsaAnchors, *, request: bytes | None = None) -> VerifiedTimestamp:
    """The time a TimeStampResp proves `data` existed at: granted, over these bytes, by a timestamping key under `anchors`.

    request: the TimeStampReq it answers, to have the nonce compared too (only possible at the time of asking).
    Raises: VerificationError.  Source: RFC 3161 sections 2.2, 2.3, 2.4.2; RFC 5816.
    Not checked: revocation, and whether the authority's clock was right.
    """
    response = _decode(tsr)
    with _only_verification_errors(f"the timestamp does not verify under {anchors.name}"):
        info = response.tst_info
        if info.message_imprint.hash_algorithm.dotted_string not in _HASHES:
            raise VerificationError("the timestamp uses a hash that is not accepted")
        _require_one_signer(response)
        verifier = VerifierBuilder(
            roots=list(anchors.roots),
            intermediates=list(anchors.intermediates),
            nonce=None if request is None else parse_timestamp_request(request).nonce,
        ).build()
        verifier.verify_message(response, data)
        at, accuracy_s = info.gen_time.astimezone(UTC), _seconds(info.accuracy)
        return VerifiedTimestamp(anchors.name, at, accuracy_s, int(info.serial_number), span_of(at, accuracy_s))


def claimed_span(tsr: bytes) -> TimeSpan:
    """The moments a TimeStampResp can mean, unverified: for one that was verified before. Raises: VerificationError."""
    with _only_verification_errors("the timestamp holds no time"):
        info = _decode(tsr).tst_info
        return span_of(info.gen_time.astimezone(UTC), _seconds(info.accuracy))


def load_certificates(pem: bytes) -> tuple[x509.Certificate, ...]:
    """The certificates of a PEM file, at least one. Raises: VerificationError."""
    try:
        return tuple(x509.load_pem_x509_certificates(pem))
    except ValueError as error:
        raise VerificationError("no PEM certificate can be read") from error


def _decode(tsr: bytes) -> TimeStampResponse:
    if len(tsr) > MAX_TOKEN_BYTES:
        raise VerificationError("the timestamp is over 64 KiB")
    with _only_verification_errors("not a TimeStampResp"):
        return decode_timestamp_response(tsr)


@contextmanager
def _only_verification_errors(said: str) -> Iterator[None]:
    """Whatever the client library raises over a hostile token is a VerificationError.

    Its native part can also panic; a panic is no Exception, so everything but a request to stop is caught.
    """
    try:
        yield
    except (VerificationError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:
        raise VerificationError(f"{said}: {error}") from error


def _require_one_signer(response: TimeStampResponse) -> None:
    """One signer whose certificate is in the token exactly once.

    Two certificates under one issuer and serial number would let the signature be checked with one, the purpose with the other.
    """
    signed = response.signed_data
    signers = list(signed.signer_infos)
    if len(signers) != 1:
        raise VerificationError(f"a timestamp has one signer, this one has {len(signers)}")
    signer = signers[0]
    certificates = [x509.load_der_x509_certificate(der) for der in signed.certificates]
    own = [cert for cert in certificates if cert.issuer == signer.issuer and cert.serial_number == signer.serial_number]
    if len(own) != 1:
        raise VerificationError(f"the token holds {len(own)} certificates for its signer, expected one")


def _seconds(accuracy: object) -> float:
    parts = ((getattr(accuracy, "seconds", None), 1.0), (getattr(accuracy, "millis", None), 1e-3))
    micros = getattr(accuracy, "micros", None)
    return sum((value or 0) * unit for value, unit in parts) + (micros or 0) * 1e-6

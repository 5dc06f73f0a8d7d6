"""Steps 4 and 5 of verify.py: what each device signed, with an enrolled key, over artifacts that are still those bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from server.trust.bundle import Bundle, InspectWacz, PageArchive
from server.trust.dsse import MAX_ENVELOPE_BYTES, parse_envelope, verify_envelope
from server.trust.errors import VerificationError
from server.trust.events import SealedArtifact, commit_details, key_details, seal_details
from server.trust.jsontext import parse_base64
from server.trust.keys import DevicePublicKey
from server.trust.statement import CaptureStatement, parse_statement
from server.trust.verify_chains import Chain, Custody

_OTHER_FILES = re.compile(r"statement\.dsse\.json|events/[0-9]{4,8}\.dsse\.json|notbefore\.checkpoint(\.[a-z0-9-]{1,40}\.tsr)?")


@dataclass(frozen=True)
class SignedCapture:
    """A capture whose statement verified under `device`, in `folder`. Enrolment is judged by log order, after step 6."""

    folder: str
    statement: CaptureStatement
    device: DevicePublicKey


def check_statements(bundle: Bundle, custody: Custody) -> list[SignedCapture]:
    """Step 4, first part. Statements that verify under the key their device chain enrolled; their artifacts, no other file."""
    signed = []
    if not custody.captures:
        bundle.findings.failed(4, "data/captures", "the bundle holds no capture")
    for chain in custody.captures.values():
        folder = chain.folder.folder
        capture = None
        with bundle.findings.attempt(4, f"{folder}/statement.dsse.json"):
            capture = _read_statement(bundle, chain, custody)
        if capture is not None:
            signed.append(capture)
            _check_artifacts(bundle, capture)
    return signed


def check_key_order(bundle: Bundle, custody: Custody, captures: list[SignedCapture]) -> None:
    """Step 4, concluded after step 6: by log order the key was enrolled before the capture was committed, and not yet revoked."""
    for capture in captures:
        with bundle.findings.attempt(4, f"{capture.folder}/statement.dsse.json"):
            committed = _commitment_index(bundle, custody.captures[capture.statement.capture_id])
            _check_enrolled_at(bundle, custody.devices[capture.device.key_id], committed)


def check_custody_of(bundle: Bundle, custody: Custody, captures: list[SignedCapture]) -> None:
    """Step 6, per capture: the chain begins by committing this very statement, and seals exactly its artifacts."""
    for capture in captures:
        chain = custody.captures[capture.statement.capture_id]
        with bundle.findings.attempt(6, chain.folder.folder):
            if not chain.events:
                raise VerificationError("the capture has no events")
            first = commit_details(chain.events[0].event())
            if first.capture_id != capture.statement.capture_id or first.device_key_id != capture.device.key_id:
                raise VerificationError("the commit event is about another capture or device", path=chain.events[0].path)
            seals = chain.of_type("capture.sealed")
            if not seals:
                raise VerificationError("the capture was never sealed")
            stated = {SealedArtifact(a.name, a.sha256, a.size_bytes) for a in capture.statement.artifacts}
            for loaded in seals:
                sealed = seal_details(loaded.event())
                if sealed.capture_id != capture.statement.capture_id or set(sealed.artifacts) != stated:
                    raise VerificationError("other artifacts were sealed than the statement names", path=loaded.path)


def check_archives(bundle: Bundle, captures: list[SignedCapture], inspect_wacz: InspectWacz) -> None:
    """Step 5. Every page archive: complete, each digest right, and its own signature by the same device over this archive."""
    for capture in captures:
        for artifact in capture.statement.artifacts:
            path = f"{capture.folder}/{artifact.name}"
            if artifact.role != "page.wacz" or not bundle.has(path):
                continue
            with bundle.findings.attempt(5, path):
                with bundle.bag.open(path) as stream:
                    archive = inspect_wacz(stream)
                _record_contents(bundle, path, archive)
                _check_archive_signature(bundle, path, archive, capture.device)
    if not bundle.findings.any_of(5):
        bundle.findings.not_checked(5, None, "no verified statement names a page archive that is here", required=False)


def _read_statement(bundle: Bundle, chain: Chain, custody: Custody) -> SignedCapture:
    envelope = parse_envelope(bundle.read(f"{chain.folder.folder}/statement.dsse.json", MAX_ENVELOPE_BYTES))
    device = _enrolled_key(custody, envelope.key_id)
    statement = parse_statement(verify_envelope(envelope, device))
    if statement.capture_id != chain.folder.owner:
        raise VerificationError(f"the statement is of capture {statement.capture_id}, not of its folder")
    return SignedCapture(chain.folder.folder, statement, device)


def _enrolled_key(custody: Custody, key_id: str) -> DevicePublicKey:
    chain = custody.devices.get(key_id)
    enrolments = chain.of_type("key.enrolled") if chain is not None else []
    if not enrolments:
        raise VerificationError(f"signed by key {key_id}, which no event in the bundle enrols")
    details = key_details(enrolments[0].event())
    key = DevicePublicKey.from_spki(details.public_key_der)
    if details.key_id != key_id or key.key_id != key_id:
        raise VerificationError("the enrolled key is not the key of its chain", path=enrolments[0].path)
    return key


def _check_artifacts(bundle: Bundle, capture: SignedCapture) -> None:
    names = {artifact.name for artifact in capture.statement.artifacts}
    for artifact in capture.statement.artifacts:
        path = f"{capture.folder}/{artifact.name}"
        with bundle.findings.attempt(4, path):
            if bundle.digest(path) != artifact.sha256:
                raise VerificationError("its SHA-256 is not the one the device signed")
            if bundle.bag.size(path) != artifact.size_bytes:
                raise VerificationError("its size is not the one the device signed")
    for path in bundle.paths_under(f"{capture.folder}/"):
        name = path.removeprefix(f"{capture.folder}/")
        if name not in names and _OTHER_FILES.fullmatch(name) is None:
            bundle.findings.failed(4, path, "the statement does not name this file")


def _check_enrolled_at(bundle: Bundle, device: Chain, index: int) -> None:
    """The last enrolment or revocation that the log holds before `index` is an enrolment. Raises: VerificationError.

    A revocation that is not proved counts as the earlier one: step 6 has refused it, and doubt is no licence.
    """
    steps = [(bundle.leaves.get(loaded.sha256, -1), "revoked", loaded.path) for loaded in device.of_type("key.revoked")]
    enrolled = device.of_type("key.enrolled")
    steps += [(bundle.leaves.get(loaded.sha256, index), "enrolled", loaded.path) for loaded in enrolled]
    before = sorted(step for step in steps if step[0] < index)
    if not any(kind == "enrolled" for _, kind, _ in before):
        raise VerificationError("the device key was not enrolled before the capture was committed", path=enrolled[0].path)
    if before[-1][1] == "revoked" or before[0][0] == -1:
        revoked = before[-1] if before[-1][1] == "revoked" else before[0]
        raise VerificationError("the device key was revoked before the capture was committed", path=revoked[2])


def _commitment_index(bundle: Bundle, chain: Chain) -> int:
    index = bundle.leaves.get(chain.events[0].sha256) if chain.events else None
    if index is None:
        raise VerificationError("the commit event is not proved, so the order of key and capture is unknown")
    return index


def _check_archive_signature(bundle: Bundle, path: str, archive: PageArchive, device: DevicePublicKey) -> None:
    """`signedData.hash` == the digest file's hash == SHA-256 of datapackage.json, signed by the capture's device.

    The wacz-auth specification leaves the first equality unsaid; without it a signature can be moved between archives.
    An archive without a signature is still bound by the statement's digest of the whole file.
    """
    expected = f"sha256:{archive.datapackage_sha256}"
    if archive.digest_hash != expected:
        raise VerificationError("datapackage-digest.json does not name the SHA-256 of datapackage.json")
    if archive.signed_hash is None or archive.signature is None or archive.public_key is None:
        reason = "the archive carries no signature of its own; the statement's covers the file"
        bundle.findings.not_checked(5, path, reason, required=False)
        return
    if archive.signed_hash != expected:
        raise VerificationError("the archive's signature is over another archive")
    if parse_base64(archive.public_key, "publicKey") != device.spki_der:
        raise VerificationError("the archive is signed by another key than the statement")
    device.verify_page_digest(parse_base64(archive.signature, "signature"), expected.encode())


def _record_contents(bundle: Bundle, path: str, archive: PageArchive) -> None:
    for where, why in archive.faults:
        bundle.findings.failed(5, path, f"{where}: {why}")
    for where, why in archive.unchecked:
        bundle.findings.not_checked(5, path, f"{where}: {why}", required=False)

"""What the parsers of statements, events, policies and keys refuse, by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from server.trust import checkpoint, dsse, events, keys, note
from server.trust.errors import VerificationError
from server.trust.policy import Policy, format_policy, parse_policy
from server.trust.statement import parse_statement
from tests.simulator import Device, World
from tests.trust.parties import statement_payload
from tests.vectors.parties import DEVICE, LOG, SERVICE, WITNESS

Document = dict[str, object]


def changed(edit: Callable[[Document, Document, Document], object]) -> bytes:
    """A good statement after `edit(statement, predicate, first subject)`."""
    document = json.loads(statement_payload({"page.wacz": b"x", "image.1.jpg": b"y"}, {"notBefore": None}))
    edit(document, document["predicate"], document["subject"][0])
    return json.dumps(document).encode()


BAD_STATEMENTS: dict[str, Callable[[Document, Document, Document], object]] = {
    "no subject": lambda s, p, a: s.update(subject=[]),
    "another type": lambda s, p, a: s.update(_type="https://in-toto.io/Statement/v0.1"),
    "another predicate": lambda s, p, a: s.update(predicateType="https://example.com/v1"),
    "unknown member": lambda s, p, a: s.update(extra=1),
    "unknown mode": lambda s, p, a: p.update(mode="screenshot"),
    "missing url": lambda s, p, a: p.pop("url"),
    "url not text": lambda s, p, a: p.update(url=7),
    "local time": lambda s, p, a: p.update(capturedAt="2026-01-02T03:04:05+02:00"),
    "impossible time": lambda s, p, a: p.update(capturedAt="2026-02-30T03:04:05Z"),
    "short salt": lambda s, p, a: p.update(salt="00"),
    "upper-case digest": lambda s, p, a: a.update(digest={"sha256": "AB" * 32}),
    "no digest": lambda s, p, a: a.update(digest={"sha512": "ab" * 64}),
    "negative size": lambda s, p, a: a["annotations"].update(sizeBytes=-1),  # type: ignore[attr-defined]
    "size as text": lambda s, p, a: a["annotations"].update(sizeBytes="1"),  # type: ignore[attr-defined]
    "size true": lambda s, p, a: a["annotations"].update(sizeBytes=True),  # type: ignore[attr-defined]
    "unknown role": lambda s, p, a: a["annotations"].update(role="video"),  # type: ignore[attr-defined]
    "name of another role": lambda s, p, a: a.update(name="screenshot.full.png"),
    "name that climbs": lambda s, p, a: a.update(name="../page.wacz"),
    "name of a custody file": lambda s, p, a: a.update(name="statement.dsse.json"),
    "name with trailing newline": lambda s, p, a: a.update(name="page.wacz\n"),
    "artifact twice": lambda s, p, a: s["subject"].append(a),  # type: ignore[attr-defined]
    "clock without measurement": lambda s, p, a: p.update(clock={"offsetMs": 1}),
    "checkpoint hash too short": lambda s, p, a: p.update(notBefore={"origin": "o", "treeSize": 1, "checkpointSha256": "ab"}),
    "labels not a list": lambda s, p, a: p.update(labels={"a": 1}),
    "label not text": lambda s, p, a: p.update(labels=[1]),
}


@pytest.mark.parametrize("fault", BAD_STATEMENTS)
def test_statement_is_refused(fault: str) -> None:
    with pytest.raises(VerificationError):
        parse_statement(changed(BAD_STATEMENTS[fault]))


def test_statement_keeps_what_it_says_and_ignores_what_it_does_not_know() -> None:
    payload = changed(
        lambda s, p, a: p.update(invented={"later": [1, 2.5]}, title="Ș\u202e", labels=["a"], nonce=None, clock=None)
    )
    found = parse_statement(payload)
    assert found.title == "Ș\u202e" and found.labels == ("a",) and found.nonce is None and found.clock is None
    assert found.captured_at == datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)
    assert [artifact.role for artifact in found.artifacts] == ["page.wacz", "image"]
    assert found.capture_id == events.event_sha256(payload)


def test_event_must_fit_its_place() -> None:
    new = events.NewEvent("capture.viewed", "capture:" + "ab" * 32, "statement.dsse.json", "cd" * 32, "urn:x", "r", "p")
    at, salt = datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=2))), "00" * 16
    first = events.parse_event(events.build_event(new, events.EventLink(0, None), at=at, salt=salt))
    assert first.time == at and first.time.utcoffset() == timedelta(0)
    for seq, prev in ((0, "ab" * 32), (1, None), (-1, None)):
        with pytest.raises(VerificationError):
            events.build_event(new, events.EventLink(seq, prev), at=at, salt=salt)
    with pytest.raises(VerificationError):
        events.build_event(new, events.EventLink(0, None), at=datetime(2026, 1, 1), salt=salt)
    with pytest.raises(VerificationError):
        events.build_event(new, events.EventLink(0, None), at=at, salt="short")
    with pytest.raises(VerificationError, match=r"expected capture\.sealed"):
        events.seal_details(first)


POLICY = {
    "misspelt quorum": ("quorum = 1", "qorum = 1"),
    "unknown table": ("[log]", "[logs]\n[log]"),
    "more witnesses than named": ("quorum = 1", "quorum = 2"),
    "negative quorum": ("quorum = 1", "quorum = -1"),
    "quorum as text": ("quorum = 1", 'quorum = "1"'),
    "log key of another origin": ('origin = "vectors.example/log"', 'origin = "other.example/log"'),
    "witness key that is a log key": (str(WITNESS.vkey), LOG.vkey),
    "service key that is a witness key": (str(SERVICE.vkey), WITNESS.vkey),
    "no service key": (f'vkeys = ["{SERVICE.vkey}"]', "vkeys = []"),
    "witness twice": (f'"{WITNESS.vkey}"', f'"{WITNESS.vkey}", "{WITNESS.vkey}"'),
    "authority without roots": ("quorum = 1", 'quorum = 1\n[[tsa]]\nname = "x"\nroots = []\n[x]'),
    "not toml": ("quorum = 1", "quorum = = 1"),
}


@pytest.fixture
def policy() -> Policy:
    trust = checkpoint.LogTrust(LOG.name, LOG.verifier, (WITNESS.verifier,), 1)
    return Policy(trust, (keys.ServicePublicKey.from_vkey(SERVICE.vkey),))


@pytest.mark.parametrize("fault", POLICY)
def test_policy_is_refused(policy: Policy, fault: str) -> None:
    old, new = POLICY[fault]
    text = format_policy(policy)
    assert old in text
    with pytest.raises(VerificationError):
        parse_policy(text.replace(old, new, 1))


def test_policy_is_read_back_as_written(world: World, policy: Policy) -> None:
    assert parse_policy(format_policy(policy)) == policy
    assert parse_policy(format_policy(world.policy)) == world.policy


def test_device_key_is_p384_in_its_one_encoding() -> None:
    public = ec.generate_private_key(ec.SECP384R1()).public_key()
    spki = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert keys.DevicePublicKey.from_spki(spki).key_id == keys.key_id(spki)
    p256 = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    edwards = ed25519.Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    point = public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    compressed = bytes.fromhex("3046301006072a8648ce3d020106052b8104002203320 0".replace(" ", "")) + point
    for wrong in (p256, edwards, spki + b"\x00", spki[:-1], compressed, b""):
        with pytest.raises(VerificationError):
            keys.DevicePublicKey.from_spki(wrong)


def test_private_key_survives_its_pem_and_other_keys_are_refused() -> None:
    again = keys.LogSigner.from_pem(LOG.name, LOG.to_pem())
    assert again.vkey == LOG.vkey and again.key_id == LOG.key_id
    assert keys.WitnessSigner.from_pem("w", LOG.to_pem()).verifier.kind == note.COSIGNATURE_V1
    with pytest.raises(VerificationError):
        keys.LogSigner.from_pem(LOG.name, b"not a key")


def test_signature_of_one_device_is_not_anothers() -> None:
    key = keys.DevicePublicKey.from_spki(DEVICE.spki_der)
    key.verify(DEVICE.sign(b"m"), b"m")
    for signature, message in ((DEVICE.sign(b"m"), b"n"), (Device().sign(b"m"), b"m"), (b"", b"m"), (b"\x30" * 200, b"m")):
        with pytest.raises(VerificationError):
            key.verify(signature, message)


def test_checkpoint_is_signed_under_its_origin_only() -> None:
    with pytest.raises(VerificationError):
        checkpoint.sign_checkpoint(checkpoint.Checkpoint("other.example/log", 1, bytes(32)), LOG)
    for text in (
        "o\n01\n",
        "o\n-1\n",
        "\n1\n",
        f"o\n1\n{note.format_base64(bytes(31))}\n",
        f"o\n1\n{note.format_base64(bytes(32))}\nmore\n",
    ):
        with pytest.raises(VerificationError):
            checkpoint.parse_checkpoint(text)


def test_envelope_over_the_limit_is_refused() -> None:
    with pytest.raises(VerificationError, match="1 MiB"):
        dsse.sign_envelope(bytes(800_000), DEVICE)
    with pytest.raises(VerificationError, match="over the limit"):
        dsse.parse_envelope(b" " * (dsse.MAX_ENVELOPE_BYTES + 1))


def test_error_says_where_and_keeps_the_more_exact_place() -> None:
    error = VerificationError("wrong", path="a")
    assert str(error.located(step="4", path="b")) == "step 4 a: wrong"
    assert str(VerificationError("wrong")) == "wrong"

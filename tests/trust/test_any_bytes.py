"""Any bytes put into any parser give a value or VerificationError; what was written is read back; nothing else is raised.

Every seed is the same in each run, and so is what is drawn near it: a run that fails fails again.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from server.trust import checkpoint, dsse, events, jsontext, keys, merkle, note, policy, receipt, statement, timestamp
from server.trust.errors import VerificationError
from server.trust.verify_files import parse_manifest
from server.trust.verify_time import parse_consistency
from server.verifier import read_archive
from tests.trust.archive import make_wacz
from tests.trust.parties import Device, statement_payload
from tests.vectors.generate import receipt_vectors
from tests.vectors.parties import DEVICE, LOG, SERVICE

GOOD_RECEIPT = str(receipt_vectors()["receipts"][1]["receipt"]).encode()  # type: ignore[index]
GOOD_STATEMENT = statement_payload({"page.wacz": b"x"}, {"notBefore": None, "salt": "00" * 16})
GOOD_ENVELOPE = dsse.sign_envelope(GOOD_STATEMENT, DEVICE)
GOOD_EVENT = events.build_event(
    events.NewEvent("capture.viewed", "capture:" + "ab" * 32, "statement.dsse.json", "cd" * 32, "urn:x", "device", ""),
    events.EventLink(0, None),
    at=jsontext.parse_time("2026-01-02T03:04:05Z"),
    salt="00" * 16,
)  # fmt: skip
PAGE_ARCHIVE = make_wacz(Device(0x1234_5678).sign_page_digest)
TOKEN = json.loads((Path(__file__).parent / "token.json").read_text("utf-8"))
"""A token that an authority of tests/trust/authority.py gave once, and its root."""
GOOD_POLICY = f'origin = "{LOG.name}"\n[log]\nvkey = "{LOG.vkey}"\n[service]\nvkeys = ["{SERVICE.vkey}"]\n'

PARSERS: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "json": (lambda data: jsontext.parse_json(data, limit_bytes=1 << 20), b'{"a":[1,2.5e3,"\\u00e9",null]}'),
    "envelope": (dsse.parse_envelope, GOOD_ENVELOPE),
    "statement": (statement.parse_statement, GOOD_STATEMENT),
    "event": (events.parse_event, GOOD_EVENT),
    "note": (note.parse_note, GOOD_RECEIPT.split(b"\n\n", 1)[1]),
    "checkpoint": (checkpoint.parse_checkpoint_file, GOOD_RECEIPT.split(b"\n\n", 1)[1]),
    "receipt": (receipt.parse_receipt, GOOD_RECEIPT),
    "spki": (keys.DevicePublicKey.from_spki, DEVICE.spki_der),
    "pem": (lambda data: keys.LogSigner.from_pem("x", data), LOG.to_pem()),
    "certificates": (timestamp.load_certificates, b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
    "manifest": (parse_manifest, b"0" * 64 + b"  data/index.html\n"),
    "consistency": (parse_consistency, b'{"proofs":[{"fromSize":1,"fromRoot":"AAAA","hashes":["AAAA"]}]}'),
    "vkey": (lambda data: note.parse_vkey(data.decode("latin-1")), LOG.vkey.encode()),
    "policy": (lambda data: policy.parse_policy(data.decode("latin-1")), GOOD_POLICY.encode()),
}
QUICK = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def value_or_error(parse: Callable[[bytes], object], data: bytes) -> object:
    try:
        return parse(data)
    except VerificationError:
        return None


@st.composite
def mutated(draw: st.DrawFn, seed: bytes) -> bytes:
    """Bytes near `seed`: pieces cut, doubled, replaced, as an attacker edits."""
    data = bytearray(seed)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 12)))
        data[start:end] = draw(
            st.one_of(st.binary(max_size=12), st.sampled_from([b"\n\n", b'"', b"[" * 40, b"\x00", b"9" * 30, b"null"]))
        )
    return bytes(data)


@pytest.mark.parametrize("name", PARSERS)
@QUICK
@given(data=st.data())
def test_any_bytes_give_a_value_or_verification_error(name: str, data: st.DataObject) -> None:
    parse, seed = PARSERS[name]
    value_or_error(parse, data.draw(st.one_of(st.binary(max_size=300), mutated(seed))))


@pytest.mark.parametrize("name", [name for name in PARSERS if name != "certificates"])
def test_seeds_are_good(name: str) -> None:
    parse, seed = PARSERS[name]
    parse(seed)


@pytest.mark.parametrize("algorithm", [0x6E, 0x6F, 0x70, 0x71], ids=["X25519", "X448", "Ed25519", "Ed448"])
def test_a_key_of_another_length_than_its_algorithm_has_is_refused(algorithm: int) -> None:
    """RFC 8410: a private key of 20 bytes, a public one of 21."""
    kind = bytes([0x30, 5, 0x06, 3, 0x2B, 0x65, algorithm])
    private = bytes([0x30, 34, 0x02, 1, 0]) + kind + bytes([0x04, 22, 0x04, 20]) + bytes(20)
    pem = b"-----BEGIN PRIVATE KEY-----\n" + base64.b64encode(private) + b"\n-----END PRIVATE KEY-----\n"
    with pytest.raises(VerificationError):
        keys.LogSigner.from_pem("x", pem)
    with pytest.raises(VerificationError):
        keys.DevicePublicKey.from_spki(bytes([0x30, 31]) + kind + bytes([0x03, 22, 0]) + bytes(21))


TSR = base64.b64decode(TOKEN["tsr"])
ANCHORS = timestamp.TsaAnchors(TOKEN["tsa"], (x509.load_pem_x509_certificate(TOKEN["root"].encode()),))


def test_the_token_is_good() -> None:
    assert timestamp.verify_timestamp(TSR, b"data", ANCHORS).gen_time.year == 2026


@QUICK
@given(data=st.data())
def test_any_bytes_as_a_timestamp(data: st.DataObject) -> None:
    changed = data.draw(st.one_of(st.binary(max_size=300), mutated(TSR)))
    value_or_error(lambda tsr: timestamp.verify_timestamp(tsr, b"data", ANCHORS), changed)


@QUICK
@given(data=st.data())
def test_any_bytes_as_a_page_archive(data: st.DataObject) -> None:
    changed = data.draw(st.one_of(st.binary(max_size=300), mutated(PAGE_ARCHIVE)))
    value_or_error(lambda wacz: read_archive(io.BytesIO(wacz)), changed)


@QUICK
@given(st.binary(max_size=64).map(lambda data: b'"' + b"\\" * len(data) + data))
@example(b'"\\"' * 100_000)
@example(b"[" * 1_000_000)
@example(b'{"a":' * 200_000)
@example(b"1" * 10_000)
@example(b"-1e999")
@example(b'"\\ud800"')
@example(b'{"a":1,"a":2}')
@example(b"NaN")
@example(b"\xef\xbb\xbf{}")
def test_json_that_parsers_disagree_about_is_refused(data: bytes) -> None:
    assert value_or_error(lambda text: jsontext.parse_json(text, limit_bytes=1 << 20), data) is None or data.count(b'"') > 1


@QUICK
@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=70), st.data())
def test_every_proof_verifies_and_no_other_place_does(leaves: list[bytes], data: st.DataObject) -> None:
    nodes: dict[tuple[int, int], bytes] = {}
    frontier, roots = merkle.Frontier(), [merkle.EMPTY_ROOT]
    for leaf in leaves:
        nodes.update({(level, index): value for level, index, value in frontier.append(leaf)})
        roots.append(frontier.root())

    def read(level: int, index: int) -> bytes:
        return nodes[level, index]

    size = data.draw(st.integers(1, len(leaves)))
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size))
    proof = merkle.inclusion_proof(index, size, read)
    merkle.verify_inclusion(leaves[index], index, size, proof, roots[size])
    merkle.verify_consistency((old, roots[old]), (size, roots[size]), merkle.consistency_proof(old, size, read))
    assert merkle.root_from_nodes(size, read) == roots[size]
    for other in range(size):
        if leaves[other] != leaves[index]:
            with pytest.raises(VerificationError):
                merkle.verify_inclusion(leaves[other], index, size, proof, roots[size])


@QUICK
@given(st.binary(max_size=200))
def test_what_is_signed_is_read_back(payload: bytes) -> None:
    envelope = dsse.parse_envelope(dsse.sign_envelope(payload, DEVICE))
    assert dsse.verify_envelope(envelope, keys.DevicePublicKey.from_spki(DEVICE.spki_der)) == payload

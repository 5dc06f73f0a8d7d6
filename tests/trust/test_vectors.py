"""Every case of tests/vectors, and that the files are what their generator writes."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import pytest

from server.trust import dsse, keys, merkle, note, receipt
from server.trust.checkpoint import LogTrust
from server.trust.errors import VerificationError
from tests.vectors.generate import Case, vectors

FOLDER = Path(__file__).parent.parent / "vectors"


def load(file: str, group: str) -> list[pytest.param]:
    return [pytest.param(entry, id=entry["name"]) for entry in json.loads((FOLDER / file).read_text())[group]]


def unbase64(text: object) -> bytes:
    return base64.b64decode(str(text), validate=True)


def judge(entry: Case, verify: object) -> None:
    """Runs a case: the expected value when it is valid, VerificationError and nothing else when it is not."""
    if entry["valid"]:
        found = verify()  # type: ignore[operator]
        assert entry.get("expect") is None or found == entry["expect"]
    else:
        with pytest.raises(VerificationError):
            verify()  # type: ignore[operator]


@pytest.mark.parametrize("file", ["dsse.json", "note.json", "merkle.json", "receipt.json"])
def test_files_are_what_the_generator_writes(file: str) -> None:
    assert (FOLDER / file).read_text() == vectors()[file]


def test_pae_and_der_tables() -> None:
    tables = json.loads((FOLDER / "dsse.json").read_text())
    assert all(dsse.pae(row["payloadType"], unbase64(row["payload"])) == unbase64(row["pae"]) for row in tables["pae"])
    for row in tables["rawToDer"]:
        assert keys.raw_to_der(unbase64(row["raw"])) == unbase64(row["der"])


@pytest.mark.parametrize("entry", load("dsse.json", "envelopes"))
def test_envelopes(entry: Case) -> None:
    spki = unbase64(entry["spki"])

    def verify() -> dict[str, str]:
        if entry["key"] == "device":
            key: dsse.EnvelopeKey = keys.DevicePublicKey.from_spki(spki)
        else:
            key = keys.ServicePublicKey(note.VerifierKey("any/service", note.ED25519, spki[-32:]))
        envelope = dsse.parse_envelope(str(entry["envelope"]).encode())
        payload = dsse.verify_envelope(envelope, key)
        return {"payload": base64.b64encode(payload).decode(), "keyid": envelope.key_id}

    judge(entry, verify)


@pytest.mark.parametrize("entry", load("note.json", "vkeys"))
def test_vkeys(entry: Case) -> None:
    def verify() -> dict[str, object]:
        key = note.parse_vkey(str(entry["vkey"]))
        assert str(key) == entry["vkey"]
        public = base64.b64encode(key.public).decode()
        return {"name": key.name, "keyHash": key.key_hash.hex(), "kind": key.kind, "public": public}

    judge(entry, verify)


@pytest.mark.parametrize("entry", load("note.json", "notes"))
def test_notes(entry: Case) -> None:
    def verify() -> dict[str, str]:
        parsed = note.parse_note(str(entry["note"]).encode())
        note.verify_note(parsed, note.parse_vkey(str(entry["vkey"])))
        return {"text": parsed.text}

    judge(entry, verify)


@pytest.mark.parametrize("entry", load("note.json", "cosignatures"))
def test_cosignatures(entry: Case) -> None:
    def verify() -> dict[str, int]:
        parsed = note.parse_note(str(entry["note"]).encode())
        found = note.verify_cosignatures(parsed, [note.parse_vkey(str(entry["vkey"]))])
        if not found:
            raise VerificationError("absent")
        return {"timeS": found[0].time_s}

    judge(entry, verify)


@pytest.mark.parametrize("entry", load("merkle.json", "inclusion"))
def test_inclusion(entry: Case) -> None:
    proof = [unbase64(value) for value in entry["proof"]]  # type: ignore[union-attr]
    leaf, root = unbase64(entry["leaf"]), unbase64(entry["root"])
    judge(entry, lambda: merkle.verify_inclusion(leaf, int(str(entry["index"])), int(str(entry["size"])), proof, root))


@pytest.mark.parametrize("entry", load("merkle.json", "consistency"))
def test_consistency(entry: Case) -> None:
    proof = [unbase64(value) for value in entry["proof"]]  # type: ignore[union-attr]
    old = int(str(entry["oldSize"])), unbase64(entry["oldRoot"])
    new = int(str(entry["size"])), unbase64(entry["root"])
    judge(entry, lambda: merkle.verify_consistency(old, new, proof))


@pytest.mark.parametrize("entry", load("receipt.json", "receipts"))
def test_receipts(entry: Case) -> None:
    witnesses = tuple(note.parse_vkey(vkey) for vkey in entry["witnesses"])  # type: ignore[union-attr]
    trust = LogTrust(str(entry["origin"]), note.parse_vkey(str(entry["logVkey"])), witnesses, int(str(entry["quorum"])))
    leaf = bytes.fromhex(str(entry["leaf"]))
    assert hashlib.sha256(str(entry["event"]).encode()).digest() == leaf

    def verify() -> dict[str, object]:
        found = receipt.verify_receipt(str(entry["receipt"]).encode(), leaf, trust, need_quorum=True)
        head = found.checkpoint
        return {"index": found.index, "size": head.size, "root": base64.b64encode(head.root).decode()}

    judge(entry, verify)

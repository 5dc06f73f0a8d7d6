"""Writes tests/vectors/*.json. Same code, same bytes: keys come from fixed seeds and ECDSA uses RFC 6979 nonces.

Run from the repository's root: `python -m tests.vectors.generate`.
"""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

from server.trust import checkpoint as cp
from server.trust import dsse, events, keys, merkle, note, receipt
from tests.vectors.parties import (
    DEVICE,
    FOREIGN_LOG,
    LOG,
    ORIGIN,
    OTHER_DEVICE,
    OTHER_LOG,
    OTHER_SERVICE,
    OTHER_WITNESS,
    SERVICE,
    WITNESS,
    VectorTree,
    der_to_raw,
)

FOLDER = Path(__file__).parent
Case = dict[str, object]


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def case(name: str, valid: bool, **members: object) -> Case:
    return {"name": name, "valid": valid, **members}


def _envelope_text(payload: bytes, signature: bytes, key_id: str, payload_type: str = dsse.PAYLOAD_TYPE) -> dict[str, object]:
    return {"payloadType": payload_type, "payload": b64(payload), "signatures": [{"keyid": key_id, "sig": b64(signature)}]}


def dsse_vectors() -> dict[str, object]:
    payload = '{"hello":"wörld \u2014 ok"}'.encode()
    device_spki, service_spki = b64(DEVICE.spki_der), b64(SERVICE.spki_der)
    device, service = dsse.sign_envelope(payload, DEVICE), dsse.sign_envelope(payload, SERVICE)
    good = json.loads(device)
    signature = base64.b64decode(good["signatures"][0]["sig"])
    entry = good["signatures"][0]

    def bad(name: str, envelope: object, spki: str = device_spki, kind: str = "device") -> Case:
        text = envelope if isinstance(envelope, str) else json.dumps(envelope, ensure_ascii=False, separators=(",", ":"))
        return case(name, False, key=kind, spki=spki, envelope=text)

    expected = {"payload": b64(payload), "keyid": DEVICE.key_id}
    return {
        "pae": [
            {"payloadType": kind, "payload": b64(data), "pae": b64(dsse.pae(kind, data))}
            for kind, data in ((dsse.PAYLOAD_TYPE, payload), ("", b""), ("http://example.com/Hëllo", b"hello world"))
        ],
        "rawToDer": [
            {"raw": b64(raw), "der": b64(keys.raw_to_der(raw))}
            for raw in (b"\x00" * 47 + b"\x01" + b"\x80" + b"\x00" * 47, b"\x7f" * 96, b"\xff" * 48 + b"\x00" * 40 + b"\xff" * 8)
        ],
        "envelopes": [
            case("device_envelope", True, key="device", spki=device_spki, envelope=device.decode(), expect=expected),
            case("service_envelope", True, key="service", spki=service_spki, envelope=service.decode(),
                 expect={"payload": b64(payload), "keyid": SERVICE.key_id}),
            bad("payload_changed_after_signing", {**good, "payload": b64(payload + b" ")}),
            bad("payload_type_changed", {**good, "payloadType": "application/json"}),
            bad("signed_by_another_device", dsse.sign_envelope(payload, OTHER_DEVICE).decode()),
            bad("another_devices_signature_under_this_key_id",
                _envelope_text(payload, OTHER_DEVICE.sign(dsse.pae(dsse.PAYLOAD_TYPE, payload)), DEVICE.key_id)),
            bad("signature_over_payload_without_pae", _envelope_text(payload, DEVICE.sign(payload), DEVICE.key_id)),
            bad("raw_signature_instead_of_der", _envelope_text(payload, der_to_raw(signature), DEVICE.key_id)),
            bad("signature_cut_short", _envelope_text(payload, signature[:-1], DEVICE.key_id)),
            bad("no_signature", {**good, "signatures": []}),
            bad("two_signatures", {**good, "signatures": [entry, entry]}),
            bad("service_signature_checked_with_another_service_key", service.decode(), b64(OTHER_SERVICE.spki_der), "service"),
            bad("payload_named_twice", device.decode().replace('{"payloadType"', '{"payload":"e30=","payloadType"', 1)),
            bad("payload_base64_with_a_space", {**good, "payload": " " + str(good["payload"])}),
            bad("not_json", "{"),
            bad("nested_too_deep", "[" * 40 + "]" * 40),
        ],
    }  # fmt: skip


def note_vectors() -> dict[str, object]:
    text = cp.Checkpoint(ORIGIN, 7, hashlib.sha256(b"seven").digest()).to_text()
    other_text = cp.Checkpoint(ORIGIN, 8, hashlib.sha256(b"eight").digest()).to_text()

    def file(body: str, *signatures: note.NoteSignature) -> str:
        return note.SignedNote(body, signatures).to_bytes().decode()

    foreign = note.sign_note(text, FOREIGN_LOG)
    own, own_other = note.sign_note(text, LOG), note.sign_note(other_text, LOG)
    cosigned = note.cosign_note(text, WITNESS, time_s=1_767_312_000)
    shifted = note.NoteSignature(cosigned.name, cosigned.key_hash, (1).to_bytes(8, "big") + cosigned.blob[8:])
    bare = note.NoteSignature(WITNESS.name, WITNESS.verifier.key_hash, note.sign_note(text, WITNESS).blob)
    impostor = note.NoteSignature(ORIGIN, LOG.verifier.key_hash, note.sign_note(text, OTHER_LOG).blob)
    name, key_hash, key = LOG.vkey.split("+", 2)

    def vkey(label: str, text: str) -> Case:
        return case(label, False, vkey=text)

    def notes(label: str, valid: bool, content: str, by: str = LOG.vkey, **more: object) -> Case:
        return case(label, valid, note=content, vkey=by, **more)

    good = file(text, own)
    return {
        "vkeys": [
            *(
                case(label, True, vkey=signer.vkey, expect={"name": signer.name, "keyHash": signer.verifier.key_hash.hex(),
                     "kind": signer.kind, "public": b64(signer.verifier.public)})
                for label, signer in (("log_key", LOG), ("service_key", SERVICE), ("witness_key", WITNESS))
            ),
            vkey("hash_of_another_key", f"{name}+{OTHER_LOG.verifier.key_hash.hex()}+{key}"),
            vkey("renamed_key", f"renamed.example/log+{key_hash}+{key}"),
            vkey("key_cut_short", f"{name}+{key_hash}+{b64(base64.b64decode(key)[:-1])}"),
            vkey("name_with_a_space", f"a b+{key_hash}+{key}"),
            vkey("no_name", f"+{key_hash}+{key}"),
            vkey("two_parts", f"{name}+{key_hash}"),
            vkey("empty", ""),
        ],
        "notes": [
            notes("signed_by_the_log", True, good, expect={"text": text}),
            notes("signed_and_cosigned", True, file(text, own, cosigned), expect={"text": text}),
            notes("line_of_an_unknown_key_is_ignored", True, file(text, foreign, own), expect={"text": text}),
            notes("size_changed_after_signing", False, good.replace("\n7\n", "\n9\n")),
            notes("signature_of_another_note", False, file(text, own_other)),
            notes("signed_by_a_key_of_the_same_name", False, file(text, note.sign_note(text, OTHER_LOG))),
            notes("another_keys_signature_under_this_key_hash", False, file(text, impostor)),
            notes("right_signature_beside_a_wrong_one_of_the_same_key", False, file(text, own, impostor)),
            notes("no_signature", False, text + "\n"),
            notes("no_empty_line", False, good.replace("\n\n", "\n")),
            notes("crlf_line_ends", False, good.replace("\n", "\r\n")),
            notes("signature_line_without_dash", False, good.replace("\u2014 ", "- ")),
            notes("last_newline_missing", False, good[:-1]),
            notes("empty", False, ""),
        ],
        "cosignatures": [
            notes("cosigned_by_the_witness", True, file(text, own, cosigned), WITNESS.vkey, expect={"timeS": 1_767_312_000}),
            notes("cosignature_absent", False, good, WITNESS.vkey),
            notes("cosignature_of_another_checkpoint", False,
                  file(text, own, note.cosign_note(other_text, WITNESS, time_s=1_767_312_000)), WITNESS.vkey),
            notes("cosignature_time_changed", False, file(text, own, shifted), WITNESS.vkey),
            notes("plain_note_signature_in_place_of_a_cosignature", False, file(text, own, bare), WITNESS.vkey),
            notes("cosigned_by_a_key_of_the_same_name", False,
                  file(text, own, note.cosign_note(text, OTHER_WITNESS, time_s=1)), WITNESS.vkey),
        ],
    }  # fmt: skip


def merkle_vectors() -> dict[str, object]:
    tree = VectorTree([hashlib.sha256(b"leaf %d" % number).digest() for number in range(300)])

    def inclusion(name: str, valid: bool, leaf: int, index: int, size: int, proof: list[bytes], root: bytes) -> Case:
        return case(
            name, valid, leaf=b64(tree.leaves[leaf]), index=index, size=size, proof=[b64(h) for h in proof], root=b64(root)
        )

    def consistency(name: str, valid: bool, old: tuple[int, bytes], new: tuple[int, bytes], proof: list[bytes]) -> Case:
        return case(
            name, valid, oldSize=old[0], oldRoot=b64(old[1]), size=new[0], root=b64(new[1]), proof=[b64(h) for h in proof]
        )

    def head(size: int) -> tuple[int, bytes]:
        return size, tree.roots[size]

    p, c = tree.inclusion(5, 11), tree.consistency(6, 11)
    places = ((0, 1), (0, 2), (1, 2), (2, 3), (0, 7), (6, 7), (5, 11), (10, 11), (255, 256), (255, 300), (299, 300))
    spans = ((1, 1), (1, 2), (2, 3), (3, 7), (4, 7), (4, 8), (6, 11), (8, 11), (256, 300), (255, 300), (300, 300), (0, 5))
    return {
        "inclusion": [
            *(inclusion(f"leaf_{i}_of_{n}", True, i, i, n, tree.inclusion(i, n), tree.roots[n]) for i, n in places),
            inclusion("another_leaf", False, 6, 5, 11, p, tree.roots[11]),
            inclusion("another_index", False, 5, 4, 11, p, tree.roots[11]),
            inclusion("index_outside_the_tree", False, 5, 11, 11, p, tree.roots[11]),
            inclusion("root_of_another_size", False, 5, 5, 11, p, tree.roots[12]),
            inclusion("proof_one_hash_short", False, 5, 5, 11, p[:-1], tree.roots[11]),
            inclusion("proof_one_hash_long", False, 5, 5, 11, [*p, p[0]], tree.roots[11]),
            inclusion("proof_in_reverse", False, 5, 5, 11, p[::-1], tree.roots[11]),
            inclusion("proof_hash_cut_short", False, 5, 5, 11, [p[0][:31], *p[1:]], tree.roots[11]),
            inclusion("inner_node_passed_off_as_a_leaf", False, 5, 2, 6, p[1:], tree.roots[11]),
            inclusion("empty_tree", False, 5, 0, 0, [], merkle.EMPTY_ROOT),
        ],
        "consistency": [
            *(consistency(f"{o}_to_{n}", True, head(o), head(n), tree.consistency(o, n) if o else []) for o, n in spans),
            consistency("rewritten_history", False, (6, hashlib.sha256(b"fork").digest()), head(11), c),
            consistency("forked_root_of_the_same_size", False, (11, hashlib.sha256(b"fork").digest()), head(11), []),
            consistency("shrunk_log", False, head(11), head(6), c),
            consistency("proof_one_hash_short", False, head(6), head(11), c[:-1]),
            consistency("proof_one_hash_long", False, head(6), head(11), [*c, c[0]]),
            consistency("no_proof", False, head(6), head(11), []),
            consistency("old_root_of_another_size", False, (6, tree.roots[7]), head(11), c),
            consistency("proof_for_equal_sizes", False, head(11), head(11), c),
        ],
    }  # fmt: skip


def receipt_vectors() -> dict[str, object]:
    new = events.NewEvent("capture.committed", f"capture:{'ab' * 32}", "statement.dsse.json", "cd" * 32, "urn:holdstill:device:1",
                          "device", "capture", {"captureId": "ab" * 32, "deviceKeyId": DEVICE.key_id})  # fmt: skip
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    event = dsse.sign_envelope(events.build_event(new, events.EventLink(0, None), at=at, salt="00" * 16), SERVICE)
    leaf = hashlib.sha256(event).digest()
    tree = VectorTree([hashlib.sha256(b"leaf %d" % number).digest() for number in range(20)] + [leaf])
    forked = VectorTree([*tree.leaves[:19], leaf, leaf])

    def head(of: VectorTree, signer: keys.Ed25519Signer) -> bytes:
        return cp.sign_checkpoint(cp.Checkpoint(signer.name, 21, of.roots[21]), signer)

    plain = head(tree, LOG)
    cosigned = cp.with_signatures(plain, [cp.cosign_checkpoint(plain, WITNESS, time_s=1_767_312_000)])
    imposed = cp.with_signatures(plain, [cp.cosign_checkpoint(plain, OTHER_WITNESS, time_s=1_767_312_000)])
    proof = tree.inclusion(20, 21)
    good = receipt.format_receipt(20, proof, plain).decode()
    trust = {"event": event.decode(), "leaf": leaf.hex(), "origin": ORIGIN, "logVkey": LOG.vkey, "serviceVkey": SERVICE.vkey}
    expect = {"index": 20, "size": 21, "root": b64(tree.roots[21])}

    def entry(name: str, valid: bool, text: str, quorum: int = 0, **more: object) -> Case:
        return case(name, valid, receipt=text, witnesses=[WITNESS.vkey], quorum=quorum, **{**trust, **more})

    def made(index: int, hashes: list[bytes], file: bytes) -> str:
        return receipt.format_receipt(index, hashes, file).decode()

    other_leaf = hashlib.sha256(event + b" ").hexdigest()
    return {
        "receipts": [
            entry("fresh_receipt", True, good, expect=expect),
            entry("cosigned_receipt", True, made(20, proof, cosigned), 1, expect=expect),
            entry("receipt_with_extra_line", True, good.replace("index", "extra Zm9v\nindex", 1), expect=expect),
            entry("receipt_of_another_event", False, good, event=event.decode() + " ", leaf=other_leaf),
            entry("index_moved", False, good.replace("index 20", "index 19")),
            entry("proof_one_hash_short", False, made(20, proof[:-1], plain)),
            entry("proof_one_hash_long", False, made(20, [*proof, proof[0]], plain)),
            entry("checkpoint_signed_by_another_key_of_the_same_name", False, made(20, proof, head(tree, OTHER_LOG))),
            entry("checkpoint_of_another_log", False, made(20, proof, head(tree, FOREIGN_LOG))),
            entry("proof_from_a_forked_tree", False, made(20, forked.inclusion(20, 21), plain)),
            entry("forked_checkpoint_without_the_witness", False, made(20, forked.inclusion(20, 21), head(forked, LOG)), 1),
            entry("witness_missing", False, good, 1),
            entry("cosigned_by_another_key_of_the_witness_name", False, made(20, proof, imposed), 1),
            entry("root_changed_after_signing", False, good.replace(b64(tree.roots[21]), b64(forked.roots[21]))),
            entry("unknown_version", False, good.replace("@v1", "@v2")),
            entry("index_with_leading_zero", False, good.replace("index 20", "index 020")),
            entry("index_missing", False, good.replace("index 20\n", "")),
            entry("hash_is_not_base64", False, good.replace("index 20\n", "index 20\n!!!!\n")),
            entry("no_checkpoint", False, good.split("\n\n")[0] + "\n"),
            entry("crlf_line_ends", False, good.replace("\n", "\r\n")),
            entry("empty", False, ""),
        ]
    }


def vectors() -> dict[str, str]:
    """File name → text of every vector file."""
    files = {"dsse": dsse_vectors, "note": note_vectors, "merkle": merkle_vectors, "receipt": receipt_vectors}
    return {f"{name}.json": json.dumps(make(), indent=1, ensure_ascii=True) + "\n" for name, make in files.items()}


if __name__ == "__main__":
    for name, text in vectors().items():
        FOLDER.joinpath(name).write_text(text)

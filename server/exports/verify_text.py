"""VERIFY.md of a bundle: how to check it without this software. Plain commands of tools that anybody has."""

from __future__ import annotations

VERIFY_MD = b"""\
# How to check this bundle

This file and the copies in `trust/` are a convenience that nobody signed. Take the policy, the keys and the roots of
the timestamping authorities from the people who run the service, by another way than this bundle.

All at once, offline: `holdstill verify BUNDLE.zip --policy policy.toml` (or `python holdstill-verify.pyz` with the
same arguments). It ends with 0 when the bundle is valid, 1 when it is not, 2 when something could not be checked.

Layer by layer, in the unpacked folder, with tools that are not ours:

1. Files: `sha256sum -c manifest-sha256.txt`, `sha256sum -c tagmanifest-sha256.txt`, or `bagit.py --validate .`
2. Export: `proofs/export.dsse.json` is a DSSE envelope (in-toto Statement v1) by the service's Ed25519 key. Its
   payload, `jq -r .payload proofs/export.dsse.json | base64 -d`, names the SHA-256 of `manifest-sha256.txt`.
3. Statement of a capture: `data/captures/<id>/statement.dsse.json` is a DSSE envelope by the device's ECDSA P-384 key
   (SHA-384, DER). The signed bytes are `DSSEv1 <length of type> <type> <length of payload> <payload>`; with those in
   `pae.bin` and the signature in `sig.bin`: `openssl dgst -sha384 -verify trust/device-<key id>.pem -signature
   sig.bin pae.bin`. The payload names the SHA-256 of each artifact beside it, and its own SHA-256 is the capture's
   id.
4. Page archive: `wacz validate -f page.wacz` (form only), then `warcio check` on the WARC inside.
5. Log: the leaf of an event is the SHA-256 of its file. `proofs/events/<that>.tlog-proof` is a C2SP tlog-proof
   against `proofs/checkpoint`, a C2SP signed note; the tree is RFC 6962.
6. Time: `openssl ts -verify -data proofs/checkpoint -in proofs/checkpoint.<tsa>.tsr -CAfile <root of the authority>`;
   the capture's own, earlier stamp is `proofs/<id>.checkpoint.<tsa>.tsr` over `proofs/<id>.checkpoint`. If the
   authority's certificate has ended since, add `-attime <seconds since 1970 of the stamp>`.

What a valid bundle proves: these bytes were signed by an enrolled device, entered the log within the stated time
bracket and have not changed since. It does not prove that the page told the truth, nor that whoever made the capture
was honest.
"""

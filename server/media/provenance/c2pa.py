"""Content Credentials (C2PA) in a file's own bytes: is the signature whole, and is the signer one that the operator trusts?

Three states, never mixed: `valid` says that the credentials are whole and fit these very bytes; `trusted` says so and that the
signer's certificate leads to a root on the operator's list; `invalid` says that credentials or picture were changed afterwards.
Remote manifests and revocation lists are never fetched. Without a list of roots, trust is not checked and `valid` says so.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping

import c2pa

from server.media.provenance.places import file_kind
from server.media.provenance.signals import Signal, by_tool, found, not_checked, not_found
from server.media.provenance.xmp import source_type

TOOL = "c2pa-python"
WHERE = "C2PA manifest"
MAX_C2PA_BYTES = 64 * 1024 * 1024
MAX_REPORT_CHARACTERS = 4 * 1024 * 1024
MAX_MANIFESTS = 20
MAX_ACTIONS = 50
_TYPES = {
    "png": "image/png",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "tiff": "image/tiff",
    "avif": "image/avif",
    "heic": "image/heic",
}
_UNTRUSTED = "signingCredential.untrusted"


def may_hold_credentials(data: bytes) -> bool:
    """False when the bytes hold no mark of a C2PA manifest: then there is nothing to hand to the library."""
    return b"c2pa" in data and (b"jumb" in data or b"\xd8\xfe\xc3\xd6\x1b\x0e\x48\x3c" in data)


def no_credentials() -> Signal:
    """What stands for a file without any mark of a manifest."""
    return by_tool(not_found("c2pa", WHERE, "the bytes hold no C2PA manifest"), TOOL)


def credentials_not_checked(reason: str) -> Signal:
    """What stands for a file whose credentials could not be read here."""
    return by_tool(not_checked("c2pa", WHERE, reason), TOOL)


def c2pa_signals(data: bytes, anchors: str | None) -> list[Signal]:
    """State, signer, program and source types of the file's credentials. `anchors`: trusted roots in PEM, None without a list.

    Any bytes give a list. Not checked: revocation, remote manifests, whether what the signer says is true.
    """
    if not may_hold_credentials(data):
        return [no_credentials()]
    kind = _TYPES.get(file_kind(data))
    if kind is None or len(data) > MAX_C2PA_BYTES:
        return [credentials_not_checked("a kind of file, or a size, in which credentials are not read here")]
    try:
        with (
            c2pa.Context.from_dict(_settings(anchors)) as context,
            c2pa.Reader(kind, io.BytesIO(data), context=context) as reader,
        ):
            text, state = reader.json(), str(reader.get_validation_state())
    except c2pa.C2paError as error:
        if "ManifestNotFound" in str(error):
            return [no_credentials()]
        if "must fetch remote" in str(error):
            return [credentials_not_checked("the credentials are kept elsewhere: never fetched here")]
        return [credentials_not_checked(f"the credentials cannot be read: {str(error)[:200]}")]
    if len(text) > MAX_REPORT_CHARACTERS:
        return [credentials_not_checked(f"the library's report of {len(text)} characters is above the limit")]
    return [by_tool(one, TOOL) for one in _signals(json.loads(text), state.lower(), anchors is not None)]


def _settings(anchors: str | None) -> dict[str, object]:
    verify = {"verify_after_reading": True, "verify_trust": True, "ocsp_fetch": False, "remote_manifest_fetch": False}
    return {"verify": verify} | ({} if anchors is None else {"trust": {"trust_anchors": anchors}})


def _signals(report: Mapping[str, object], state: str, with_list: bool) -> list[Signal]:
    codes = [str(one.get("code", "")) for one in _maps(report.get("validation_status"))]
    if state not in ("valid", "trusted", "invalid"):
        return [not_checked("c2pa", WHERE, f"the library gave a state that is not known here: {state[:40]}")]
    active = str(report.get("active_manifest", ""))
    out = [found("c2pa", state, WHERE, _reason(state, codes, with_list))]
    manifests = report.get("manifests")
    named = manifests.items() if isinstance(manifests, Mapping) else ()
    for label, manifest in sorted(named, key=lambda one: one[0] != active)[:MAX_MANIFESTS]:
        if isinstance(manifest, Mapping):
            out += _manifest(manifest, f"{WHERE}, {'active' if label == active else 'ingredient'}", _held(state, label == active))
    return out[:40]


def _reason(state: str, codes: list[str], with_list: bool) -> str:
    if state == "trusted":
        return "whole, fits these bytes, and the signer leads to a root on the operator's list; revocation was not checked"
    if state == "invalid":
        return f"changed after signing, or broken: {', '.join(code for code in codes if code and code != _UNTRUSTED)[:300]}"
    if with_list:
        return "whole and fits these bytes; the signer is not on the operator's list"
    return "whole and fits these bytes; who may be trusted was not checked: no list of trusted roots is set"


def _held(state: str, active: bool) -> str:
    if state == "invalid":
        return "stands in credentials that are invalid"
    said = "stated by a trusted signer" if state == "trusted" else "stated by a signer who is not known to be trusted"
    return said if active else f"of an ingredient, as the outer credentials carry it; {said}"


def _manifest(manifest: Mapping[str, object], where: str, held: str) -> Iterator[Signal]:
    signature = manifest.get("signature_info")
    if isinstance(signature, Mapping):
        names = [str(signature[key]) for key in ("common_name", "issuer", "time") if signature.get(key)]
        if names:
            yield found("c2pa.signer", " · ".join(dict.fromkeys(names)), where, held)
    programs = [f"{one.get('name', '')} {one.get('version', '')}".strip() for one in _maps(manifest.get("claim_generator_info"))]
    if program := next((name for name in programs if name), str(manifest.get("claim_generator") or "")):
        yield found("c2pa.claim_generator", program, where, held)
    for assertion in _maps(manifest.get("assertions")):
        if str(assertion.get("label", "")).startswith("c2pa.actions"):
            data = assertion.get("data")
            for action in _maps(data.get("actions") if isinstance(data, Mapping) else None)[:MAX_ACTIONS]:
                if said := action.get("digitalSourceType"):
                    value, known = source_type(str(said))
                    name = str(action.get("action", ""))[:60]
                    yield found("c2pa.source_type", value, f"{where}, action {name}", _about(known, held))


def _about(known: str, held: str) -> str:
    return f"no term of the IPTC vocabulary known here; {held}" if known.startswith("no term") else held


def _maps(value: object) -> list[Mapping[str, object]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []

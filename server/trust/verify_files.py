"""Step 2 of verify.py: the bag's own bookkeeping. Source: RFC 8493 (BagIt 1.0), stricter: no file may be unlisted."""

from __future__ import annotations

import re

from server.trust.bundle import BAGIT_TXT, MANIFEST, TAG_MANIFEST, Bundle
from server.trust.errors import VerificationError

MAX_MANIFEST_BYTES = 64 * 1024 * 1024
_HASH, _TSA, _NAME = "[0-9a-f]{64}", "[a-z0-9][a-z0-9-]{0,39}", "[^/]+"
_KNOWN = re.compile(
    "|".join(
        (
            r"bagit\.txt|bag-info\.txt|manifest-sha256\.txt|tagmanifest-sha256\.txt|VERIFY\.md",
            r"data/index\.html|data/captures/.+|data/devices/.+",  # the chains' own files: steps 4 and 6 look at each
            rf"data/(metadata|report)/{_NAME}",  # kept free for later versions
            rf"proofs/export\.dsse\.json|proofs/export\.tlog-proof|proofs/events/{_HASH}\.tlog-proof|proofs/consistency\.json",
            rf"proofs/{_HASH}\.tlog-proof|proofs/({_HASH}\.)?checkpoint(\.{_TSA}\.tsr)?",
            rf"trust/policy\.toml|trust/service\.pub|trust/device-{_HASH}\.pem|trust/tsa-{_TSA}\.pem",
        )
    )
)
"""Every name a bundle may hold: docs/formats.md section 8. What nobody signed must not be able to look like a part of it."""
_LINE = re.compile(r"([0-9a-f]{64})  (\S.*)")


def check_files(bundle: Bundle) -> None:
    """Digests of all files; each listed exactly once, under data/ in the manifest, all else but the tag manifest in that."""
    findings = bundle.findings
    for name, digest in bundle.bag.digests().items():
        if isinstance(digest, VerificationError):
            findings.failed(2, digest.path or name, digest.reason)
        else:
            bundle.digests[name] = digest
    with findings.attempt(2, "bagit.txt"):
        if bundle.read("bagit.txt", 1024) != BAGIT_TXT:
            raise VerificationError("this is not a BagIt 1.0 bag in UTF-8")
    for name in bundle.bag.names():
        if _KNOWN.fullmatch(name) is None:
            findings.failed(2, name, "a bundle has no file of this name")
    _check_manifest(bundle, MANIFEST, {name for name in bundle.digests if name.startswith("data/")})
    rest = {name for name in bundle.digests if not name.startswith("data/")} - {TAG_MANIFEST}
    _check_manifest(bundle, TAG_MANIFEST, rest)


def parse_manifest(data: bytes) -> dict[str, str]:
    """Path → SHA-256 of a manifest of `<sha256>  <path>` lines. Raises: VerificationError for other lines or a path twice."""
    try:
        text = data.decode("utf-8", "strict")
    except UnicodeDecodeError as error:
        raise VerificationError("the manifest is not UTF-8") from error
    listed: dict[str, str] = {}
    if text and not text.endswith("\n"):
        raise VerificationError("the last line of the manifest is cut off")
    for number, line in enumerate(text[:-1].split("\n") if text else [], 1):
        match = _LINE.fullmatch(line)
        if match is None or "%" in match[2]:
            raise VerificationError(f"line {number} of the manifest is not a digest and a plain path")
        if match[2] in listed:
            raise VerificationError(f"line {number} of the manifest lists a path a second time")
        listed[match[2]] = match[1]
    return listed


def _check_manifest(bundle: Bundle, manifest: str, present: set[str]) -> None:
    findings = bundle.findings
    try:
        listed = parse_manifest(bundle.read(manifest, MAX_MANIFEST_BYTES))
    except VerificationError as error:
        findings.failed(2, error.path or manifest, error.reason)
        return
    for name in sorted(present - listed.keys()):
        findings.failed(2, name, f"the file is not listed in {manifest}")
    for name, digest in sorted(listed.items()):
        if name not in present:
            findings.failed(2, name, f"listed in {manifest}, but missing, unreadable or not to be listed there")
        elif bundle.digests[name] != digest:
            findings.failed(2, name, f"its SHA-256 is not the one in {manifest}")
        else:
            findings.passed(2, name)

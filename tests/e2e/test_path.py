"""The path of a capture in a real browser: nothing asked of the site, true bytes, and a bundle that tools of others accept."""

import base64
import hashlib
import json
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey
from warcio.archiveiterator import ArchiveIterator

from tests.e2e import journey
from tests.e2e.chromium import Chromium
from tests.e2e.journey import Captured
from tests.e2e.pictures import SCENES
from tests.e2e.site import SESSION_SECRET, DemoSite
from tests.e2e.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.live]
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def captured(browser: Chromium, site: DemoSite, stack: Stack) -> Captured:
    done = journey.capture(browser, site, site.article)
    stack.wait_for_stamp(browser.token, done.capture_id)
    return done


@pytest.fixture(scope="module")
def policy(browser: Chromium, stack: Stack, captured: Captured, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return journey.write_policy(stack, browser, tmp_path_factory.mktemp("policy") / "policy.toml")


@pytest.fixture(scope="module")
def bundle(stack: Stack, captured: Captured, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stack.export_bundle(captured.capture_id, tmp_path_factory.mktemp("export") / "evidence.zip")


@pytest.fixture(scope="module")
def bag(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle unpacked by Python's own zip reader, as a recipient would."""
    folder = tmp_path_factory.mktemp("bag")
    with zipfile.ZipFile(bundle) as packed:
        packed.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def wacz(bag: Path, captured: Captured) -> Path:
    return bag / "data" / "captures" / captured.capture_id / "page.wacz"


def run(*command: str | Path, cwd: Path) -> str:
    """What a tool of others says. Fails on another exit code than 0."""
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


@dataclass(frozen=True)
class Record:
    """One record of the archive about something on the web; `made` is how its bytes were got, `block` what it holds."""

    url: str
    made: dict[str, Any]
    headers: str
    block: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.block).hexdigest()


def records(wacz: Path) -> list[Record]:
    with zipfile.ZipFile(wacz) as packed:
        warc = packed.read("archive/data.warc.gz")
    found = []
    for record in ArchiveIterator(BytesIO(warc)):
        if record.rec_type in ("response", "resource"):
            made = json.loads(record.rec_headers.get_header("WARC-JSON-Metadata"))
            headers = str(record.http_headers or "")
            found.append(Record(record.rec_headers.get_header("WARC-Target-URI"), made, headers, record.raw_stream.read()))
    return found


def pageinfo(wacz: Path) -> dict[str, Any]:
    """What the capture says of itself."""
    (info,) = [record for record in records(wacz) if record.url.startswith("urn:pageinfo:")]
    return dict(json.loads(info.block))


def test_the_site_is_asked_for_nothing_during_the_capture(captured: Captured) -> None:
    assert captured.requests == []


def test_every_body_claimed_from_memory_is_the_body_the_site_sent(wacz: Path, site: DemoSite) -> None:
    sent = site.log.bodies()
    from_memory = [record for record in records(wacz) if record.made["source"] == "live_memory"]
    assert [record.url for record in from_memory if record.sha256 not in sent.get(record.url, ())] == []
    needed = {f"{site.url}/style.css", f"{site.frame_url}/notice.css", f"{site.frame_url}/pictures/poster"}
    needed |= {f"{site.url}/pictures/{name}" for name in (*SCENES, "avatar-0", "avatar-4") if name != "marsh"}
    assert needed <= {record.url for record in from_memory}


def test_what_is_called_exact_is_exact_wherever_it_came_from(wacz: Path, site: DemoSite) -> None:
    sent = site.log.bodies()
    exact = [record for record in records(wacz) if record.made.get("exact")]
    assert site.article in {record.url for record in exact}
    assert [record.url for record in exact if record.sha256 not in sent.get(record.url, ())] == []


def test_every_resource_of_the_page_is_captured_or_named_as_omitted(wacz: Path, captured: Captured) -> None:
    info = pageinfo(wacz)
    assert all(gap["reason"] for gap in info["omitted"])
    told = {entry["url"] for entry in (*info["resources"], *info["omitted"])}
    loaded = {sent.url for sent in captured.loaded if not sent.url.endswith("/pictures/icon")}
    assert loaded - told == set()


def test_the_page_as_people_read_it_is_kept_with_what_scripts_added(wacz: Path, site: DemoSite) -> None:
    kept = {record.url: record.block.decode("utf-8", "replace") for record in records(wacz) if record.url.startswith("urn:")}
    text = kept[f"urn:text:{site.article}"]
    assert "Night ferry to run all winter" in text and "Midnight boat AND the lighthouse" in text
    assert "They spent your bridge on a boat" in " ".join(kept[f"urn:text:{site.frame_url}/notice"].split())


def test_headers_are_kept_and_secrets_are_not(wacz: Path, bag: Path, site: DemoSite) -> None:
    """The site sets an HttpOnly session cookie with the page: its place is told, its value is in no byte handed over."""
    stored = b"".join(path.read_bytes() for path in bag.rglob("*") if path.is_file())
    assert SESSION_SECRET.encode() not in stored
    assert not [record.url for record in records(wacz) if SESSION_SECRET in record.headers + record.block.decode("latin-1")]
    headers = {record.url: record.headers.lower() for record in records(wacz)}[site.article]
    assert "content-type: text/html; charset=utf-8" in headers
    assert "\nset-cookie:" not in headers
    assert "x-holdstill-redacted: set-cookie; hmac-sha256=" in headers


def test_the_bundle_is_valid_and_gives_the_time_bracket(stack: Stack, bundle: Path, policy: Path, captured: Captured) -> None:
    report = json.loads(stack.cli("verify", bundle, "--policy", policy, "--json"))
    assert report["verdict"] == "VALID"
    bracket = next(entry for entry in report["captures"] if entry["capture_id"] == captured.capture_id)
    assert bracket["not_before"] < captured.item["committed"]["time"] < bracket["not_after"]


def test_the_policy_that_the_operator_prints_trusts_the_same(stack: Stack, bundle: Path, tmp_path: Path) -> None:
    printed = tmp_path / "policy.toml"
    printed.write_text(stack.policy(), "utf-8")
    assert stack.verify(bundle, printed).startswith("VALID")


def test_without_a_policy_nothing_is_called_valid(stack: Stack, bundle: Path) -> None:
    report = stack.cli("verify", bundle, expect=2)
    assert "INCOMPLETE" in report


@pytest.mark.parametrize(
    "entry", ["screenshot.viewport.png", "page.wacz", "statement.dsse.json", "proofs/checkpoint", "manifest-sha256.txt"]
)
def test_one_flipped_byte_is_found_and_named(stack: Stack, bundle: Path, policy: Path, tmp_path: Path, entry: str) -> None:
    tampered = tmp_path / "tampered.zip"
    name = journey.flip_one_byte(bundle, tampered, entry)
    report = stack.verify(tampered, policy, expect=1)
    assert "INVALID" in report and name in report, report


def test_sha256sum_and_bagit_accept_the_bag(bag: Path) -> None:
    run("sha256sum", "--check", "--strict", "--quiet", "manifest-sha256.txt", cwd=bag)
    run("sha256sum", "--check", "--strict", "--quiet", "tagmanifest-sha256.txt", cwd=bag)
    assert "is valid" in run(BIN / "bagit.py", "--validate", bag, cwd=bag)


def test_openssl_accepts_each_timestamp_with_the_pinned_root(bag: Path, stack: Stack) -> None:
    tokens = sorted(bag.rglob("*.tsr"))
    assert any(token.name == "checkpoint.demo.tsr" for token in tokens)
    assert any("notbefore" in token.name for token in tokens)
    for token in tokens:
        data = token.with_name(token.name.removesuffix(".demo.tsr"))
        root = stack.folder / "tsa" / "root.pem"
        said = run("openssl", "ts", "-verify", "-data", data, "-in", token, "-CAfile", root, cwd=bag)
        assert "Verification: OK" in said


def test_the_tools_of_web_archiving_accept_the_page(wacz: Path, tmp_path: Path) -> None:
    assert "Validation Succeeded" in run(BIN / "wacz", "validate", "-f", wacz, cwd=tmp_path).title()
    with zipfile.ZipFile(wacz) as packed:
        packed.extract("archive/data.warc.gz", tmp_path)
    run(BIN / "warcio", "check", tmp_path / "archive" / "data.warc.gz", cwd=tmp_path)


def test_securesystemslib_accepts_every_envelope(bag: Path, browser: Chromium, captured: Captured) -> None:
    """Statements with the device's key of its enrolment event; events with the service's key that the browser pinned."""
    _name, _hash, material = browser.pairing()["serviceVkey"].split("+", 2)
    service = SSlibKey.from_crypto(Ed25519PublicKey.from_public_bytes(base64.b64decode(material)[1:]))
    envelopes = sorted([*bag.rglob("*.dsse.json")])
    seen = {"device": 0, "service": 0}
    enrolled = json.loads(
        Envelope.from_dict(json.loads(next(bag.glob("data/devices/*/events/0000.dsse.json")).read_text())).payload
    )["predicate"]["details"]
    device_key = load_der_public_key(base64.b64decode(enrolled["publicKey"]))
    device = SSlibKey.from_crypto(device_key, scheme="ecdsa-sha2-nistp384")
    for path in envelopes:
        raw = json.loads(path.read_text())
        kind, key = ("device", device) if path.name == "statement.dsse.json" else ("service", service)
        key.keyid = raw["signatures"][0]["keyid"]
        assert Envelope.from_dict(raw).verify([key], 1), path
        seen[kind] += 1
    assert seen["device"] == 1 and seen["service"] >= 4


def test_everything_re_derives_from_stored_bytes(stack: Stack, captured: Captured) -> None:
    stack.log_check()

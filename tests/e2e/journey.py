"""The path of one capture, step by step, as functions that the demo tells and the tests check.

Pair, capture, export, verify, tamper.
"""

import json
import struct
import time
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.e2e.chromium import Chromium
from tests.e2e.site import DemoSite, Sent
from tests.e2e.stack import ORIGIN, Stack


@dataclass(frozen=True)
class Captured:
    """What one click of the toolbar led to. `item` is the capture as the extension keeps it, `page` the tab.

    loaded: what the site sent for the page before the click. requests: what it was asked during the capture. Times are seconds
    from the click.
    """

    item: dict[str, Any]
    page: Page
    loaded: list[Sent]
    requests: list[Sent]
    committed_s: float
    sealed_s: float

    @property
    def capture_id(self) -> str:
        return str(self.item["captureId"])


def capture(browser: Chromium, site: DemoSite, url: str, *, timeout_s: float = 90) -> Captured:
    """Opens `url`, clicks the toolbar, and waits until the extension holds both verified receipts."""
    before = {item["captureId"] for item in browser.items()}
    opened = site.log.mark()
    page = browser.open(url)
    mark = site.log.settle()
    clicked = time.monotonic()
    browser.click_toolbar(page)
    browser.wait_for_item(lambda item: item["captureId"] not in before and item["committed"] is not None, timeout_s=timeout_s)
    committed_s = time.monotonic() - clicked
    item = browser.wait_for_item(lambda item: item["state"] == "sealed", timeout_s=timeout_s)
    sealed_s = time.monotonic() - clicked
    return Captured(item, page, site.log.since(opened)[: mark - opened], site.log.asked(mark), committed_s, sealed_s)


def write_policy(stack: Stack, browser: Chromium, path: Path) -> Path:
    """What a recipient would have from elsewhere: the keys pinned at pairing, the witness's key, the authority's root."""
    pairing = browser.pairing()
    pinned = {"origin": ORIGIN, "log_vkey": pairing["logVkey"], "service_vkey": pairing["serviceVkey"]}
    path.write_text(policy_text(pinned, stack.witness_vkey(), (stack.folder / "tsa" / "root.pem").read_text("utf-8")), "utf-8")
    return path


def policy_text(pinned: Mapping[str, Any], witness_vkey: str, tsa_root_pem: str) -> str:
    """A policy of one log, one service, one witness and the authority `demo`, written by hand as a recipient would."""
    lines = [
        f"origin = {json.dumps(pinned['origin'])}",
        "[log]",
        f"vkey = {json.dumps(pinned['log_vkey'])}",
        "[service]",
        f"vkeys = [{json.dumps(pinned['service_vkey'])}]",
        "[witnesses]",
        "quorum = 1",
        f"vkeys = [{json.dumps(witness_vkey)}]",
        "[[tsa]]",
        'name = "demo"',
        f"roots = [{json.dumps(tsa_root_pem)}]",
        "intermediates = []",
    ]
    return "\n".join(lines) + "\n"


def flip_one_byte(bundle: Path, out: Path, name_ends_with: str) -> str:
    """A copy of the bundle with one byte of one stored entry changed; gives the entry's name.

    The zip's own checksums are made to fit again, as somebody who means it would do.
    """
    with zipfile.ZipFile(bundle) as packed:
        entry = next(info for info in packed.infolist() if info.filename.endswith(name_ends_with))
        old, directory, names = packed.read(entry), packed.start_dir, packed.namelist()
    new = bytearray(old)
    new[len(new) // 2] ^= 0x01
    data = bytearray(bundle.read_bytes())
    header = entry.header_offset
    start = header + 30 + sum(struct.unpack_from("<HH", data, header + 26))
    assert data[start : start + len(old)] == old, "the entry is not stored as it is"
    data[start : start + len(new)] = new
    struct.pack_into("<I", data, header + 14, zlib.crc32(new))
    place = directory
    for _ in range(names.index(entry.filename)):
        place += 46 + sum(struct.unpack_from("<HHH", data, place + 28))
    struct.pack_into("<I", data, place + 16, zlib.crc32(new))
    out.write_bytes(data)
    with zipfile.ZipFile(out) as packed:
        assert packed.testzip() is None
    return entry.filename

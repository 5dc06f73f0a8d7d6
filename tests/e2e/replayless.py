"""What a player cannot show of the proving ground's pages when their scripts run again, and why: exactly this, nothing less."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from tests.e2e.proving_answers import TRUTH
from tests.e2e.replaying import Look
from tests.e2e.replayshelf import Kept


@dataclass(frozen=True)
class Less:
    """What the page shows instead.

    `text`: a pattern of its whole text. `lacking`: paths that the archive itself names as missing; none where the archive holds
    everything and the player does not play it, as `why` says.
    """

    text: str
    why: str
    lacking: tuple[str, ...] = ()
    has_pictures: bool = True


WAITING = Less("Service worker waiting", "no player runs a service worker of the captured page", has_pictures=False)
NO_STREAMS = Less("Streams", "what neither ends nor is a body is not kept", lacking=("/events", "/socket"))
NETWORK = Less(
    f"Council {re.escape(TRUTH)}", "the document is what the site sent; what somebody typed into it later stands in the DOM alone"
)
LESS = {
    ("chromium-as_seen", "/workers"): Less(
        "Workers waiting", "the browser hands out no worker's program", lacking=("/worker.js", "/json/worker.json")
    ),
    ("chromium-as_seen", "/streams"): NO_STREAMS,
    ("chromium-as_seen", "/big?mb=2"): Less(
        r"Big read \d{2,4}",
        "the browser keeps no body that a script asked for: what is read is the player's excuse",
        ("/big.bin",),
    ),
    ("chromium-as_seen", "/forged"): NETWORK,
    ("chromium-recorded", "/sw/page"): WAITING,
    ("chromium-recorded", "/streams"): NO_STREAMS,
    ("firefox-as_seen", "/sw/page"): WAITING,
    ("firefox-as_seen", "/streams"): Less(
        r"Streams( event 0 (\w{32}) event 1 \2 event 2 \2)+",
        "the kept part of a stream ends, so the page asks for it again; a socket is no body",
        lacking=("/socket",),
    ),
    ("firefox-as_seen", "/forged"): NETWORK,
}
# Documents of which Chromium hands out only the DOM: those of frames, of a form's answer, of what a service worker answered.
NO_DOCUMENTS = {"/components": ("/foreign", "/inner"), "/sw/page": ("/sw/page",), "/result": ("/result",)}


@dataclass(frozen=True)
class Expected:
    """What a replay has to show by address; addresses of documents the archive lacks; the address whose text is a pattern."""

    wanted: dict[str, Look]
    absent: frozenset[str] = frozenset()
    pattern_at: str = ""

    def told(self, shown: Mapping[str, Look]) -> dict[str, Look]:
        """What is shown, to be compared with `wanted`: without what is absent, a text that fits its pattern as the pattern."""
        found = {url: look for url, look in shown.items() if url not in self.absent}
        at = self.pattern_at
        if at in found and re.fullmatch(self.wanted[at].text, found[at].text):
            found[at] = replace(found[at], text=self.wanted[at].text)
        return found


def with_scripts(kind: str, path: str, kept: Kept) -> Expected:
    """What has to show when the page's scripts run again. Asserts that the archive itself names what it lacks for that."""
    gaps = {gap["url"] for gap in kept.pageinfo["omitted"]}
    absent = gaps & set(kept.seen)
    assert {urlsplit(url).path for url in absent} == set(NO_DOCUMENTS.get(path, ()) if kind == "chromium-as_seen" else ()), absent
    wanted = {url: look for url, look in kept.seen.items() if url not in absent}
    less = LESS.get((kind, path))
    if less is None:
        return Expected(wanted, frozenset(absent))
    unnamed = set(less.lacking) - {urlsplit(url).path for url in gaps}
    assert unnamed == set(), "not named as missing"
    seen = wanted[kept.url]
    assert re.fullmatch(less.text, seen.text) is None, "it shows the same, and is listed as showing less"
    wanted[kept.url] = replace(seen, text=less.text, pictures=seen.pictures if less.has_pictures else [])
    return Expected(wanted, frozenset(absent), kept.url)

"""The generated field: alerts, pictures used by parties, advertisements, a silence period, a network. Pure and deterministic.

Numbers are those that reports of the field give (37 alerts, 131 instances, 611 advertisements, 286 accounts); every name is made
of a number.
"""

import csv
import io
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from server.findings.body import FindingBody, parse_body

LABELS = {
    "AI content": "ai_unlabelled",
    "silence period violations": "silence_violation",
    "unlabelled ads": "ad_unlabelled",
    "influence operations": "influence_operation",
    "CIB networks": "cib_network",
    "sanctions violations": "sanctions_violation",
}
ALERTS, INSTANCES, CLUSTERS, ADS, ACCOUNTS = 37, 131, 58, 611, 286
WEEKLY = (5_000_000, 9_000_000)
START = datetime(2024, 7, 5, 22, 0, tzinfo=UTC)
END = datetime(2024, 7, 7, 18, 0, tzinfo=UTC)
"""The silence of the second round on the mainland, from the law and the press, written down here and not asked of the rules."""
X_EPOCH_MS = 1_288_834_974_657
POSTED = datetime(2024, 6, 22, 8, 0, tzinfo=UTC)
COMMON: dict[str, Any] = {
    "facts": "It was posted and stood without a label.", "assessment": "Nothing disclosed it.", "bases": ["eu/cop/2022"],
    "member_state": "FR", "posted_at": [{"value": POSTED.isoformat(), "source": "embedded_json", "precision_s": 60}],
}  # fmt: skip


@dataclass(frozen=True)
class Told:
    """A finding to keep: its type, what it says, and looks for labels as (layer, minutes after POSTED, state)."""

    type: str
    body: FindingBody
    looks: tuple[tuple[int, int, str], ...]


def post_id(number: int) -> str:
    """19 digits."""
    return f"17357655215958{number:05}"


def instances(capture_id: str) -> Iterator[Told]:
    """131 instances of pictures in 58 clusters, used by 22 accounts: each (cluster, post) once, whatever the cluster's version.

    Every 13th is found a second time, by somebody else and in another version of the cluster: the same instance.
    """
    looked = [
        {"method": "human", "by": "a", "verdict": "likely"},
        {"method": "detector", "by": "detector 1", "verdict": "likely"},
    ]
    absent = ((1, 5, "absent"), (2, 5, "absent"))
    for number in range(INSTANCES):
        subject = {
            "platform": "facebook", "post_id": post_id(number), "account_id": f"account-{number % 22}",
            "media_sha256": f"{number:064x}", "media_phash": "pdq:0", "cluster": f"IC-{number % CLUSTERS}@v3",
        }  # fmt: skip
        said = COMMON | {"captures": [capture_id], "subject": subject, "ai": looked, "actor": "Party A"}
        yield Told("ai_unlabelled", parse_body(said), absent)
        if number % 13 == 0:
            again = subject | {"cluster": f"IC-{number % CLUSTERS}@v4"}
            yield Told("ai_unlabelled", parse_body(said | {"subject": again}), absent)


def looks_of(number: int) -> tuple[tuple[int, int, str], ...]:
    """Looks for the platform's label of one advertisement, in minutes after it was posted. Some never get one, some lose it."""
    draw = random.Random(f"ad {number}")
    first = draw.randrange(1, 600)
    states: list[tuple[int, str]] = [(first, "absent"), (first + draw.randrange(1, 2_000), "absent")]
    if number % 5:
        states.append((states[-1][0] + draw.randrange(1, 3_000), "present"))
    if number % 7 == 0:
        states.insert(1, (states[0][0] + 0, "not_checked"))
    if number % 11 == 0 and number % 5:
        gone = states[-1][0] + draw.randrange(1, 500)
        states += [(gone, "absent"), (gone + draw.randrange(1, 500), "absent"), (gone + 1_000, "present")]
    return tuple((2, minute, state) for minute, state in states)


def ads(capture_id: str) -> Iterator[Told]:
    """611 advertisements."""
    for number in range(ADS):
        subject = {"platform": "facebook", "ad_id": f"9{number:017}"}
        said = COMMON | {"captures": [capture_id], "ad_library_capture": capture_id, "subject": subject}
        yield Told("ad_unlabelled", parse_body(said), looks_of(number))


def minutes_of(looks: tuple[tuple[int, int, str], ...]) -> tuple[int, int | None]:
    """Minutes without a label, by hand: at least and at most (None: nothing bounds it). One minute of doubt at the beginning.

    At least: between the first and last look of each run that found none. At most: from the look before the run (or a minute
    before the posting) to the look after it.
    """
    said = [(minute, state) for _, minute, state in sorted(looks, key=lambda one: one[1]) if state in ("present", "absent")]
    least, most, before, run = 0, 0, -1, []
    for minute, state in said:
        if state == "absent":
            run.append(minute)
            continue
        if run:
            least, most = least + run[-1] - run[0], most + minute - before
        before, run = minute, []
    return (least + run[-1] - run[0], None) if run else (least, most)


def silence_rows(count: int) -> list[tuple[str, datetime, float]]:
    """Posts around the silence: platform, time, precision in seconds. One in 25 straddles an edge."""
    draw, rows = random.Random(7), []
    for number in range(count):
        at = START - timedelta(hours=6) + timedelta(seconds=draw.randrange(int((END - START).total_seconds()) + 12 * 3600))
        platform, precision = ("x", 0.001) if number % 2 else ("facebook", 60.0)
        if number % 25 == 0:
            edge = START if number % 50 else END
            platform, at, precision = "facebook", edge + timedelta(seconds=draw.randrange(-59, 60)), 60.0
        exact = at.replace(microsecond=1000 * (number % 1000)) if platform == "x" else at.replace(second=0, microsecond=0)
        rows.append((platform, exact, precision))
    return rows


def silence_table(count: int) -> bytes:
    """The posts as a table with the columns that a collector's tool writes; some without a time."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(("platform", "post id", "handle", "posted at", "seen at"))
    for number, (platform, at, _) in enumerate(silence_rows(count)):
        seen = "2024-07-08T09:00:00Z"
        if platform == "x":
            flake = ((int(at.timestamp()) * 1000 + at.microsecond // 1000) - X_EPOCH_MS << 22) + number % 4096
            table.writerow((platform, flake, f"generated_{number % 200:04}", "", seen))
        else:
            said = "" if is_timeless(number) else at.strftime("%Y-%m-%dT%H:%MZ")
            table.writerow((platform, f"{10**17 + 7 + 10 * number}", f"generated_{number % 200:04}", said, seen))
    return out.getvalue().encode()


def is_timeless(number: int) -> bool:
    """One in forty has no time in its table."""
    return number % 40 == 38


def place_by_hand(at: datetime, precision_s: float) -> str:
    """in, out or unknown, without the rules: the whole interval lies inside, outside, or neither."""
    low, high = at.timestamp() - precision_s, at.timestamp() + precision_s
    if START.timestamp() <= low and high < END.timestamp():
        return "in"
    return "out" if high < START.timestamp() or low >= END.timestamp() else "unknown"


def account_ranges() -> list[tuple[int, int]]:
    """Weekly views of 286 accounts as ranges; every tenth exact. They are not made to add up to the network's own range."""
    draw = random.Random(286)
    found = []
    for number in range(ACCOUNTS):
        low = draw.randrange(1_000, 30_000)
        found.append((low, low if number % 10 == 0 else low + draw.randrange(1, 20_000)))
    return found


def account_table() -> bytes:
    """The accounts as a table; the last six rows give no number of views."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(("platform", "account id", "account", "weekly views", "seen at"))
    for number, (low, high) in enumerate(account_ranges()):
        views = "" if number >= ACCOUNTS - 6 else f"{low}" if low == high else f"{low} to {high}"
        table.writerow(("tiktok", f"71234567890123{number:05}", f"generated_{number:04}", views, "2024-07-08T09:00:00Z"))
    return out.getvalue().encode()

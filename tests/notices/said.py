"""Events of notices as tests write them: times from texts, one address unless more are wanted."""

from datetime import UTC, datetime, timedelta
from typing import Any

from server.notices.bodies import Decided, Looked, Sent
from server.notices.values import StatedTime
from server.rules.catalogue import shipped

URL = "https://platform.example/post/1735765521595875777"
OTHER = "https://platform.example/post/1735765521595875778"
WINDOW = {"rule_id": "FR-L49", "territory": "FR-MET", "election_id": "FR-2024-AN-R2"}
END = datetime(2024, 7, 7, 18, 0, tzinfo=UTC)
"""20:00 in Paris on the day of the vote."""


def at(text: str, precision_s: float = 0, source: str = "person") -> StatedTime:
    """`07-06 12:00` of 2024, UTC."""
    moment = text if text.startswith("20") else f"2024-{text}"
    return StatedTime.model_validate({"value": f"{moment}+00:00", "precision_s": precision_s, "source": source})


def sent(text: str = "07-06 12:00", *, urls: tuple[str, ...] = (URL,), window: bool = True, precision_s: float = 0) -> Sent:
    values: dict[str, Any] = {
        "at": at(text, precision_s),
        "channel": "form",
        "sent_by": "desk",
        "items": [{"url": u} for u in urls],
    }
    if window:
        found = shipped().silence["FR-L49"].window("FR-MET", shipped().elections["FR-2024-AN-R2"].poll_day)
        values["window"] = {
            "choice": WINDOW, "rule_version": found.rule_version, "start": found.start, "end": found.end,
            "verified": found.verified,
        }  # fmt: skip
    return Sent.model_validate(values)


def looked(text: str, availability: str, *, url: str = URL, country: str = "FR", precision_s: float = 0) -> Looked:
    return Looked.model_validate(
        {
            "at": at(text, precision_s),
            "country": country,
            "seen": [{"url": url, "availability": availability, "shown": {"no_capture": "seen on a phone"}}],
        }
    )


def near_end(seconds: float, availability: str) -> Looked:
    """A look so many seconds from the window's end."""
    return looked((END + timedelta(seconds=seconds)).strftime("%m-%d %H:%M:%S.%f"), availability)


def decided(text: str, *decisions: str, applied: str = "", precision_s: float = 0) -> Decided:
    values: dict[str, Any] = {"at": at(text, precision_s), "mode": "written", "decisions": decisions or ["NO_VIOLATION"]}
    if applied:
        values["applied_at"] = at(applied, precision_s, "statement_of_reasons")
    return Decided.model_validate(values)

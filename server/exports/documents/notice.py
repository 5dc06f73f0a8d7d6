"""The notice under Art. 16 DSA and, apart from it, the report of a breach of a platform's own rules.

Neither calls anything illegal. Source: Regulation (EU) 2022/2065, Art. 16(2): (a) reasons, (b) exact addresses, (c) name and
e-mail, (d) good faith. Codes of content and category: DSA Transparency Database. Not checked: that the e-mail address exists, or
that the law says what is alleged.
"""

import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AwareDatetime, Field

from server.exports.documents.paper import pdf
from server.exports.documents.values import Line, Value, indented
from server.exports.errors import ExportRefused
from server.exports.tables.posted import NEVER_COMPARED
from server.visible import is_blank, visible

EXPLANATION_LIMIT = 2_000
GROUND_LIMIT = 500
ITEMS_LIMIT = 50
SCHEMA = Path(__file__).parent / "notice.schema.json"
BONA_FIDE = "The notifier has a good-faith belief that the information and allegations in this notice are accurate and complete."
TITLES = {
    "dsa_notice": "Notice of allegedly illegal content (Article 16, Regulation (EU) 2022/2065)",
    "policy_report": "Report of content alleged to breach the platform's own rules or commitments",
}
FEEDS = frozenset(
    ["search", "results", "explore", "hashtag", "hashtags", "tag", "tags", "feed", "home", "foryou", "trending", "discover"]
)
EMAIL = re.compile(r"[^@\s<>,;]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+")
ContentType = Literal[
    "CONTENT_TYPE_TEXT", "CONTENT_TYPE_IMAGE", "CONTENT_TYPE_VIDEO", "CONTENT_TYPE_AUDIO", "CONTENT_TYPE_SYNTHETIC_MEDIA",
    "CONTENT_TYPE_APP", "CONTENT_TYPE_PRODUCT", "CONTENT_TYPE_OTHER",
]  # fmt: skip
Keyword = Literal[
    "KEYWORD_MISINFORMATION_DISINFORMATION", "KEYWORD_VIOLATION_EU_LAW", "KEYWORD_VIOLATION_NATIONAL_LAW",
    "KEYWORD_INAUTHENTIC_ACCOUNTS",
    "KEYWORD_IMPERSONATION_ACCOUNT_HIJACKING", "KEYWORD_HIDDEN_ADVERTISEMENT",
]  # fmt: skip
CATEGORY = "STATEMENT_CATEGORY_NEGATIVE_EFFECTS_ON_CIVIC_DISCOURSE_OR_ELECTIONS"


class NoticeDraft(Value):
    """What a person writes. `findings`: numbers of confirmed findings of the case."""

    provider: Annotated[Line, Field(min_length=1)]
    service: Line = ""
    notifier_name: Line = ""
    notifier_email: Line = ""
    notifier_organisation: Line = ""
    findings: Annotated[tuple[int, ...], Field(max_length=1000)] = ()
    content_type: ContentType = "CONTENT_TYPE_OTHER"
    keywords: Annotated[tuple[Keyword, ...], Field(max_length=6)] = ()
    explanation: Annotated[str, Field(max_length=20_000)] = ""
    requested_action: Line = ""
    territorial_scope: Annotated[tuple[Annotated[str, Field(pattern=r"^[A-Z]{2}$")], ...], Field(max_length=30)] = ()
    bona_fide: bool = False


class Ground(Value):
    """A provision alleged to be infringed."""

    id: str
    jurisdiction: str
    instrument: str
    article: str
    title: str

    @property
    def words(self) -> str:
        """`FR: Code électoral, L49 al. 2 (title)`."""
        return f"{self.jurisdiction}: {self.instrument}{', ' if self.article else ''}{self.article} ({self.title})"


class Item(Value):
    """One place that the notice is about. Times are UTC; captures: ids of the evidence.

    posted_at_precision_s: seconds, both ways; no member where the time is exact to a second, or not known. posted_at_compared:
    False where the time is by a formula that was never compared with a published one; else no member.
    captures_withdrawn: those of `captures` that were withdrawn from the case when this was written; no member where none was.
    deposits_withdrawn: how many archives made elsewhere, on which the finding rests too, were; no member where none was.
    """

    finding: str
    finding_id: str
    url: str
    platform: str
    platform_content_id: str
    facts: str
    posted_at: AwareDatetime | None
    captured_at: AwareDatetime | None
    captures: tuple[str, ...]
    posted_at_precision_s: float | None = Field(default=None, exclude_if=lambda one: one is None)
    posted_at_compared: Literal[False] | None = Field(default=None, exclude_if=lambda one: one is None)
    captures_withdrawn: tuple[str, ...] = Field(default=(), exclude_if=lambda one: not one)
    deposits_withdrawn: int = Field(default=0, exclude_if=lambda one: one == 0)


class Notice(Value):
    """The frozen object."""

    format: Literal["holdstill-notice/1"] = "holdstill-notice/1"
    kind: Literal["dsa_notice", "policy_report"]
    title: str
    notice_id: str
    created_at: AwareDatetime
    provider: str
    service: str
    notifier: dict[Literal["name", "email", "organisation"], str]
    items: tuple[Item, ...]
    content_type: ContentType
    category: str
    category_specification: tuple[Keyword, ...]
    grounds: tuple[Ground, ...]
    explanation: str
    requested_action: str
    territorial_scope: tuple[str, ...]
    bona_fide: bool
    bona_fide_text: str


def refusals(notice: Notice) -> list[str]:
    """Everything that keeps it from being sent, as codes with a detail after a colon; empty when nothing does."""
    found = [] if notice.grounds else ["legal_basis" if notice.kind == "dsa_notice" else "policy_basis"]
    found += [f"ground_too_long: {one.id}" for one in notice.grounds if len(one.words) > GROUND_LIMIT]
    if is_blank(notice.notifier["name"]):
        found.append("name")
    if EMAIL.fullmatch(notice.notifier["email"]) is None:
        found.append("email")
    if is_blank(notice.explanation):
        found.append("explanation")
    if len(notice.explanation) > EXPLANATION_LIMIT:
        found.append(f"explanation_too_long: {len(notice.explanation)} of {EXPLANATION_LIMIT} characters")
    if not notice.items:
        found.append("items")
    if len(notice.items) > ITEMS_LIMIT:
        found.append(f"too_many_items: {len(notice.items)} of {ITEMS_LIMIT}")
    found += [f"exact_url: {one.finding}" for one in notice.items if not is_exact(one.url)]
    if not notice.bona_fide:
        found.append("bona_fide")
    return found


def is_exact(url: str) -> bool:
    """Whether an address names one thing: not a start page, a feed or a search. LinkedIn names posts below `feed/update`."""
    try:
        parts = urlsplit(url)
        segments = [one.lower() for one in parts.path.split("/") if one]
        named = parts.scheme in ("http", "https") and bool(parts.hostname) and bool(segments) and not re.search(r"\s", url)
    except ValueError:
        return False
    if not named:
        return False
    said = segments[1:] if segments[0] == "i" else segments
    if said[:2] == ["feed", "update"]:
        return len(said) > 2
    return not said or said[0].removesuffix(".php") not in FEEDS


def notice_files(text: str) -> dict[str, bytes]:
    """The files of the object's canonical text. Blocking. Raises: ExportRefused, which names everything that is missing."""
    notice = Notice.model_validate_json(text)
    missing = refusals(notice)
    if missing:
        raise ExportRefused(reason="; ".join(missing), missing=missing)
    name = "notice" if notice.kind == "dsa_notice" else "policy-report"
    made = {"year": notice.created_at.year, "month": notice.created_at.month, "day": notice.created_at.day}
    data = {"title": notice.title, "date": made, "parts": notice_parts(notice)}
    return {
        f"{name}.pdf": pdf("notice.typ", data, notice.created_at),
        f"{name}.txt": parts_text(notice.title, notice_parts(notice)).encode(),
        f"{name}.json": indented(text),
        "notice.schema.json": SCHEMA.read_bytes(),
    }


def notice_parts(notice: Notice) -> list[dict[str, object]]:
    """Titles and lines, as PDF and text print them."""
    notifier = notice.notifier
    scope = f"Where: {', '.join(notice.territorial_scope)}" if notice.territorial_scope else ""
    says = "Provisions alleged to be infringed" if notice.kind == "dsa_notice" else "Rules and commitments alleged to be breached"
    return [
        {"title": "To", "lines": [" · ".join(one for one in (notice.provider, notice.service) if one)]},
        {"title": "From", "lines": [one for one in (notifier["name"], notifier["organisation"], notifier["email"]) if one]},
        {"title": "Notice", "lines": [notice.notice_id, f"{notice.created_at:%Y-%m-%d %H:%M UTC}"]},
        {"title": "Exact addresses", "lines": [line for one in notice.items for line in item_lines(one)]},
        {"title": says, "lines": [one.words for one in notice.grounds]},
        {"title": "Reasons", "lines": notice.explanation.split("\n")},
        {"title": "Asked for", "lines": [one for one in (notice.requested_action, scope) if one]},
        {"title": "Good faith", "lines": [notice.bona_fide_text]},
    ]


def parts_text(title: str, parts: list[dict[str, object]]) -> str:
    """Title and parts for a form or an e-mail."""
    texts = ["\n".join([str(part["title"]).upper(), *lines_of(part)]) for part in parts]
    return visible("\n\n".join([title, *texts]) + "\n")


def lines_of(part: dict[str, object]) -> list[str]:
    """The lines of a printed part."""
    found = part["lines"]
    return [str(one) for one in found] if isinstance(found, list) else []


def item_lines(one: Item) -> list[str]:
    """Address, ids and times, facts: three lines."""
    posted = f"posted {one.posted_at:%Y-%m-%d %H:%M:%S UTC}" if one.posted_at else "time of posting not known"
    posted += "" if one.posted_at_precision_s is None else f" ± {one.posted_at_precision_s:g} s"
    posted += f" ({NEVER_COMPARED})" if one.posted_at_compared is False else ""
    captured = f"captured {one.captured_at:%Y-%m-%d %H:%M:%S UTC}" if one.captured_at else "no capture"
    gone = (
        f" · {len(one.captures_withdrawn)} of {len(one.captures)} captures withdrawn from the case"
        if one.captures_withdrawn
        else ""
    )
    if one.deposits_withdrawn:
        gone += f" · archives made elsewhere withdrawn from the case: {one.deposits_withdrawn}"
    return [f"{one.finding}  {one.url}", f"{one.platform} {one.platform_content_id} · {posted} · {captured}{gone}", one.facts]

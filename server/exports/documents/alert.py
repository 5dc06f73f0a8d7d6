"""The alert: one page in five blocks. None may be empty, and what is printed is frozen in one object."""

import hashlib
import uuid
from datetime import datetime
from typing import Annotated

import zxingcpp
from pydantic import AwareDatetime, Field

from server.errors import BadInput
from server.exports.documents.paper import html, pdf
from server.exports.documents.values import Line, Lines, Value, canonical
from server.exports.errors import ExportRefused
from server.visible import is_blank

OVERVIEW_LIMIT = 600
TECHNIQUES_LIMIT = 8
BLOCKS = ("overview", "techniques_and_narratives", "impact", "actions", "recommendations")


class AlertDraft(Value):
    """What a person writes. `number`: the alert's own, kept over its versions. `statistics`: numbers of frozen statistics.

    authors: as they are to be printed, the network if empty: no name of a person is ever filled in. `bundle`: id of a finished
    evidence bundle, or export of the case, whose hash is printed.
    """

    number: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9./-]{0,29}$")]
    title: Annotated[Line, Field(min_length=1)]
    network: Annotated[Line, Field(min_length=1)]
    overview: Annotated[str, Field(max_length=OVERVIEW_LIMIT)] = ""
    narratives: Lines = ()
    impact: Lines = ()
    statistics: Annotated[tuple[int, ...], Field(max_length=6)] = ()
    actions: Lines = ()
    recommendations: Lines = ()
    contact: Annotated[Line, Field(min_length=1)]
    authors: Line = ""
    bundle: uuid.UUID | None = None


class TechniqueUsed(Value):
    """A technique, and in how many confirmed findings it is named."""

    framework: str
    version: str
    id: str
    name: str
    findings: int


class Figure(Value):
    """A frozen statistic as printed. A range stays a range. withdrawn: findings it counts whose evidence was withdrawn when the
    alert was made; no member where there were none."""

    statistic: str
    statistic_id: str
    label: str
    unit: str
    n: int | None
    n_low: int
    n_high: int
    as_of: AwareDatetime
    ids_sha256: str
    withdrawn: int = Field(default=0, exclude_if=lambda one: one == 0)

    @property
    def words(self) -> str:
        """`131 instances: label (S-3, as of 2024-12-31)`."""
        n = f"{self.n_low:,}" if self.n_low == self.n_high else f"{self.n_low:,} to {self.n_high:,}"
        gone = f"; evidence of {self.withdrawn} of the findings counted was withdrawn" if self.withdrawn else ""
        return f"{n} {self.unit}: {self.label} ({self.statistic}, as of {self.as_of:%Y-%m-%d}{gone})"


class Evidence(Value):
    """What stands behind it, each unit counted by itself. withdrawn: of the findings, those whose evidence was withdrawn from the
    case in part or whole; no member where there are none."""

    findings: int
    posts: int
    accounts: int
    captures: int
    withdrawn: int = Field(default=0, exclude_if=lambda one: one == 0)


class Facet(Value):
    """What confirmed findings behind it are: SLI label, Member State, platform, language; each empty where nobody said."""

    content_type: str
    member_state: str
    platform: str
    language: str


class Alert(Value):
    """The frozen object: what the PDF, the HTML and the JSON all say. `verify_url`: the page that lists the alert's versions with
    their hashes. `bundle_sha256`: of the file that `said.bundle` names, empty without one.
    """

    format: str = "holdstill-alert/1"
    alert_id: str
    version: int
    at: AwareDatetime
    tlp: str
    case: str
    election: str
    said: AlertDraft
    techniques: tuple[TechniqueUsed, ...]
    figures: tuple[Figure, ...]
    evidence: Evidence
    facets: tuple[Facet, ...]
    verify_url: str
    bundle_sha256: str

    @property
    def empty_blocks(self) -> list[str]:
        """Names of the blocks that say nothing."""
        said = self.said
        full = (
            not is_blank(said.overview),
            bool(self.techniques or _full(said.narratives)),
            bool(self.figures or _full(said.impact)),
            bool(_full(said.actions)),
            bool(_full(said.recommendations)),
        )
        return [name for name, has in zip(BLOCKS, full, strict=True) if not has]


def require_complete(alert: Alert) -> None:
    """Returns for an alert with five full blocks and something behind it. Raises: ExportRefused, which names what is missing."""
    if alert.empty_blocks:
        raise ExportRefused(reason="empty: " + ", ".join(alert.empty_blocks), blocks=alert.empty_blocks)
    if not alert.evidence.findings:
        raise ExportRefused(reason="no finding of the case is confirmed")


def alert_files(text: str) -> dict[str, bytes]:
    """The files of the object's canonical text. Blocking. Raises: ExportRefused (an empty block, more than one page)."""
    alert = Alert.model_validate_json(text)
    require_complete(alert)
    if canonical(alert) != text:
        raise BadInput(field="alert", reason="not the canonical text")
    return {
        "alert.pdf": pdf("alert.typ", paper_data(alert), alert.at),
        "alert.html": html("alert.html", alert=alert, lines=paper_data(alert)),
        "alert.json": text.encode(),
    }


def paper_data(alert: Alert) -> dict[str, object]:
    """The alert in printed words."""
    said, counted = alert.said, alert.evidence
    return {
        "tlp": alert.tlp,
        "title": said.title,
        "head": f"{said.network} · Alert {said.number}, version {alert.version} · {_day(alert.at)}",
        "case": " · ".join(one for one in (alert.case, alert.election, _languages(alert)) if one),
        "date": {"year": alert.at.year, "month": alert.at.month, "day": alert.at.day},
        "blocks": [
            {"title": "1 Overview", "lines": [said.overview], "list": False},
            {"title": "2 Techniques and narratives", "lines": [*_techniques(alert), *_full(said.narratives)], "list": True},
            {"title": "3 Impact", "lines": [*(one.words for one in alert.figures), *_full(said.impact)], "list": True},
            {"title": "4 Actions taken", "lines": _full(said.actions), "list": True},
            {"title": "5 Recommendations", "lines": _full(said.recommendations), "list": True},
        ],
        "foot": [
            f"Behind it: {_counted(counted)}. Authors: {said.authors or said.network}. Contact: {said.contact}.",
            *([f"SHA-256 of the evidence bundle: {alert.bundle_sha256}"] if alert.bundle_sha256 else []),
            f"SHA-256 of this alert's object (alert.json): {hashlib.sha256(canonical(alert).encode()).hexdigest()}",
            f"All versions with their hashes: {alert.verify_url}",
        ],
        "qr": qr_svg(alert.verify_url),
    }


def qr_svg(text: str) -> str:
    """The text as a QR code: an SVG element with a quiet zone, and nothing else. Source: ISO/IEC 18004."""
    drawn = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode).to_svg()
    return drawn[drawn.index("<svg") :]


def _languages(alert: Alert) -> str:
    known = sorted({one.language for one in alert.facets if one.language})
    return f"languages: {', '.join(known)}" if known else ""


def _techniques(alert: Alert) -> list[str]:
    shown = [f"{one.id} {one.name} ({one.framework} {one.version})" for one in alert.techniques[:TECHNIQUES_LIMIT]]
    left = len(alert.techniques) - len(shown)
    return [*shown, f"and {left} more techniques, in the JSON of this alert"] if left > 0 else shown


def _counted(found: Evidence) -> str:
    units = {"confirmed finding": found.findings, "post": found.posts, "account": found.accounts, "capture": found.captures}
    told = ", ".join(f"{count} {unit}{'' if count == 1 else 's'}" for unit, count in units.items())
    return told + (f" (evidence of {found.withdrawn} of the findings was withdrawn from the case)" if found.withdrawn else "")


def _full(lines: tuple[str, ...]) -> list[str]:
    return [line for line in lines if not is_blank(line)]


def _day(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M UTC")

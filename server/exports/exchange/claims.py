"""Appearances of claims for fact-check feeds: JSON-LD fragments for a ClaimReview, and never a review itself.

No rating, no author of a review: these are a fact-checker's to write. Source: schema.org Claim, appearance, archivedAt.
`datePublished` is a time where that is known to a second, else the day, month or year that surely holds it, else absent. The
creator has no type: whether a person or an organisation is behind an account is not known. Not checked: that the
archive's page is there.
"""

from typing import Any

from server.exports.exchange.shown import Shown

CAPTURE = "{capture}"


def claim_graph(findings: list[Shown], archive: str) -> dict[str, Any]:
    """One Claim per finding that names where it appeared. Captures withdrawn from the case are no archives of it.

    `archive`: address of a capture's public page with `{capture}` in it; empty: then no page is claimed.
    """
    found = [_claim(one, archive) for one in findings]
    return {"@context": "https://schema.org", "@graph": [one for one in found if one is not None]}


def _claim(finding: Shown, archive: str) -> dict[str, Any] | None:
    appearance = _appearance(finding, archive)
    if appearance is None:
        return None
    return {
        "@type": "Claim",
        "@id": f"urn:uuid:{finding.text('finding_id')}",
        "identifier": finding.link,
        **_told(finding, {"abstract": "narrative"}),
        "appearance": [appearance],
    }


def _told(finding: Shown, members: dict[str, str]) -> dict[str, str]:
    """Member → column, as member → what the column holds, without empty ones."""
    return {member: finding.text(column) for member, column in members.items() if finding.text(column)}


def _appearance(finding: Shown, archive: str) -> dict[str, Any] | None:
    url = finding.text("url")
    if not url:
        return None
    is_file = bool(finding.text("media_sha256")) and not finding.text("post_id")
    where = {"@type": "ImageObject", "contentUrl": url, "sha256": finding.text("media_sha256")}
    found: dict[str, Any] = where if is_file else {"@type": "SocialMediaPosting", "url": url}
    found |= _told(finding, {"identifier": "post_id"})
    if published := _published(finding):
        found["datePublished"] = published
    found |= _told(finding, {"text": "content_text", "inLanguage": "language"})
    if finding.text("account_id") and finding.is_named:
        found["creator"] = {"identifier": finding.text("account_id")}
    kept = [one for one in finding.texts("captures") if one not in finding.texts("captures_withdrawn")]
    if archive and kept:
        found["archivedAt"] = [archive.replace(CAPTURE, one) for one in kept]
    return found


def _published(finding: Shown) -> str:
    posted = finding.posted
    if posted is None:
        return ""
    return finding.text("posted_at") if posted.is_exact else posted.calendar_text()

"""A finding as a form of texts and back. Exhibits are named by their numbers; lists are lines, their parts parted by |."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from server.errors import BadInput
from server.findings.body import FindingBody, Sighting, parse_body
from server.rules.catalogue import Catalogue
from server.rules.posttimes import time_of_id
from server.web.forms import lines, utc_time

PLAIN = (
    "facts", "assessment", "override_note", "actor", "member_state", "language", "availability", "severity", "confidence",
    "content_text", "narrative", "sponsor", "coordination", "imitates",
)  # fmt: skip
SUBJECT = ("platform", "post_id", "account_id", "ad_id", "channel_id", "url", "media_sha256", "media_phash", "cluster")
LISTED = ("entity_id", "name", "regime", "annex", "listed_from", "listed_to", "match_basis", "vantage_country")
LINES_LIMIT = 5000


@dataclass(frozen=True)
class Numbers:
    """The case's exhibits: number → capture id; and its archives made elsewhere: number → deposit id."""

    captures: Mapping[int, str]
    deposits: Mapping[int, uuid.UUID] = field(default_factory=dict)

    def deposit(self, text: str) -> uuid.UUID:
        """The archive of a number. Raises: BadInput."""
        number = text.strip().upper().removeprefix("D-")
        if not (number.isascii() and number.isdigit() and len(number) <= 7) or int(number) not in self.deposits:
            raise BadInput(field="deposits", reason=f"there is no archive {number[:12]}")
        return self.deposits[int(number)]

    def deposit_number(self, deposit_id: uuid.UUID) -> str:
        """The number of an archive, its id when it is none of the case any more."""
        return next((f"D-{number}" for number, one in self.deposits.items() if one == deposit_id), str(deposit_id))

    def capture(self, field: str, text: str) -> str:
        """The capture of an exhibit's number. Raises: BadInput."""
        number = text.strip().lstrip("#")
        if not (number.isascii() and number.isdigit() and len(number) <= 7) or int(number) not in self.captures:
            raise BadInput(field=field, reason=f"there is no exhibit {number[:12]}")
        return self.captures[int(number)]

    def number(self, capture_id: str | None) -> str:
        """The number of a capture, its id when it is no exhibit, "" for None."""
        found = (str(number) for number, one in self.captures.items() if one == capture_id)
        return next(found, capture_id or "")


def fields_of(body: FindingBody, numbers: Numbers) -> dict[str, str]:
    """The form's texts for a body."""
    fields = {name: str(getattr(body, name)) for name in PLAIN}
    fields |= {name: str(getattr(body.subject, name)) for name in SUBJECT}
    listed = body.listed
    fields |= {f"listed_{name}": "" if listed is None else _shown(getattr(listed, name)) for name in LISTED}
    silence = body.silence
    fields |= {
        "bases": "\n".join(body.bases),
        "captures": ", ".join(numbers.number(one) for one in body.captures),
        "deposits": ", ".join(numbers.deposit_number(one) for one in body.deposits),
        "posted_at": "\n".join(
            " | ".join([one.value.isoformat(), one.source, f"{one.precision_s:g}"]) for one in body.posted_at if not one.note
        ),
        "silence": "" if silence is None else f"{silence.rule_id}/{silence.territory}",
        "election": "" if silence is None else silence.election_id,
        "ttps": "\n".join(f"{tag.framework} {tag.id}" for tag in body.ttps),
        "ai": "\n".join(" | ".join([one.method, one.by, one.verdict, _shown(one.score)]) for one in body.ai),
        "satire": "yes" if body.satire else "",
        "ad_library": numbers.number(body.ad_library_capture),
        "accounts": "\n".join(body.accounts),
        "imitated": numbers.number(body.imitated_capture),
        "redirect_chain": "\n".join(body.redirect_chain),
        "notice_captures": ", ".join(numbers.number(one) for one in body.notice_captures),
        "sightings": "\n".join(
            " | ".join([one.at.isoformat(), one.url, one.by, one.country, _shown_by(one, numbers)]) for one in body.sightings
        ),
    }
    return fields


def body_of(form: Mapping[str, str], numbers: Numbers, catalogue: Catalogue) -> FindingBody:
    """The body of a form's texts. The time that a platform's id holds is added by itself, marked as such by its source.

    Raises: BadInput, naming the field.
    """
    values: dict[str, Any] = {name: form.get(name, "") for name in PLAIN}
    values["subject"] = {name: form.get(name, "").strip() for name in SUBJECT}
    values["subject"]["platform"] = values["subject"]["platform"].lower()
    values["bases"] = lines(form.get("bases", ""))
    values["captures"] = _captures("captures", form, numbers)
    cited = form.get("deposits", "").replace(",", " ").split()[:LINES_LIMIT]
    values["deposits"] = list(dict.fromkeys(numbers.deposit(one) for one in cited))
    values["notice_captures"] = _captures("notice_captures", form, numbers)
    values["posted_at"] = _times(form.get("posted_at", ""), values["subject"])
    values["silence"] = _silence(form)
    values["ttps"] = [_tag(line, catalogue) for line in lines(form.get("ttps", ""))[:LINES_LIMIT]]
    values["ai"] = [_ai(line) for line in lines(form.get("ai", ""))[:LINES_LIMIT]]
    values["satire"] = form.get("satire", "") == "yes"
    values["accounts"] = lines(form.get("accounts", ""))
    values["redirect_chain"] = lines(form.get("redirect_chain", ""))
    for name, typed in (("ad_library_capture", "ad_library"), ("imitated_capture", "imitated")):
        text = form.get(typed, "").strip()
        values[name] = numbers.capture(typed, text) if text else None
    values["sightings"] = [_sighting(line, numbers) for line in lines(form.get("sightings", ""))[:LINES_LIMIT]]
    values["listed"] = _listed(form)
    return parse_body(values)


def _captures(field: str, form: Mapping[str, str], numbers: Numbers) -> list[str]:
    parts = form.get(field, "").replace(",", " ").split()
    return list(dict.fromkeys(numbers.capture(field, part) for part in parts[:LINES_LIMIT]))


def _times(text: str, subject: Mapping[str, str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for line in lines(text):
        value, source, precision = _parts("posted_at", line, (3, 3))
        number = _number("posted_at", precision)
        found.append({"value": utc_time("posted_at", value), "source": source, "precision_s": number, "compared": True})
    derived = time_of_id(subject["platform"], subject["post_id"])
    if derived is not None:
        kept = [one for one in found if one["source"] != "platform_id"]
        note = derived.note or "from the post's id"
        first = {"value": derived.value, "source": derived.source, "precision_s": derived.precision_s, "note": note}
        return [first | {"compared": derived.compared}, *kept]
    return found


def _silence(form: Mapping[str, str]) -> dict[str, str] | None:
    rule, _, territory = form.get("silence", "").partition("/")
    election = form.get("election", "")
    return {"rule_id": rule, "territory": territory, "election_id": election} if rule and election else None


def _tag(line: str, catalogue: Catalogue) -> dict[str, str]:
    words = line.replace("|", " ").split()
    framework, technique_id = (words[0].upper(), words[1]) if len(words) > 1 else ("DISARM", words[0])
    one = catalogue.techniques.find(framework, technique_id.upper())
    if one is None:
        raise BadInput(field="ttps", reason=f"there is no technique {line[:40]}")
    return {"framework": one.framework, "version": one.version, "id": one.id, "name": one.name}


def _ai(line: str) -> dict[str, Any]:
    parts = _parts("ai", line, (3, 4))
    score = parts[3] if len(parts) > 3 else ""
    return {"method": parts[0], "by": parts[1], "verdict": parts[2], "score": _number("ai", score) if score else None}


def _sighting(line: str, numbers: Numbers) -> dict[str, Any]:
    parts = _parts("sightings", line, (3, 5))
    country, exhibit = (*parts[3:], "", "")[:2]
    is_elsewhere = exhibit.strip().upper().startswith("D-")
    return {
        "at": utc_time("sightings", parts[0]),
        "url": parts[1],
        "by": parts[2],
        "country": country,
        **({"deposit_id": numbers.deposit(exhibit)} if is_elsewhere else {}),
        "capture_id": numbers.capture("sightings", exhibit) if exhibit and not is_elsewhere else None,
    }


def _shown_by(one: Sighting, numbers: Numbers) -> str:
    """The number of the exhibit, or `D-3` of the archive made elsewhere, that shows a sighting."""
    return numbers.number(one.capture_id) if one.deposit_id is None else numbers.deposit_number(one.deposit_id)


def _listed(form: Mapping[str, str]) -> dict[str, Any] | None:
    values = {name: form.get(f"listed_{name}", "").strip() for name in LISTED}
    if not values["entity_id"]:
        return None
    return {**values, "listed_to": values["listed_to"] or None}


def _parts(field: str, line: str, count: tuple[int, int]) -> Sequence[str]:
    parts = [part.strip() for part in line.split("|")]
    if not count[0] <= len(parts) <= count[1]:
        raise BadInput(field=field, reason=f"{count[0]} to {count[1]} parts, parted by |: {line[:60]}")
    return parts


def _number(field: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise BadInput(field=field, reason=f"not a number: {text[:20]}") from error


def _shown(value: object) -> str:
    convert: Callable[[object], str] = str
    return "" if value is None else convert(value)

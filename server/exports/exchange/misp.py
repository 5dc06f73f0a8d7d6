"""Confirmed findings as a MISP event: objects of MISP's own templates, techniques as tags of its galaxy.

`to_ids` is false everywhere: an address in a finding is evidence, and no list may block a newspaper because of it. Source: MISP
core format; MISP object templates (uuid and version below); galaxy `disarm-techniques`. An attribute of the type `datetime` has
no precision: a time of posting that is not known to a second stands in the post's comment, between its bounds. Not checked:
whether the receiving instance knows these templates in these versions.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from server.exports.exchange.shown import CaseShown, Shown, changed
from server.exports.exchange.stixids import OWN
from server.exports.tables.findings import utc_text
from server.exports.tables.posted import NEVER_COMPARED
from server.findings.body import Tag

Object = dict[str, Any]
Attribute = tuple[str, str, str]
"""Relation, type and value."""
GALAXY_VERSION = "misp-galaxy v2"
NO_LIST = False
WITHDRAWN = "; it was withdrawn from the case"
EVIDENCE_WITHDRAWN = "Evidence was withdrawn from the case of findings that are confirmed still: "
INHERIT = "5"
OWN_ORGANISATION_ONLY = "0"


@dataclass(frozen=True)
class Template:
    """A template of MISP objects."""

    name: str
    uuid: str
    version: str
    category: str = "misc"


MICROBLOG = Template("microblog", "8ec8c911-ddbe-4f5b-895b-fbff70c42a60", "20")
FACEBOOK_POST = Template("facebook-post", "82c1fd90-85a1-4420-a315-d2a7cfae2f01", "1")
YOUTUBE_VIDEO = Template("youtube-video", "2bd68462-a509-4320-b5c6-760a57fd1a80", "1")
USER_ACCOUNT = Template("user-account", "49606b06-22f0-4ac8-8eee-2f12ad46f3d3", "6")
NARRATIVE = Template("narrative", "83bea299-514a-4719-a84b-f6fd0997fac1", "4")
ANNOTATION = Template("annotation", "5d8dc046-15a1-4ca3-a09f-ed4ede7c4487", "3")
FORENSIC_CASE = Template("forensic-case", "3ea36022-ae93-455e-88b1-d43aca789cac", "1")
FORENSIC_EVIDENCE = Template("forensic-evidence", "fe44c648-63ef-43fc-b3de-af71a2e023e4", "2")


def misp_event(case: CaseShown, findings: list[Shown]) -> Object:
    """`{"Event": …}`. Techniques that the galaxy does not have become tags `disarm:<id>` and are named in a comment."""
    tags = list(dict.fromkeys(tag for finding in findings for tag in finding.techniques))
    unmapped = [f"{tag.framework} {tag.version} {tag.id} {tag.name}" for tag in tags if not in_galaxy(tag)]
    event_uuid = _uuid("event", case.case_id, case.profile)
    last = changed(case, findings)
    event: Object = {
        "uuid": event_uuid,
        "info": f"Confirmed findings of case C-{case.number}{f' of {case.author}' if case.author else ''}",
        "date": max(finding.text("confirmed_at") for finding in findings)[:10],
        "timestamp": _seconds(last),
        "distribution": OWN_ORGANISATION_ONLY,
        "threat_level_id": "4",
        "analysis": "2",
        "published": False,
        "Tag": [{"name": case.marking.lower()}, *({"name": tag_name(tag)} for tag in tags)],
        "Object": [_object(FORENSIC_CASE, (event_uuid, "case", last), [("case-number", "text", f"C-{case.number}")])],
        "Attribute": [],
    }
    for finding in findings:
        event["Object"] += _finding_objects(event_uuid, finding)
    if gone := [one.link for one in findings if one.cells.get("captures_withdrawn") or one.cells.get("deposits_withdrawn")]:
        text = EVIDENCE_WITHDRAWN + ", ".join(gone)
        event["Attribute"].append(_attribute((event_uuid, "withdrawn", last), ("", "comment", text), EVIDENCE_WITHDRAWN))
    if unmapped:
        text = "Techniques that the galaxy does not have: " + "; ".join(unmapped)
        event["Attribute"].append(_attribute((event_uuid, "unmapped", last), ("", "comment", text)))
    return {"Event": event}


def in_galaxy(tag: Tag) -> bool:
    """Whether MISP's galaxy of DISARM techniques has it by this name."""
    return tag.framework == "DISARM" and tag.version == GALAXY_VERSION


def tag_name(tag: Tag) -> str:
    """The galaxy's tag, or one that says framework and id."""
    if in_galaxy(tag):
        return f'misp-galaxy:disarm-techniques="{tag.name}"'
    return f"{tag.framework.lower()}:{tag.id}"


def _finding_objects(event: str, finding: Shown) -> Iterator[Object]:
    at, number = finding.text("confirmed_at"), finding.text("finding")
    scope = (event, finding.text("finding_id"), finding.modified)
    post = _post(finding)
    subject = None
    if post is not None:
        subject = _object(post[0], _under(scope, "post"), post[1], comment=_post_comment(finding))
        yield subject
    account = finding.text("account_id")
    if account and finding.is_named:
        told = [("user-id", "text", account), ("account-type", "text", finding.text("platform"))]
        yield _object(USER_ACCOUNT, _under(scope, "account"), told, comment=finding.link)
    if finding.text("narrative"):
        told = [("narrative-summary", "text", finding.text("narrative"))]
        yield _object(NARRATIVE, _under(scope, "narrative"), told, comment=finding.link)
    for name, words in _words(finding):
        told = [("text", "text", words), ("type", "text", name), ("creation-date", "datetime", at)]
        note = _object(ANNOTATION, _under(scope, name), told, comment=finding.link)
        if subject is not None:
            note["ObjectReference"] = [_reference(note, subject)]
        yield note
    gone = finding.texts("captures_withdrawn")
    for capture in finding.texts("captures"):
        about = f"Capture of {number}; its name is the SHA-256 of its statement"
        told = [
            ("case-number", "text", finding.text("case")),
            ("evidence-number", "text", capture),
            ("type", "text", "Web page"),
            ("additional-comments", "text", about + (WITHDRAWN if capture in gone else "")),
        ]
        yield _object(FORENSIC_EVIDENCE, _under(scope, capture), told, comment=finding.link)


def _words(finding: Shown) -> list[tuple[str, str]]:
    """Facts, assessment and alleged bases, apart."""
    told = {
        "Facts": finding.text("facts"),
        "Assessment": finding.text("assessment"),
        "Alleged basis": "; ".join(finding.texts("alleged_basis")),
    }
    return [(name, text) for name, text in told.items() if text]


def _post(finding: Shown) -> tuple[Template, list[Attribute]] | None:
    """The template for the platform with its attributes; None where nothing of the post may or can be told."""
    url, text = finding.text("url"), finding.text("content_text")
    platform = finding.text("platform").lower()
    if platform == "youtube":
        return (YOUTUBE_VIDEO, [("link", "link", url), ("description", "text", text)]) if url else None
    told = [("link", "link", url), ("post", "text", text), ("language", "text", finding.text("language"))]
    if platform == "facebook":
        told += [("post-id", "text", finding.text("post_id"))]
        return (FACEBOOK_POST, told) if url or text or finding.text("post_id") else None
    exact = finding.text("posted_at") if finding.posted is not None and finding.posted.is_exact else ""
    told += [("creation-date", "datetime", exact), ("type", "text", finding.text("platform"))]
    return (MICROBLOG, told) if url or text else None


def _post_comment(finding: Shown) -> str:
    """Which finding it is of; and when it was posted, where no attribute can say that as vaguely as it is known."""
    posted = finding.posted
    if posted is None or posted.is_exact:
        return finding.link
    low, high = (utc_text(one) for one in posted.bounds)
    how = posted.source if posted.compared else f"{posted.source}, {NEVER_COMPARED}"
    return f"{finding.link}. Posted between {low} and {high} ({how}): no exact time is known"


Scope = tuple[str, str, str]
"""What an id follows from: the event, the thing's name in it, and the time of its last change."""


def _under(scope: Scope, name: str) -> Scope:
    return scope[0], f"{scope[1]} {name}", scope[2]


def _object(template: Template, scope: Scope, told: list[Attribute], *, comment: str = "") -> Object:
    object_uuid = _uuid(template.name, *scope[:2])
    return {
        "name": template.name,
        "template_uuid": template.uuid,
        "template_version": template.version,
        "meta-category": template.category,
        "uuid": object_uuid,
        "timestamp": _seconds(scope[2]),
        "distribution": INHERIT,
        "comment": comment,
        "Attribute": [_attribute((object_uuid, one[0], scope[2]), one) for one in told if one[2]],
        "ObjectReference": [],
    }


def _attribute(scope: Scope, told: Attribute, named_by: str = "") -> Object:
    """Its id follows from its value, or from `named_by`: what is withdrawn later changes the text and not the id."""
    relation, kind, value = told
    made = {
        "uuid": _uuid("attribute", *scope[:2], named_by or value.removesuffix(WITHDRAWN)),
        "type": kind,
        "category": "External analysis" if kind == "link" else "Other",
        "value": value,
        "to_ids": NO_LIST,
        "timestamp": _seconds(scope[2]),
        "distribution": INHERIT,
        "disable_correlation": kind in ("text", "comment", "datetime"),
    }
    return made | ({"object_relation": relation} if relation else {})


def _reference(source: Object, target: Object) -> Object:
    return {
        "uuid": _uuid("reference", source["uuid"], target["uuid"]),
        "object_uuid": source["uuid"],
        "referenced_uuid": target["uuid"],
        "relationship_type": "annotates",
    }


def _seconds(moment: str) -> str:
    return str(int(datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp()))


def _uuid(*names: str) -> str:
    return str(uuid.uuid5(OWN, "\x00".join(("misp", *names))))

"""Confirmed findings as a STIX 2.1 bundle with DISARM techniques.

One `incident` per finding, `attack-pattern` per technique, `observed-data` with the observables, `sighting`, `note` for the
assessment and for the evidence, one `report` of the case. Every id is the same in every export. Source: STIX 2.1 (OASIS);
the kill chain is DISARM's own, never ATT&CK's.
`modified` is the time of the last event that changed what is told: a confirmation, or evidence that was withdrawn; and it tells
profiles and markings apart. Not checked: whether an address or an account is what the finding says.
"""

import re
from typing import Any

from server.captures.intake import host_of
from server.exports.exchange.shown import CaseShown, Shown, changed
from server.exports.exchange.stixcommon import (
    Object,
    author_id,
    common_objects,
    creator_id,
    domain_object,
    later_text,
    version_ms,
)
from server.exports.exchange.stixids import (
    FINDING_EXTENSION,
    MADE_AT,
    TECHNIQUE_EXTENSION,
    TLP_MARKINGS,
    object_id,
    observable_id,
)
from server.findings.body import Tag
from server.rules.catalogue import shipped

CONFIDENCE = {"unlikely": 30, "likely": 70, "very_likely": 85, "almost_certain": 95}
"""Words as numbers, where the scale has them. Source: STIX 2.1, appendix A (DNI scale). `possible` has none there."""
ELSEWHERE = {"facts", "assessment", "confidence", "finding_id", "techniques", "organisation"}
"""Columns that a member of the standard holds."""
OBSERVED = {"url", "media_sha256"}
"""Columns that an observable holds, where there is one."""
_URL = re.compile(r"https?://[!-~]+")
_DOMAIN_CHARS = 253


def stix_bundle(case: CaseShown, findings: list[Shown]) -> Object:
    """The bundle. Objects appear once; a reference never leads out of it (checks.py)."""
    found: dict[str, Object] = {one["id"]: one for one in common_objects(case)}
    for finding in findings:
        found |= {one["id"]: one for one in _finding_objects(case, finding)}
    marked = [one for one in found.values() if one["type"] not in ("marking-definition", "extension-definition")]
    for one in marked:
        one["object_marking_refs"] = [TLP_MARKINGS[case.marking]]
    report = _report(case, findings, [one["id"] for one in marked])
    for one in (*marked, report):
        if "modified" in one:
            one["modified"] = later_text(one["modified"], version_ms(case))
    return {"type": "bundle", "id": object_id("bundle", case.case_id, case.profile), "objects": [*found.values(), report]}


def _report(case: CaseShown, findings: list[Shown], refs: list[str]) -> Object:
    return domain_object(
        "report",
        object_id("report", case.case_id, case.profile),
        (case.created, changed(case, findings)),
        created_by_ref=creator_id(case),
        object_marking_refs=[TLP_MARKINGS[case.marking]],
        name=f"Confirmed findings of case C-{case.number}",
        report_types=["observed-data"],
        published=max(one.text("confirmed_at") for one in findings),
        object_refs=refs,
    )


def _finding_objects(case: CaseShown, finding: Shown) -> list[Object]:
    incident = _incident(case, finding)
    patterns = [_attack_pattern(tag) for tag in finding.techniques]
    uses = [
        domain_object(
            "relationship",
            object_id("relationship", incident["id"], one["id"]),
            (incident["created"], incident["modified"]),
            created_by_ref=creator_id(case),
            relationship_type="uses",
            source_ref=incident["id"],
            target_ref=one["id"],
        )
        for one in patterns
    ]
    return [incident, *patterns, *uses, *_observed(case, finding, incident), *_notes(case, finding, incident)]


def _incident(case: CaseShown, finding: Shown) -> Object:
    held = {one["hashes"]["SHA-256"] if one["type"] == "file" else one.get("value") for one in _seen(finding)}
    elsewhere = ELSEWHERE | {name for name in OBSERVED if finding.text(name) in held}
    rest = {name: value for name, value in finding.cells.items() if name not in elsewhere}
    return domain_object(
        "incident",
        object_id("incident", finding.text("finding_id")),
        (finding.created, finding.modified),
        created_by_ref=creator_id(case),
        name=f"{finding.link} {finding.text('type')}",
        description=finding.text("facts"),
        confidence=CONFIDENCE.get(finding.text("confidence")),
        labels=[finding.text("type")],
        external_references=[{"source_name": "Holdstill", "external_id": finding.text("finding_id")}],
        extensions={FINDING_EXTENSION: {"extension_type": "property-extension", **rest}},
    )


def _attack_pattern(tag: Tag) -> Object:
    known = shipped().techniques.find(tag.framework, tag.id)
    tactics = known.tactics if known is not None else ()
    return domain_object(
        "attack-pattern",
        object_id("attack-pattern", tag.framework, tag.version, tag.id),
        (MADE_AT, MADE_AT),
        name=tag.name,
        external_references=[{"source_name": tag.framework, "external_id": tag.id, "description": tag.version}],
        kill_chain_phases=[
            {"kill_chain_name": tag.framework.lower(), "phase_name": re.sub(r"[^a-z0-9]+", "-", one.lower())} for one in tactics
        ],
        extensions={
            TECHNIQUE_EXTENSION: {"extension_type": "property-extension", "framework": tag.framework, "version": tag.version}
        },
    )


def _observed(case: CaseShown, finding: Shown, incident: Object) -> list[Object]:
    """What was seen and when; nothing where no time is known or nothing can be named.

    The sighting counts how often the incident was sighted; of each address no more is known than that it was seen.
    """
    seen, times = _seen(finding), finding.times
    if not seen:
        return []
    stamps, creator = (incident["created"], incident["modified"]), creator_id(case)
    count = max(1, len(finding.sightings))
    data = domain_object(
        "observed-data",
        object_id("observed-data", incident["id"]),
        stamps,
        created_by_ref=creator,
        first_observed=times[0],
        last_observed=times[-1],
        number_observed=1,
        object_refs=[one["id"] for one in seen],
    )
    sighting = domain_object(
        "sighting",
        object_id("sighting", incident["id"]),
        stamps,
        created_by_ref=creator,
        sighting_of_ref=incident["id"],
        observed_data_refs=[data["id"]],
        where_sighted_refs=[author_id(case)],
        first_seen=times[0],
        last_seen=times[-1],
        count=count,
    )
    return [*seen, data, sighting]


def _seen(finding: Shown) -> list[Object]:
    """The observables that stand in the bundle: none of a finding of which no time is known."""
    return observables(finding) if finding.times else []


def observables(finding: Shown) -> list[Object]:
    """Addresses, the account, a site of its own, the file: each once. Left out: an address that is none of http with a host."""
    addresses = [finding.text("url"), *finding.texts("redirect_chain"), *(str(one.get("url", "")) for one in finding.sightings)]
    found = [_observable("url", {"value": one}) for one in addresses if _URL.fullmatch(one) and host_of(one)]
    account, platform = finding.text("account_id"), finding.text("platform")
    if account and finding.is_named:
        told = {"user_id": account, **({"account_type": platform.lower()} if platform else {})}
        found.append(_observable("user-account", told))
    host = host_of(finding.text("url"))
    if not platform and _URL.fullmatch(finding.text("url")) and "." in host and len(host) <= _DOMAIN_CHARS:
        found.append(_observable("domain-name", {"value": host}))
    if finding.text("media_sha256"):
        found.append(_observable("file", {"hashes": {"SHA-256": finding.text("media_sha256")}}))
    return list({one["id"]: one for one in found}.values())


def _observable(kind: str, members: dict[str, Any]) -> Object:
    return {"type": kind, "spec_version": "2.1", "id": observable_id(kind, members), **members}


def _notes(case: CaseShown, finding: Shown, incident: Object) -> list[Object]:
    """The assessment, apart from the facts; and what the evidence is."""
    gone = finding.texts("captures_withdrawn")
    captures = [f"{one} (withdrawn from the case)" if one in gone else one for one in finding.texts("captures")]
    told = {
        "assessment": finding.text("assessment"),
        "evidence": "Captures, by the SHA-256 of their statement: " + ", ".join(captures) if captures else "",
    }
    return [
        domain_object(
            "note",
            object_id("note", incident["id"], name),
            (incident["created"], incident["modified"]),
            created_by_ref=creator_id(case),
            abstract=name.capitalize(),
            content=text,
            authors=[case.author] if case.author else None,
            object_refs=[incident["id"]],
        )
        for name, text in told.items()
        if text
    ]

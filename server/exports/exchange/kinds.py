"""STIX, MISP and ClaimReview as kinds of exports: one JSON file each, made of the confirmed findings of a moment."""

import asyncio
import json
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from server.errors import BadInput
from server.exports.confirmed import case_facts, confirmed_findings, said_between
from server.exports.errors import ExportRefused
from server.exports.exchange.checks import stix_problems
from server.exports.exchange.claims import CAPTURE, claim_graph
from server.exports.exchange.misp import misp_event
from server.exports.exchange.shown import CaseShown, Shown, all_shown
from server.exports.exchange.stix import stix_bundle
from server.exports.kind import Asked, ExportKind, Making, Plain, PreviewPart
from server.exports.parts import ExportParts
from server.exports.profiles import Profile
from server.exports.tables.findings import utc_text

PREVIEW_LINES = 40
PARTNERS = frozenset({Profile.INTERNAL, Profile.AUTHORITY, Profile.PUBLIC})
ARCHIVE_LIMIT = 500
Order = Mapping[str, str]
Build = Callable[[CaseShown, list[Shown], Order], dict[str, Any]]


def _exchange(
    name: str, profiles: frozenset[Profile], formats: tuple[str, ...], build: Build, options: tuple[str, ...] = ()
) -> ExportKind:
    """A kind whose file is the JSON that `build` gives. A second run of the same order gives the same bytes."""

    async def freeze(asked: Asked) -> str:
        order = _order(asked)
        await _built(asked.parts, order, build)
        return json.dumps(order, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    async def preview(asked: Asked) -> tuple[PreviewPart, ...]:
        text, count = await _built(asked.parts, _order(asked), build)
        lines = text.splitlines()
        more = [f"… {len(lines) - PREVIEW_LINES} more lines"] if len(lines) > PREVIEW_LINES else []
        return (PreviewPart(f"{count} findings", lines=(*lines[:PREVIEW_LINES], *more)),)

    async def write(making: Making) -> Mapping[str, int]:
        text, count = await _built(making.parts, json.loads(making.row.content), build)
        await asyncio.to_thread(making.path.write_text, text, "utf-8")
        await making.progress(count)
        return {"findings": count}

    return ExportKind(name, profiles, formats, Plain(freeze, preview, options), write, lambda _content: ".json")


def _order(asked: Asked) -> dict[str, str]:
    """What the file follows from. Raises: BadInput; ExportRefused (an embargo that is not over)."""
    now = asked.parts.clock.now().astimezone(UTC)
    order = {"as_of": now.isoformat(), "case": str(asked.case.id), "profile": asked.profile.value, "marking": asked.case.tlp}
    if "archive" in asked.options:
        order["archive"] = _archive(asked.options["archive"])
        embargo = _embargo(asked.options["embargo"])
        if embargo is not None and embargo > now:
            raise ExportRefused(reason="embargo", missing=[f"embargo: {embargo.isoformat()}"])
    return order


async def _built(parts: ExportParts, order: Order, build: Build) -> tuple[str, int]:
    """The file's text, and how many findings are in it. Raises: ExportRefused."""
    profile, as_of = Profile(order["profile"]), datetime.fromisoformat(order["as_of"])
    case_id = uuid.UUID(order["case"])
    findings = await all_shown(confirmed_findings(parts.database, case_id, as_of, profile), profile)
    async with parts.database.session() as session:
        facts = await case_facts(session, case_id)
        said = [utc_text(one) or "" for one in await said_between(session, case_id, as_of)]
    case = CaseShown(str(facts.case_id), facts.number, facts.organisation, order["marking"], profile, *said)
    made = await asyncio.to_thread(build, case, findings, order)
    return json.dumps(made, ensure_ascii=False, indent=1) + "\n", len(findings)


def _archive(text: str) -> str:
    """An https address with one `{capture}` in its path, or empty. Raises: BadInput. It is printed, never fetched."""
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        named = parts.scheme == "https" and bool(parts.hostname) and parts.path.count(CAPTURE) == 1
    except ValueError:
        named = False
    if len(text) > ARCHIVE_LIMIT or not named or not text.isprintable():
        raise BadInput(field="archive", reason=f"an https address with {CAPTURE} where the capture's id goes")
    return text


def _embargo(text: str) -> datetime | None:
    """A moment with a zone, or none. Raises: BadInput."""
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        raise BadInput(field="embargo", reason="a time such as 2024-07-07T18:00+02:00") from None
    if moment is not None and moment.tzinfo is None:
        raise BadInput(field="embargo", reason="a time needs a zone, such as 2024-07-07T18:00+02:00")
    return moment


def _stix(case: CaseShown, findings: list[Shown], _order: Order) -> dict[str, Any]:
    bundle = stix_bundle(case, findings)
    if problems := stix_problems(bundle):
        raise ExportRefused(reason=f"the bundle does not hold together: {problems[0]}")
    return bundle


def _misp(case: CaseShown, findings: list[Shown], _order: Order) -> dict[str, Any]:
    return misp_event(case, findings)


def _claims(_case: CaseShown, findings: list[Shown], order: Order) -> dict[str, Any]:
    graph = claim_graph(findings, order["archive"])
    if not graph["@graph"]:
        raise ExportRefused(reason="no_appearance", missing=["no_appearance"])
    return graph


STIX = _exchange("stix", PARTNERS, ("STIX 2.1",), _stix)
MISP = _exchange("misp", PARTNERS, ("MISP JSON",), _misp)
CLAIMS = _exchange("claims", frozenset({Profile.PUBLIC}), ("JSON-LD",), _claims, ("archive", "embargo"))

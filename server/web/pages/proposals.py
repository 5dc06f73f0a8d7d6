"""What the forms of documents propose: findings and exhibits of the case, frozen numbers and finished files of the organisation.

A tick beside a field counts like what is typed into it; whatever is not among what is proposed may still be typed.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request

from server.composition import Services
from server.errors import BadInput, NotFound, ServiceError
from server.exports.rows import FinishedFile
from server.findings.body import Subject
from server.findings.models import FindingState
from server.operators.actors import OperatorActor
from server.operators.roles import Right
from server.web.pages.render import human_time
from server.web.texts import Texts

PROPOSED = 50
FIELDS_LIMIT = 200
TICKED = {"findings": "F", "statistics": "S"}
"""Fields of numbers, and the letter that numbers are written with."""
FIELD_OF = {
    "confirmed finding": "findings", "statistic": "statistics", "finished bundle": "bundle", "capture": "policy_capture",
    "export": "export",
}  # fmt: skip
"""In which field a thing is named, by the kind that is said not to be there."""


@dataclass(frozen=True)
class Proposal:
    """One thing to tick or to choose. `state`: of a finding, in a word of the catalogue; `is_open`: False where it cannot be
    named, and the state says why."""

    value: str
    label: str
    detail: str = ""
    state: str = ""
    note: str = ""
    is_open: bool = True


@dataclass(frozen=True)
class Offer:
    """The newest things that a field may name, at most PROPOSED. `is_cut`: there are more. `name`: what they are, by which the
    catalogue has the words."""

    rows: tuple[Proposal, ...]
    is_cut: bool
    name: str


async def typed_form(request: Request) -> dict[str, str]:
    """What was sent, several ticks of a field in one text."""
    sent = await request.form(max_files=0, max_fields=FIELDS_LIMIT)
    texts = [(name, value) for name, value in sent.multi_items() if isinstance(value, str)]
    fields = dict(texts)
    for name in TICKED:
        fields[f"{name}_ticked"] = " ".join(value for key, value in texts if key == f"{name}_ticked")
    return fields


def numbers_of(field: str, fields: Mapping[str, str]) -> list[int]:
    """The numbers typed and ticked, each once. Raises: BadInput, naming what is none."""
    letter = TICKED[field]
    found: dict[int, None] = {}
    for part in f"{fields.get(field, '')} {fields.get(f'{field}_ticked', '')}".replace(",", " ").split():
        number = part.upper().removeprefix(letter).removeprefix("-")
        if not (number.isascii() and number.isdigit() and len(number) < 10):
            raise BadInput(field=field, reason=f"{part[:40]!r} is no number: write {letter}-1, {letter}-3")
        found[int(number)] = None
    return list(found)


def chosen_of(field: str, fields: Mapping[str, str]) -> str:
    """The id typed, or the one chosen beside it. Raises: BadInput (two that differ)."""
    typed, chosen = fields.get(field, "").strip(), fields.get(f"{field}_chosen", "").strip()
    if typed and chosen and typed.lower() != chosen.lower():
        raise BadInput(field=field, reason=f"{typed[:64]!r} is typed and another one is chosen: leave one of them empty")
    return typed or chosen


async def proposed(
    services: Services, actor: OperatorActor, case_id: uuid.UUID, fields: Collection[str], texts: Texts
) -> dict[str, Offer]:
    """For each of the fields that is one of a number or an id, what it may name. Raises: Forbidden; NotFound."""
    found: dict[str, Offer] = {}
    if "findings" in fields:
        found["findings"] = _offer("findings", await _findings(services, actor, case_id, texts))
    if "statistics" in fields:
        numbers = await services.findings.statistics.list(actor, limit=PROPOSED + 1)
        rows = [Proposal(f"S-{one.number}", one.label, human_time(one.as_of)) for one in numbers]
        found["statistics"] = _offer("statistics", rows)
    if "bundle" in fields:
        found["bundle"] = await _files(services, actor, case_id, texts)
    if "export" in fields:
        found["export"] = _offer("case_export", _proposals(await _exports(services, actor, case_id, texts)))
    if "policy_capture" in fields:
        shown = await services.cases.exhibits.fitting(actor, case_id, "", limit=PROPOSED + 1)
        rows = [Proposal(one.exhibit.capture_id, f"{one.exhibit.number} · {one.title or one.url}", one.host) for one in shown]
        found["policy_capture"] = _offer("policy_capture", rows)
    return found


def said_of(error: ServiceError, prefix: str, proposals: Mapping[str, Offer], texts: Texts) -> Mapping[str, object]:
    """What a form shows of its refusal: the field that is wrong by the name it has there, and what was named in vain."""
    data = dict(error.data)
    field = FIELD_OF.get(str(data.get("kind", "")), "") if isinstance(error, NotFound) else ""
    if field:
        name = str(data.get("id", ""))[:80]
        rows = proposals[field].rows if field in proposals else ()
        drafted = next((one.state for one in rows if one.value == name and not one.is_open), "")
        key = "not_confirmed" if drafted else f"no_such.{field}"
        reason = texts.get(f"proposals.{key}", name=name, state=texts.get(f"finding_state.{drafted}"))
        data = {"field": field, "reason": reason}
    if "field" in data:
        key = f"{prefix}.field.{data['field']}"
        known = texts.get(key)
        data["field"] = data["field"] if known == key else known
    return data


def _offer(name: str, rows: Sequence[Proposal]) -> Offer:
    """Of rows that were asked for with one more than PROPOSED."""
    return Offer(tuple(rows[:PROPOSED]), len(rows) > PROPOSED, name)


async def _findings(services: Services, actor: OperatorActor, case_id: uuid.UUID, texts: Texts) -> list[Proposal]:
    listed = await services.findings.lists.page(actor, case_id, PROPOSED + 1)
    about = await services.findings.lists.subjects(actor, [one.finding.id for one in listed])
    found = []
    for one in listed:
        subject = about.get(one.finding.id, Subject())
        is_newest = one.confirmed is None or one.finding.state == FindingState.CONFIRMED
        note = "" if is_newest else texts.get("finding.confirmed_before", n=one.confirmed)
        detail = " · ".join(part for part in (subject.platform, subject.url) if part)
        label = texts.get(f"finding_type.{one.finding.type}")
        found.append(Proposal(f"F-{one.finding.number}", label, detail, one.finding.state, note, one.confirmed is not None))
    return found


async def _files(services: Services, actor: OperatorActor, case_id: uuid.UUID, texts: Texts) -> Offer:
    """Finished exports of the case; the organisation's bundles too for whoever may see the list of them, as /exports has it."""
    made = await _exports(services, actor, case_id, texts)
    sees_bundles = Right.DRAFT_AUTHORITY in actor.rights
    if sees_bundles:
        bundles = await services.exports.finished(actor, limit=PROPOSED + 1)
        made += [(one, texts.get("handover.kind.bundle")) for one in bundles]
    made.sort(key=lambda one: (one[0].requested_at, str(one[0].export_id)), reverse=True)
    return _offer("bundle" if sees_bundles else "case_export", _proposals(made))


async def _exports(services: Services, actor: OperatorActor, case_id: uuid.UUID, texts: Texts) -> list[tuple[FinishedFile, str]]:
    """Finished exports of the case, each with its kind in words. Raises: Forbidden; NotFound."""
    exports = await services.case_exports.finished(actor, case_id, limit=PROPOSED + 1)
    return [(one, texts.get(f"case_export.kind.{one.kind}")) for one in exports]


def _proposals(made: Sequence[tuple[FinishedFile, str]]) -> list[Proposal]:
    return [Proposal(str(one.export_id), f"{label} · {one.recipient}", human_time(one.requested_at)) for one, label in made]

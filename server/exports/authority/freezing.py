"""Reading a case for its bundle: what the order freezes, what the form shows, and what cannot be handed over."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC

from pydantic import ValidationError
from sqlalchemy import ColumnElement, func
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from server.captures.brackets import time_bracket
from server.captures.detail import parsed_statement
from server.captures.models import Capture, Check
from server.captures.scope import owned_by
from server.captures.sharing import Exhibit
from server.cases.models import CaseNote
from server.exports.authority.encryption import parse_recipients
from server.exports.authority.order import AuthorityOrder, FrozenCopy, FrozenExhibit, Missing, parse_preservation
from server.exports.authority.words import missing_words
from server.exports.documents.values import bad_input, canonical
from server.exports.errors import ExportRefused
from server.exports.kind import Asked, PreviewPart
from server.exports.pictures import pictures_of
from server.exports.profiles import Profile
from server.findings.models import Finding, FindingReview, FindingState
from server.operators.models import Device, Operator, Organisation
from server.rules.catalogue import shipped

EXHIBITS_LIMIT = 2_000
"""A bundle's zip has at most 100,000 entries, and an exhibit brings some 25: statement, files, events and their proofs."""
PREVIEW_ROWS = 10
_SAME = col(Capture.capture_id) == col(Exhibit.capture_id)


async def freeze_case(asked: Asked) -> str:
    """The order as canonical text. Raises: ExportRefused (`missing`: exhibits, too_many_exhibits); BadInput (an option)."""
    said = asked.options
    encrypted_to = parse_recipients(said["recipient_key"])
    preservation = parse_preservation(said["preserve_from"], said["preserve_to"])
    await _require_exhibits(asked)
    live = await _exhibits(asked, EXHIBITS_LIMIT)
    organisation = await asked.session.get_one(Organisation, asked.case.organisation_id)
    election = shipped().elections.get(asked.case.election_id or "")
    try:
        order = AuthorityOrder(
            as_of=asked.parts.clock.now().astimezone(UTC),
            case=str(asked.case.id),
            number=asked.case.number,
            title=asked.case.title,
            election="" if election is None else election.title,
            organisation=organisation.name,
            reference=said["reference"],
            preservation=preservation,
            encrypted_to=encrypted_to,
            exhibits=tuple([await _frozen(asked, exhibit, capture) for exhibit, capture in live]),
            missing=tuple(await _missing(asked)),
        )
    except ValidationError as error:
        raise bad_input(error) from error
    return canonical(order)


async def preview_case(asked: Asked) -> tuple[PreviewPart, ...]:
    """The first exhibits, how many findings, and what will be missing. Raises: ExportRefused, as freeze_case()."""
    count = await _require_exhibits(asked)
    rows = tuple(
        (
            f"E-{exhibit.number}",
            capture.title or capture.url,
            f"{capture.captured_at:%Y-%m-%d %H:%M UTC}",
            f"{capture.statement_sha256[:16]}…",
        )
        for exhibit, capture in await _exhibits(asked, PREVIEW_ROWS)
    )
    counted = f"Exhibits with all their files and proofs: {count}. Confirmed findings: {await _confirmed(asked)}."
    missing = [f"{one.what} · {missing_words(one)}" for one in await _missing(asked)]
    return (
        PreviewPart("In the bundle", lines=(counted,)),
        PreviewPart("Exhibits", columns=("exhibit", "what", "captured", "SHA-256 of the statement"), rows=rows),
        PreviewPart("Not in the bundle", lines=tuple(missing)),
    )


async def _require_exhibits(asked: Asked) -> int:
    """How many exhibits the bundle would have. Raises: ExportRefused for none and for too many."""
    wanted = select(func.count()).select_from(Exhibit).join(Capture, _SAME)
    count = (await asked.session.exec(wanted.where(*_live(asked)))).one()
    if not count:
        raise ExportRefused(reason="the case has no exhibit that could be handed over", missing=["exhibits"])
    if count > EXHIBITS_LIMIT:
        found = f"{count} of {EXHIBITS_LIMIT}"
        raise ExportRefused(reason=f"too many exhibits for one bundle: {found}", missing=[f"too_many_exhibits: {found}"])
    return count


async def _exhibits(asked: Asked, limit: int) -> Sequence[tuple[Exhibit, Capture]]:
    """The first live exhibits whose captures are the organisation's own, by number."""
    wanted = select(Exhibit, Capture).join(Capture, _SAME).where(*_live(asked))
    return (await asked.session.exec(wanted.order_by(col(Exhibit.number)).limit(limit))).all()


def _live(asked: Asked) -> tuple[ColumnElement[bool], ...]:
    """The conditions on an exhibit and its capture: not withdrawn, and not another organisation's."""
    return (col(Exhibit.case_id) == asked.case.id, col(Exhibit.withdrawn_at).is_(None), owned_by(asked.actor))


async def _frozen(asked: Asked, exhibit: Exhibit, capture: Capture) -> FrozenExhibit:
    statement = parsed_statement(capture)[1]
    has_tsa = bool(asked.parts.settings.tsas)
    bracket = await time_bracket(asked.parts.log, statement, capture.committed_leaf, has_tsa=has_tsa)
    person = select(Operator.roles).join(Device, col(Device.operator_id) == col(Operator.id))
    roles = (await asked.session.exec(person.where(Device.id == capture.device_id))).first() or []
    run = (await asked.session.exec(select(func.max(Check.run)).where(Check.capture_id == capture.capture_id))).one()
    return FrozenExhibit(
        number=exhibit.number,
        capture_id=capture.capture_id,
        admitted_at=exhibit.admitted_at,
        collector_roles=tuple(sorted(roles)),
        checks_run=run or 0,
        not_before=None if bracket.not_before is None else bracket.not_before.at,
        not_before_reason=bracket.not_before_reason,
        not_after=None if bracket.not_after is None else bracket.not_after.at,
        not_after_reason=bracket.not_after_reason,
        masked=tuple(
            FrozenCopy(name=one.name, sha256=one.sha256, size_bytes=one.size_bytes, of=one.masked_of)
            for one in (await pictures_of(asked.session, capture.capture_id, Profile.AUTHORITY)).given
            if one.masked_of is not None
        ),
    )


async def _missing(asked: Asked) -> list[Missing]:
    """What was left out of the case, as far as the case's rows tell it; server/exports/authority/gaps.py finds the rest."""
    left = (await asked.session.exec(_left_out(asked).order_by(col(Exhibit.number)))).all()
    found = []
    for exhibit in left:
        detail = f"capture {exhibit.capture_id}"
        if exhibit.withdrawn_at is not None:
            detail = f"{detail}, withdrawn {exhibit.withdrawn_at:%Y-%m-%d %H:%M UTC}"
        code = "exhibit_withdrawn" if exhibit.withdrawn_at is not None else "exhibit_of_others"
        found.append(Missing(code=code, what=f"E-{exhibit.number}", detail=detail))
    states = await _states(asked)
    found += [
        Missing(code=f"findings_{state}", what=f"findings: {states[state]}")
        for state in (FindingState.DRAFT, FindingState.REVIEWED, FindingState.REJECTED)
        if states[state]
    ]
    if not await _confirmed(asked):
        found.append(Missing(code="findings_none", what="findings: 0"))
    counted = select(func.count()).select_from(CaseNote).where(CaseNote.case_id == asked.case.id)
    notes = (await asked.session.exec(counted)).one()
    return [
        *found,
        *([Missing(code="notes", what=f"notes: {notes}")] if notes else []),
        Missing(code="case_events", what=f"C-{asked.case.number}"),
    ]


def _left_out(asked: Asked) -> SelectOfScalar[Exhibit]:
    mine = select(Capture.capture_id).where(owned_by(asked.actor))
    gone = col(Exhibit.withdrawn_at).is_not(None) | col(Exhibit.capture_id).not_in(mine)
    return select(Exhibit).where(Exhibit.case_id == asked.case.id, gone)


async def _states(asked: Asked) -> Counter[str]:
    counted = select(Finding.state, func.count()).where(Finding.case_id == asked.case.id).group_by(col(Finding.state))
    return Counter(dict((await asked.session.exec(counted)).all()))


async def _confirmed(asked: Asked) -> int:
    """How many findings have a confirmation as their last word, whatever was drafted since."""
    words = (FindingState.CONFIRMED, FindingState.REJECTED)
    last = (
        select(func.max(FindingReview.id))
        .join(Finding, col(Finding.id) == col(FindingReview.finding_id))
        .where(Finding.case_id == asked.case.id, col(FindingReview.verdict).in_(words))
        .group_by(col(FindingReview.finding_id))
    )
    wanted = select(func.count()).select_from(FindingReview)
    said = wanted.where(col(FindingReview.id).in_(last), FindingReview.verdict == FindingState.CONFIRMED)
    return (await asked.session.exec(said)).one()

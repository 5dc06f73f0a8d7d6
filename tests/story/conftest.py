"""One database for the whole story: made once, in the order in which it happened."""

import uuid
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from server.findings.body import canonical
from server.findings.evidence import Known, LookFact, gaps
from server.findings.models import Finding, FindingReview, FindingState, FindingVersion, LabelLook
from server.rules.catalogue import shipped
from tests.postgres import TestPostgres
from tests.services.casework import Casework
from tests.services.stage import HeldClock
from tests.story import field
from tests.web.site import Site, open_site, settings_of

FIRST = 1_000
"""The first number of generated findings: those that the service made itself come before."""


@dataclass
class Story:
    """The site, the case of the story, and the database's address for counting by other means."""

    site: Site
    work: Casework
    database_url: str


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def story(postgres: TestPostgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Story]:
    """131 instances and 611 advertisements, confirmed; what tests add, they add to it."""
    with postgres.clone() as url:
        async with open_site(settings_of(tmp_path_factory.mktemp("story"), url), clock=HeldClock()) as site:
            work = await Casework.begin(site)
            await keep(work, [*field.instances(work.capture_id), *field.ads(work.capture_id)])
            yield Story(site, work, url)


async def keep(work: Casework, told: Iterable[field.Told]) -> None:
    """Rows as the service writes them for confirmed findings, without the chain of custody: 750 reviews would take minutes.

    Each is held to the checks that a confirmation is held to.
    """
    now, me, other = work.site.services.clock.now(), work.author.operator_id, work.reviewer.operator_id
    types = shipped().types
    rows: list[Any] = []
    for number, one in enumerate(told, FIRST):
        looks = [LookFact(layer, state, field.POSTED + timedelta(minutes=minute)) for layer, minute, state in one.looks]
        missing = gaps(one.type, one.body, Known({work.capture_id: now}, looks, catalogue=shipped()))
        assert missing == (), (number, missing)
        finding = Finding(
            id=uuid.uuid5(work.case.id, f"{number}"), case_id=work.case.id, number=number, type=one.type,
            state=FindingState.CONFIRMED, created_by=me, created_at=now,
        )  # fmt: skip
        text, sha256 = canonical(one.body)
        version = FindingVersion(
            finding_id=finding.id, version=1, body=text, body_sha256=sha256, reason="first version", author_id=me, facts_by=me,
            assessment_by=me, basis_by=me, created_at=now,
        )  # fmt: skip
        kind = types[one.type]
        pins = {"captures": [work.capture_id], "type": {"code": kind.code, "version": kind.version, "sli_label": kind.sli_label}}
        review = FindingReview(
            finding_id=finding.id, version=1, verdict=FindingState.CONFIRMED, note="", reviewer_id=other, at=now, pins=pins
        )
        rows += [finding, version, review, *(_look(finding, work, fact) for fact in looks)]
    async with work.site.services.database.transaction() as session:
        session.add_all([one for one in rows if isinstance(one, Finding)])
        await session.flush()
        session.add_all([one for one in rows if not isinstance(one, Finding)])


def _look(finding: Finding, work: Casework, fact: LookFact) -> LabelLook:
    now = work.site.services.clock.now()
    return LabelLook(
        finding_id=finding.id, layer=fact.layer, kind="platform_label", state=fact.state, place="header", text="",
        capture_id=work.capture_id, seen_at=fact.at, author_id=work.author.operator_id, recorded_at=now,
    )  # fmt: skip

"""A case with an exhibit and a silence finding that lacks nothing: what the tests of findings and statistics begin with."""

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from server.cases.models import CaseFile
from server.cases.service import CaseOrder
from server.findings.body import FindingBody, parse_body
from server.findings.models import Finding
from server.findings.ranges import RangeQuestion, tally_readings
from server.findings.statistics import Answer, Question, count, own_cases
from server.findings.tallies import Tally
from tests.web.site import Site

IN_WINDOW = datetime(2024, 7, 6, 10, 0, tzinfo=UTC)
SILENCE = {"rule_id": "FR-L49", "territory": "FR-MET", "election_id": "FR-2024-AN-R2"}


def body_of(capture_id: str, **changes: Any) -> FindingBody:
    """A complete silence finding; `changes` replace members."""
    values: dict[str, Any] = {
        "facts": "The account posted a call to vote for a list.",
        "assessment": "Electoral propaganda on the eve of the vote.",
        "bases": ["fr/code-electoral/L49"],
        "subject": {"platform": "facebook", "post_id": "1735765521595875777", "account_id": "17", "url": "https://x.example/a/1"},
        "member_state": "FR",
        "captures": [capture_id],
        "posted_at": [{"value": IN_WINDOW.isoformat(), "source": "embedded_json", "precision_s": 1}],
        "silence": SILENCE,
        "content_text": "Votez pour nous",
    }
    return parse_body(values | changes)


@dataclass
class Casework:
    """A site with a case, an exhibit, its author and a second person."""

    site: Site
    author: Any
    reviewer: Any
    case: CaseFile
    capture_id: str

    @classmethod
    async def begin(cls, site: Site) -> "Casework":
        author = await site.services.operators.ensure_default_operator()
        reviewer = await site.colleague(author.organisation_id, "investigator", name="Reviewer")
        case = await site.services.cases.open(author, CaseOrder("Silence period", election_id="FR-2024-AN-R2"))
        capture_id = await (await site.pair()).capture()
        await site.services.cases.exhibits.add(author, case.id, capture_id)
        return cls(site, author, reviewer, case, capture_id)

    def body(self, **changes: Any) -> FindingBody:
        return body_of(self.capture_id, **changes)

    async def counted(self, unit: str, question: Question, by: Any = None) -> Answer:
        """What would be counted now over the cases of `by` (the author), nothing kept."""
        async with self.site.services.database.session() as session:
            return await count(session, own_cases(by or self.author), unit, (question, self.site.services.clock.now()))

    async def tallied(self, question: RangeQuestion, by: Any = None) -> Tally:
        """What the readings in the cases of `by` (the author) come to now, nothing kept."""
        async with self.site.services.database.session() as session:
            return await tally_readings(session, own_cases(by or self.author), question, self.site.services.clock.now())

    async def draft(self, type_code: str = "silence_violation", **changes: Any) -> Finding:
        return await self.site.services.findings.draft(self.author, self.case.id, type_code, self.body(**changes))

    async def judge(self, finding: Finding, *verdicts: str, by: Any = None) -> None:
        opened = await self.site.services.findings.read(self.author, finding.id)
        for verdict in verdicts:
            said = (verdict, "because of the second look")
            await self.site.services.findings.reviews.judge(by or self.reviewer, finding.id, opened.finding.version, said)

    async def confirmed(self, type_code: str = "silence_violation", **changes: Any) -> Finding:
        finding = await self.draft(type_code, **changes)
        await self.judge(finding, "reviewed", "confirmed")
        return finding

    async def files(self, export_id: UUID) -> dict[str, bytes]:
        """What the zip of an export of the case holds, by name."""
        opened = await self.site.services.case_exports.open_file(self.author, export_id)
        with opened.open_range(0, opened.size_bytes) as stream, zipfile.ZipFile(io.BytesIO(stream.read())) as packed:
            return {name: packed.read(name) for name in packed.namelist()}


def subject(number: int, **changes: str) -> Mapping[str, str]:
    """A subject of its own."""
    return {"platform": "facebook", "post_id": f"17357655215958{number:05}", "account_id": str(number % 7), **changes}

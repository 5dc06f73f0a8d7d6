"""One exhibit with everything that the papers say of it, read from rows that never change."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlmodel import col, select

from server.captures.detail import parsed_statement
from server.captures.models import Artifact, Capture, Check, CheckOutcome
from server.captures.scope import artifacts_of
from server.db import Database
from server.exports.authority.order import AuthorityOrder, FrozenExhibit, Missing
from server.exports.tables.findings import utc_text
from server.trust.statement import CaptureStatement

BATCH = 100


@dataclass(frozen=True)
class ExhibitFacts:
    """checks: of the run that the order froze; empty when none had run."""

    frozen: FrozenExhibit
    capture: Capture
    statement: CaptureStatement
    artifacts: tuple[Artifact, ...]
    checks: tuple[Check, ...]

    @property
    def name(self) -> str:
        """`E-3`."""
        return f"E-{self.frozen.number}"

    @property
    def url(self) -> str:
        """The address as the page had it in the end."""
        return self.statement.final_url or self.statement.url

    @property
    def gaps(self) -> list[Missing]:
        """What is not proved of it, and which checks failed or were not made."""
        found = [
            Missing(code=code, what=self.name, detail=f"{check.name} {check.subject}: {check.reason}".strip())
            for outcome, code in ((CheckOutcome.FAILED, "check_failed"), (CheckOutcome.NOT_CHECKED, "check_not_made"))
            for check in self.checks
            if check.outcome == outcome
        ]
        if not self.checks:
            found.append(Missing(code="checks_none", what=self.name))
        if self.frozen.not_before is None:
            found.append(Missing(code="not_before_unproved", what=self.name, detail=self.frozen.not_before_reason))
        if self.frozen.not_after is None:
            found.append(Missing(code="not_after_unproved", what=self.name, detail=self.frozen.not_after_reason))
        return found

    def outcome(self) -> str:
        """`3 passed, 1 failed, 2 not checked`, or that none ran."""
        if not self.checks:
            return "no check had run"
        words = ((CheckOutcome.PASSED, "passed"), (CheckOutcome.FAILED, "failed"), (CheckOutcome.NOT_CHECKED, "not checked"))
        counted = [(sum(one.outcome == outcome for one in self.checks), word) for outcome, word in words]
        return ", ".join(f"{count} {word}" for count, word in counted if count)

    def _copies(self) -> dict[str, object]:
        """The member `masked_copies`; absent where the order froze none, so that older orders give the bytes they always gave."""
        copies = [
            {"file": f"data/{self.frozen.copy_name(one)}", "sha256": one.sha256, "bytes": one.size_bytes, "of": one.of}
            for one in self.frozen.masked
        ]
        return {"masked_copies": copies} if copies else {}

    def to_json(self, organisation: str) -> dict[str, object]:
        """A line of exhibits.jsonl. Times are UTC; `captured_at_local` is the same moment in the zone that the device stated."""
        frozen, capture, statement = self.frozen, self.capture, self.statement
        return {
            "exhibit": self.name,
            "capture_id": capture.capture_id,
            "admitted_at": utc_text(frozen.admitted_at),
            "url": statement.url,
            "final_url": statement.final_url,
            "title": statement.title,
            "mode": statement.mode,
            "method": statement.method,
            "captured_at": utc_text(statement.captured_at),
            "captured_at_local": _local(statement),
            "time_zone": statement.time_zone,
            "received_at": utc_text(capture.received_at),
            "sealed_at": utc_text(capture.sealed_at),
            "not_before": utc_text(frozen.not_before),
            "not_before_reason": frozen.not_before_reason,
            "not_after": utc_text(frozen.not_after),
            "not_after_reason": frozen.not_after_reason,
            "collector_organisation": organisation,
            "collector_roles": list(frozen.collector_roles),
            "device_key_id": capture.device_key_id,
            "user_agent": statement.user_agent,
            "statement_sha256": capture.statement_sha256,
            "files": [
                {"name": one.name, "role": one.role, "media_type": one.media_type, "sha256": one.sha256, "bytes": one.size_bytes}
                for one in self.artifacts
            ],
            **self._copies(),
            "checks": [
                {"name": one.name, "subject": one.subject, "outcome": one.outcome, "reason": one.reason} for one in self.checks
            ],
        }


async def read_exhibits(database: Database, order: AuthorityOrder) -> AsyncIterator[list[ExhibitFacts]]:
    """The order's exhibits by number, a batch at a time. Not checked: who may see them. Raises: StoredRecordBroken."""
    for start in range(0, len(order.exhibits), BATCH):
        yield await _batch(database, order.exhibits[start : start + BATCH])


async def _batch(database: Database, frozen: Sequence[FrozenExhibit]) -> list[ExhibitFacts]:
    found = []
    async with database.session() as session:
        for one in frozen:
            capture = await session.get_one(Capture, one.capture_id)
            wanted = select(Check).where(Check.capture_id == one.capture_id, Check.run == one.checks_run)
            checks = (await session.exec(wanted.order_by(col(Check.position)))).all()
            artifacts = await artifacts_of(session, one.capture_id)
            found.append(ExhibitFacts(one, capture, parsed_statement(capture)[1], tuple(artifacts), tuple(checks)))
    return found


def _local(statement: CaptureStatement) -> str | None:
    """RFC 3339 with the offset of the stated zone; None for a zone that is not known here."""
    try:
        zone = ZoneInfo(statement.time_zone or "")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
    return local_text(statement.captured_at, zone)


def local_text(moment: datetime, zone: ZoneInfo) -> str:
    """RFC 3339 with the zone's offset then."""
    return moment.astimezone(zone).isoformat(timespec="seconds")

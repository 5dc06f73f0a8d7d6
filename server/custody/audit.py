"""The audit: everything derived again from stored bytes, trusting no column, no cache and no earlier result.

1 leaves without a gap · 2 tiles are those of the leaves · 3 every signed root is that of its leaves, under the log's key
4 published files are those checkpoints · 5 events: hash, service signature, columns · 6 chains: seq and prev
7 statements and sealed artifacts are there, byte for byte · 8 events and leaves are one set, in order
9 keys enrolled before their captures; no state without its event · 10 stamps verify under the pinned roots and are events
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from server.custody.audit_events import EventAudit, EvidenceSource
from server.custody.audit_tree import audit_tree
from server.custody.findings import AuditReport
from server.db import Database, run_sql
from server.trust.checkpoint import LogTrust
from server.trust.errors import VerificationError
from server.trust.keys import ServicePublicKey
from server.trust.timestamp import TsaAnchors, verify_timestamp

_STAMPS = """
SELECT id, tsa, timestamp.size, tsr, tsr_sha256, gen_time, note, published_note.size AS note_size
FROM timestamp LEFT JOIN published_note ON published_note.sha256 = timestamp.note_sha256 WHERE state = 'stamped' ORDER BY id
"""


@dataclass(frozen=True)
class AuditTrust:
    """What the audit believes: the log's key and witnesses, the service's keys by key id (old ones too), TSA roots by name."""

    log: LogTrust
    services: Mapping[str, ServicePublicKey]
    tsas: Mapping[str, TsaAnchors]


async def audit(database: Database, trust: AuditTrust, evidence: EvidenceSource | None = None) -> AuditReport:
    """The report over one snapshot of the database (blobs are read as they are now). Changes nothing.

    Without `evidence` captures are noted as NOT_CHECKED.
    """
    report = AuditReport()
    async with database.session() as session:
        await session.connection(execution_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True})
        await audit_tree(session, trust.log, report)
        events = EventAudit(trust.services, evidence, report)
        await events.run(session)
        await _check_stamps(session, trust.tsas, events.stamped, report)
    return report


async def _check_stamps(session: AsyncSession, tsas: Mapping[str, TsaAnchors], logged: set[str], report: AuditReport) -> None:
    """10. Every stamp verifies over the published file under its authority's pinned roots, and stands in the log."""
    found: set[str] = set()
    for row in await run_sql(session, _STAMPS):
        where, tsr = f"timestamp {row.id} by {row.tsa}", bytes(row.tsr)
        found.add(row.tsr_sha256)
        if hashlib.sha256(tsr).hexdigest() != row.tsr_sha256 or row.note is None or row.note_size != row.size:
            report.fail(where, "the row is not what its files say")
            continue
        if row.tsr_sha256 not in logged:
            report.fail(where, "no event of the log names it")
        anchors = tsas.get(row.tsa)
        if anchors is None:
            report.skip(where, "no roots are pinned for this authority")
            continue
        try:
            if verify_timestamp(tsr, bytes(row.note), anchors).gen_time != row.gen_time:
                report.fail(where, "another time than its token")
        except VerificationError as error:
            report.fail(where, str(error))
        report.count("timestamps")
    for missing in sorted(logged - found):
        report.fail(f"timestamp {missing}", "logged, but its file is gone")

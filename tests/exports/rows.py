"""Confirmed findings as the tables take them, without a database."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from server.exports.tables.findings import ConfirmedFinding
from server.findings.body import parse_body

AT = datetime(2024, 7, 6, 10, 0, tzinfo=UTC)
CASE = uuid.UUID("00000000-0000-4000-8000-00000000c45e")


def plain_text(cell: str) -> str:
    """The text of a cell of a table, as its reader undoes the rule: one apostrophe at the start is taken away."""
    return cell[1:] if cell.startswith("'") else cell


def confirmed(number: int, **changes: Any) -> ConfirmedFinding:
    """Finding `number`; `changes` replace members of its body."""
    capture = f"{number:064x}"
    values: dict[str, Any] = {
        "facts": "The account posted a call to vote.",
        "assessment": "Propaganda on the eve.",
        "bases": ["fr/code-electoral/L49"],
        "subject": {
            "platform": "facebook", "post_id": f"17357655215958{number:05}", "account_id": "1735765521595875777",
            "url": f"https://x.example/{number}",
        },
        "captures": [capture],
        "posted_at": [{"value": AT.isoformat(), "source": "platform_id", "precision_s": 0.001}],
        "sightings": [{"at": AT.isoformat(), "url": f"https://x.example/{number}", "by": "somebody", "country": "FR"}],
    }  # fmt: skip
    body = parse_body(values | changes)
    pins = {
        "type": {"code": "silence_violation", "version": "1", "sli_label": "silence period violations"},
        "looks": [{"layer": 2, "state": "absent", "at": "1"}, {"layer": 1, "state": "not_checked", "at": "2"}],
        "silence": {"rule_id": "FR-L49", "rule_version": "1", "place": "in", "margin_s": 0.0},
    }
    return ConfirmedFinding(
        case_id=CASE, case_number=1, organisation="Here", finding_id=uuid.UUID(int=number), number=number,
        type="silence_violation", version=1, body_sha256="0" * 64, body=body, first_confirmed_at=AT + timedelta(days=1),
        confirmed_at=AT + timedelta(days=1), pins=pins,
        captured_at={capture: AT + timedelta(hours=1)}, author="Author", reviewer="Reviewer",
    )  # fmt: skip


def many(count: int) -> Iterator[ConfirmedFinding]:
    """`count` findings, made one by one."""
    for number in range(1, count + 1):
        yield confirmed(number)

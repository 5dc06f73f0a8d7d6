"""custody.jsonl: every event of the chains in a bundle, one a line. The signed files are the evidence; this is for reading."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from server.custody.service import RecordedEvent
from server.errors import StoredRecordBroken
from server.exports.tables.findings import utc_text
from server.trust.dsse import parse_envelope
from server.trust.errors import VerificationError
from server.trust.events import parse_event


@dataclass(frozen=True)
class CustodyLine:
    """One event. file: where its signed file stands, None for the case's own chain. purpose: "" there, as it names others."""

    item: str
    seq: int
    time: datetime
    type: str
    actor: str
    role: str
    purpose: str
    sha256: str
    prev: str | None
    file: str | None

    @property
    def who(self) -> str:
        """`device:<uuid>: purpose`: pseudonyms; names stay with the organisation."""
        return self.actor.removeprefix("urn:holdstill:") + (f": {self.purpose}" if self.purpose else "")

    def to_json(self) -> dict[str, object]:
        """A line of the file."""
        return {
            "item": self.item,
            "seq": self.seq,
            "time": utc_text(self.time),
            "type": self.type,
            "actor": self.actor,
            "role": self.role,
            "purpose": self.purpose,
            "sha256": self.sha256,
            "prev": self.prev,
            "file": self.file,
            "proof": f"proofs/events/{self.sha256}.tlog-proof",
        }


def custody_lines(chains: Mapping[str, Sequence[RecordedEvent]]) -> Iterator[CustodyLine]:
    """Every event, by chain and number. Raises: StoredRecordBroken."""
    for item, chain in sorted(chains.items()):
        for event in chain:
            yield _line(item, event)


def _line(item: str, event: RecordedEvent) -> CustodyLine:
    try:
        said = parse_event(parse_envelope(event.envelope).payload)
    except VerificationError as error:
        raise StoredRecordBroken(table="event", id=event.sha256, reason=error.reason) from error
    kind, _, owner = item.partition(":")
    own = kind == "case"
    return CustodyLine(
        item=item,
        seq=event.seq,
        time=event.time,
        type=event.type,
        actor=event.actor,
        role=said.role,
        purpose="" if own else said.purpose,
        sha256=event.sha256,
        prev=event.prev,
        file=None if own else f"data/{kind}s/{owner}/events/{event.seq:04d}.dsse.json",
    )

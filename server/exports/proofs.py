"""What binds a bundle's events to the log and to time: the anchor checkpoint, receipts, earlier heads."""

from collections.abc import Iterable
from dataclasses import dataclass

from server.custody.service import RecordedEvent
from server.exports.gathering import Gathered
from server.exports.layout import Commitment, Consistency, ProofParts, StampedCheckpoint
from server.exports.parts import ExportParts
from server.transparency.log import Published, Stamped
from server.trust.checkpoint import parse_checkpoint_file


class ExportFailed(Exception):
    """The bundle cannot be made now; `reason` is one sentence for the person who asked. It can be tried again."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Anchor:
    """The checkpoint everything is proved against: stamped, and with enough cosignatures on it or on `witnessed` (same text)."""

    event: RecordedEvent
    stamped: Stamped
    witnessed: Published


class Anchors:
    """Gets the export event cosigned and stamped, now."""

    def __init__(self, parts: ExportParts) -> None:
        self._parts = parts

    async def cosigned(self, event: RecordedEvent) -> Published:
        """A published checkpoint that holds the event and meets the witness quorum. Raises: ExportFailed."""
        published = await self._parts.log.sequence()
        if published is None or await self._parts.log.index_of(event.leaf) is None:
            raise ExportFailed("the export's event is not in the log")
        quorum = self._parts.settings.witness_quorum
        if published.cosignatures < quorum:
            raise ExportFailed(f"{published.cosignatures} of {quorum} witnesses cosigned: the others did not answer")
        return published

    async def stamped(self, event: RecordedEvent) -> Anchor:
        """A stamped and witnessed checkpoint that holds the event: the earliest, else the newest.

        Raises: ExportFailed (no authority is set up or none answered; too few witnesses).
        """
        if not self._parts.settings.tsas:
            raise ExportFailed("no time-stamping authority is set up")
        outcomes = await self._parts.stamping.stamp()
        index = await self._parts.log.index_of(event.leaf)
        stamped = None if index is None else await self._parts.log.earliest_stamped(index)
        if stamped is None or not stamped.stamps:
            said = "; ".join(f"{one.tsa}: {one.reason}" for one in outcomes if one.reason)
            raise ExportFailed(f"no time-stamping authority answered{': ' + said if said else ''}")
        for candidate in (stamped, await self._parts.log.newest_stamped()):
            witnessed = None if candidate is None else await self._witnessed(candidate.published)
            if candidate is not None and witnessed is not None:
                return Anchor(event, candidate, witnessed)
        raise ExportFailed("the stamped checkpoint lacks cosignatures of witnesses: try again")

    async def _witnessed(self, published: Published) -> Published | None:
        """The file of the same head with enough cosignatures; the stamped bytes themselves never change."""
        newest = await self._parts.log.newest()
        same = newest is not None and newest.size == published.size and newest.cosignatures > published.cosignatures
        best = newest if newest is not None and same else published
        return best if best.cosignatures >= self._parts.settings.witness_quorum else None


class Proofs:
    """Collects the proofs of a bundle against its anchor."""

    def __init__(self, parts: ExportParts) -> None:
        self._parts = parts

    async def proofs(self, gathered: Gathered, anchor: Anchor) -> ProofParts:
        """Receipts of all events against the anchor; per capture the earliest stamp; consistency from every older head."""
        events = [event for chain in gathered.chains.values() for event in chain] + [anchor.event]
        receipts = await self._parts.log.receipts([event.leaf for event in events], anchor.witnessed)
        commitments: dict[str, Commitment] = {}
        for capture_id, leaf in gathered.committed.items():
            commitments[capture_id] = await self._commitment(leaf)
        older = [one.stamped for one in commitments.values()] + list(gathered.not_before)
        return ProofParts(
            export_event=anchor.event.envelope,
            head=to_file(anchor.stamped),
            receipts={event.sha256: receipts[event.leaf] for event in events},
            commitments=commitments,
            consistency=await self._consistency(older, anchor.stamped.published.size),
        )

    async def _commitment(self, leaf: bytes) -> Commitment:
        index = await self._parts.log.index_of(leaf)
        stamped = None if index is None else await self._parts.log.earliest_stamped(index)
        if stamped is None:
            raise ExportFailed("a capture's commit event is not stamped")
        receipts = await self._parts.log.receipts([leaf], stamped.published)
        return Commitment(receipts[leaf], to_file(stamped))

    async def _consistency(self, older: Iterable[StampedCheckpoint], size: int) -> list[Consistency]:
        found: dict[int, Consistency] = {}
        for one in older:
            _, head = parse_checkpoint_file(one.checkpoint)
            if head.size < size and head.size not in found:
                hashes = await self._parts.log.consistency_proof(head.size, size)
                found[head.size] = Consistency(head.size, head.root, hashes)
        return [found[key] for key in sorted(found)]


def to_file(stamped: Stamped) -> StampedCheckpoint:
    """The checkpoint file and its stamps as a bundle holds them."""
    return StampedCheckpoint(stamped.published.note, {stamp.tsa: stamp.tsr for stamp in stamped.stamps})

"""The time bracket of a capture, from stamps that this service verified against its pinned roots when they came."""

from datetime import datetime

from server.captures.views import ProvedTime, TimeBracket
from server.transparency.log import Log, Stamp
from server.trust.statement import CaptureStatement, NotBefore


async def time_bracket(log: Log, statement: CaptureStatement, committed_leaf: str, *, has_tsa: bool) -> TimeBracket:
    """Not before … not after, as far as it is proved now.

    not before: the newest of the timestamps that the statement itself names. not after: the oldest stamp over the smallest
    stamped checkpoint that holds the committed event.
    """
    not_before, why_before = await _not_before(log, statement.not_before)
    not_after, why_after = await proved_not_after(log, committed_leaf, has_tsa=has_tsa)
    return TimeBracket(not_before, why_before, not_after, why_after)


async def proved_not_after(log: Log, leaf: str, *, has_tsa: bool) -> tuple[ProvedTime | None, str]:
    """The latest moment at which the leaf (hex) existed, by the oldest stamp over it; without one why: `pending`, `no_tsa`."""
    index = await log.index_of(bytes.fromhex(leaf))
    stamped = None if index is None else await log.earliest_stamped(index)
    if stamped is None or not stamped.stamps:
        return None, "pending" if has_tsa else "no_tsa"
    return _proved(stamped.stamps, min(stamp.span.latest for stamp in stamped.stamps)), ""


async def _not_before(log: Log, named: NotBefore | None) -> tuple[ProvedTime | None, str]:
    if named is None:
        return None, "none"
    stamped = await log.stamped(named.checkpoint_sha256)
    if stamped is None:
        return None, "unknown"
    wanted = {stamp.sha256 for stamp in named.timestamps}
    stamps = tuple(stamp for stamp in stamped.stamps if stamp.tsr_sha256 in wanted)
    if not stamps:
        return None, "unstamped"
    return _proved(stamps, max(stamp.span.earliest for stamp in stamps)), ""


def _proved(stamps: tuple[Stamp, ...], at: datetime) -> ProvedTime:
    return ProvedTime(at, tuple(dict.fromkeys(stamp.tsa for stamp in stamps)))

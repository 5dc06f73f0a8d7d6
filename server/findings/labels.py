"""How long something stood without its label, from looks at known times: a lower and an upper bound, never one number."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

ASSUMPTION = (
    "between two looks that found no label there was none; the label came some time between the last such look and the next"
)


@dataclass(frozen=True)
class Look:
    """One look: present, absent, not_checked or not_applicable. Only the first two say anything about time."""

    at: datetime
    state: str


@dataclass(frozen=True)
class UnlabelledTime:
    """Seconds without a label. `upper_s` is None when nothing bounds it: no label was ever seen, or nothing tells when it
    began."""

    lower_s: float
    upper_s: float | None
    first_unlabelled: datetime

    @property
    def lower_minutes(self) -> int:
        """Whole minutes, rounded down: what can be said at least."""
        return int(self.lower_s // 60)

    @property
    def upper_minutes(self) -> int | None:
        """Whole minutes, rounded up: what can be said at most."""
        return None if self.upper_s is None else int(-(-self.upper_s // 60))


def unlabelled_time(looks: Sequence[Look], *, began: datetime | None = None) -> UnlabelledTime | None:
    """The bounds over all spans without a label; None when no look found it absent.

    `began`: the earliest moment the thing can have existed. Looks that did not look (`not_checked`) count neither way. A label
    that came and went makes several spans, which are added. Looks of one moment that say both bound the time both ways:
    the least as if the label was there, the most as if it was not.
    """
    said = [look for look in looks if look.state in ("present", "absent")]
    both = {one.at for one in said if one.state == "present"} & {one.at for one in said if one.state == "absent"}
    if not both:
        return unlabelled_in_order(said, began=began)
    sure = [look for look in said if look.at not in both]
    there = unlabelled_in_order([*sure, *(Look(at, "present") for at in both)], began=began)
    absent = unlabelled_in_order([*sure, *(Look(at, "absent") for at in both)], began=began)
    return None if absent is None else replace(absent, lower_s=0.0 if there is None else there.lower_s)


def unlabelled_in_order(looks: Sequence[Look], *, began: datetime | None = None) -> UnlabelledTime | None:
    """As unlabelled_time(), looks of one moment taken in the order they come in: how minutes were counted at first."""
    said = sorted((look for look in looks if look.state in ("present", "absent")), key=lambda look: look.at)
    if not any(look.state == "absent" for look in said):
        return None
    lower, upper, start = 0.0, 0.0, began
    bounded = True
    span: list[datetime] = []
    first = next(look.at for look in said if look.state == "absent")
    for look in said:
        if look.state == "absent":
            span.append(look.at)
            continue
        if span:
            lower += (span[-1] - span[0]).total_seconds()
            bounded = bounded and start is not None
            upper += (look.at - start).total_seconds() if start is not None else 0.0
        span, start = [], look.at
    if span:
        lower += (span[-1] - span[0]).total_seconds()
        bounded = False
    return UnlabelledTime(lower, upper if bounded else None, first)

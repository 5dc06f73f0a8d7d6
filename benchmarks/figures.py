"""What the benchmarks of captures share: seconds by nearest rank, one printed line for each figure, goals."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass

MB = 1_000_000


@dataclass(frozen=True)
class Goal:
    """Upper limits; None: none. `what` names the figure on the printed line."""

    what: str
    p50: float | None = None
    p95: float | None = None


def nearest_rank(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all are not above. Range: 0 < share <= 1, at least one value."""
    return sorted(values)[math.ceil(share * len(values)) - 1]


def tell(goal: Goal, values: Sequence[float], *, unit: str = "s") -> bool:
    """Prints p50 and p95 beside their goals; whether these were met (true without goals)."""
    p50, p95 = nearest_rank(values, 0.5), nearest_rank(values, 0.95)
    limits = [(p50, goal.p50), (p95, goal.p95)]
    is_met = all(limit is None or value <= limit for value, limit in limits)
    wanted = f"goal {goal.p50 or '-'} / {goal.p95 or '-'}: {'met' if is_met else 'MISSED'}" if goal.p50 or goal.p95 else ""
    print(f"{goal.what:<58} p50 {p50:6.2f}  p95 {p95:6.2f} {unit:<3} of {len(values):<3} {wanted}", flush=True)
    return is_met


def load_average() -> str:
    """How busy the machine was in the last minutes, beside its number of processors."""
    return f"load average {', '.join(f'{value:.1f}' for value in os.getloadavg())} on {os.cpu_count()} cores"

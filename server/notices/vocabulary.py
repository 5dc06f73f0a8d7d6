"""The words of notices: what can happen to one, how its channels fail, and the codes of the DSA Transparency Database.

Decisions, grounds, sources and ways of deciding carry the codes of the Transparency Database, so that an answer can be matched
with
a statement of reasons; three outcomes of our own stand beside them (OWN). Source: the database's API documentation, 2024.
"""

from enum import StrEnum
from typing import Literal, get_args


class EventKind(StrEnum):
    """One thing that is recorded of a notice. Nothing is ever changed: `corrected` says what holds in place of an event."""

    DRAFTED = "drafted"
    ATTEMPTED = "attempted"
    SENT = "sent"
    ACKNOWLEDGED = "acknowledged"
    REPLIED = "replied"
    DECIDED = "decided"
    LOOKED = "looked"
    COMPLAINED = "complained"
    RESOLVED = "resolved"
    NOTED = "noted"
    DROPPED = "dropped"
    CORRECTED = "corrected"


class NoticeState(StrEnum):
    """Where a notice stands, as server/notices/state.py derives it."""

    DRAFTED = "drafted"
    ATTEMPT_FAILED = "attempt_failed"
    SENT = "sent"
    ACKNOWLEDGED = "acknowledged"
    DECIDED = "decided"
    EFFECTIVE = "effective"
    APPEALED = "appealed"


Failure = Literal["form_broken", "refused", "login_needed", "no_confirmation", "unreachable", "other"]
"""How an attempt failed. `refused`: the channel answered and would not take it; `no_confirmation`: nothing says that it
arrived."""
Mode = Literal["oral", "written", "automatic"]
TimeSource = Literal["person", "capture", "message", "confirmation", "statement_of_reasons", "system"]
"""Where a time is from: a person's word, a capture, a message's own date, a form's confirmation, a statement of reasons, a
log."""
GONE: frozenset[str] = frozenset({"removed_by_platform", "account_suspended", "geo_blocked"})
"""Seen, these are a platform's act. A login wall, an age gate and `unknown` say nothing; what its author removed, no platform
did."""

Decision = Literal[
    "DECISION_VISIBILITY_CONTENT_REMOVED",
    "DECISION_VISIBILITY_CONTENT_DISABLED",
    "DECISION_VISIBILITY_CONTENT_DEMOTED",
    "DECISION_VISIBILITY_CONTENT_AGE_RESTRICTED",
    "DECISION_VISIBILITY_CONTENT_INTERACTION_RESTRICTED",
    "DECISION_VISIBILITY_CONTENT_LABELLED",
    "DECISION_VISIBILITY_OTHER",
    "DECISION_MONETARY_SUSPENSION",
    "DECISION_MONETARY_TERMINATION",
    "DECISION_MONETARY_OTHER",
    "DECISION_PROVISION_PARTIAL_SUSPENSION",
    "DECISION_PROVISION_TOTAL_SUSPENSION",
    "DECISION_PROVISION_PARTIAL_TERMINATION",
    "DECISION_PROVISION_TOTAL_TERMINATION",
    "DECISION_ACCOUNT_SUSPENDED",
    "DECISION_ACCOUNT_TERMINATED",
    "GEO_BLOCKED",
    "NO_VIOLATION",
    "NO_REPLY",
]
OWN: tuple[str, ...] = ("GEO_BLOCKED", "NO_VIOLATION", "NO_REPLY")
NO_MEASURE: frozenset[str] = frozenset({"NO_VIOLATION", "NO_REPLY"})
TAKES_AWAY: frozenset[str] = frozenset(
    {
        "DECISION_VISIBILITY_CONTENT_REMOVED",
        "DECISION_VISIBILITY_CONTENT_DISABLED",
        "DECISION_PROVISION_TOTAL_SUSPENSION",
        "DECISION_PROVISION_TOTAL_TERMINATION",
        "DECISION_ACCOUNT_SUSPENDED",
        "DECISION_ACCOUNT_TERMINATED",
    }
)
"""Measures after which the thing is not to be seen any more; a later look that finds it online contradicts them."""
Ground = Literal["", "DECISION_GROUND_ILLEGAL_CONTENT", "DECISION_GROUND_INCOMPATIBLE_CONTENT"]
SourceType = Literal["", "SOURCE_ARTICLE_16", "SOURCE_TRUSTED_FLAGGER", "SOURCE_TYPE_OTHER_NOTIFICATION", "SOURCE_VOLUNTARY"]
Automated = Literal["", "AUTOMATED_DECISION_FULLY", "AUTOMATED_DECISION_PARTIALLY", "AUTOMATED_DECISION_NOT_AUTOMATED"]
Remedy = Literal["internal_complaint", "out_of_court", "authority_complaint"]
"""DSA Article 20 (to the platform, within six months of the decision), Article 21 (a certified body), Article 53 (a
coordinator)."""
Result = Literal["upheld", "partly_upheld", "rejected", "withdrawn", "settled", "no_answer"]
CHECKS: tuple[str, ...] = ("after_1h", "after_24h", "window_end")
"""The re-checks that a sending asks for by itself."""


def words_of(vocabulary: object) -> tuple[str, ...]:
    """The words of one of the vocabularies above, in its order."""
    return tuple(str(word) for word in get_args(vocabulary))

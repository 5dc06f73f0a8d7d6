"""Posts that tables named, judged by a silence window: as lines of a number, and judged again from what was kept of them."""

import json
import uuid
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import cast

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.findings.errors import StatisticRefused
from server.findings.models import JudgedPost, Judging, JudgingState
from server.findings.tallies import Bounds, Line, Tally, key_text, times_member
from server.rules.errors import RuleError
from server.rules.posttimes import FIRST_RULE, TIME_RULE, PostTime, TimeSource
from server.rules.windows import SilenceWindow, WindowVerdict, judge

ABOUT = "judged_posts"
RULE = (
    "Distinct (platform, post id) that the case's tables name and rule {rule} version {version} ({territory}, {election}) places"
    " in the window{draft}. From those surely in it to those that may be: a time that straddles an edge may be, and so may one"
    " whose formula was never compared with a published time, whichever side of an edge it gives. Posts without any time are"
    " counted apart. No findings: nobody read what they say."
)


async def tally_judged(session: AsyncSession, judging: Judging, platform: str = "", *, time_rule: int = TIME_RULE) -> Tally:
    """How many posts of a judging lie in the window; of one platform, or of all.

    `time_rule`: the rule for times of the number. Raises: StatisticRefused (not done, or judged by another rule for times).
    """
    if judging.state != JudgingState.DONE:
        raise StatisticRefused(reason="the posts are not judged yet")
    if judging.time_rule != time_rule:
        raise StatisticRefused(reason="the posts were judged by an earlier rule for times: judge them again")
    wanted = select(JudgedPost).where(JudgedPost.judging_id == judging.id)
    if platform:
        wanted = wanted.where(JudgedPost.platform == platform)
    posts = (await session.exec(wanted)).all()
    lines = sorted((Line(judged_key(one), one.entity_id) for one in posts if is_counted(one, time_rule)), key=lambda one: one.key)
    query = {
        "about": ABOUT, "judging": str(judging.id), "case_id": str(judging.case_id), "platform": platform, "sli_label": "",
        "member_state": "", "rule_id": judging.rule_id, "rule_version": judging.rule_version, "territory": judging.territory,
        "election_id": judging.election_id,
    } | times_member(time_rule)  # fmt: skip
    return Tally(
        lines=tuple(lines),
        bounds=judged_bounds([one.key for one in lines]),
        without_key=sum(one.posted_at is None for one in posts),
        unit="posts",
        rule=RULE.format(
            rule=judging.rule_id,
            version=judging.rule_version,
            territory=judging.territory,
            election=judging.election_id,
            draft="" if judging.verified else " (the rule is a draft)",
        ),
        query=json.dumps(query, sort_keys=True, separators=(",", ":")),
    )


def is_counted(post: JudgedPost, time_rule: int = TIME_RULE) -> bool:
    """True for a post that lies, or may lie, in the window: also one that a formula never compared places outside."""
    if post.posted_at is None:
        return False
    return post.place in ("in", "unknown") or (time_rule != FIRST_RULE and not post.compared)


def judged_key(post: JudgedPost) -> str:
    """Everything that counts of a judged post: platform, id, place, whether the time's formula was compared, time, precision."""
    at = None if post.posted_at is None else post.posted_at.astimezone(UTC).isoformat()
    return key_text([post.platform, post.post_id, post.place, post.compared, at, post.precision_s])


def judged_bounds(keys: Sequence[str]) -> Bounds:
    """From the posts that are surely in the window to all that may be."""
    told = [json.loads(key) for key in keys]
    return Bounds(sum(one[2] == "in" and one[3] for one in told), len(told))


def window_of(judging: Judging) -> SilenceWindow:
    """The window as it was when the posts were judged. Raises: RuleError (what is stored is no window)."""
    edges = [datetime.fromisoformat(one) for one in judging.window[:4]]
    if len(judging.window) != 5 or len(edges) != 4:
        raise RuleError("a stored window has four moments and a polling day")
    poll_day = date.fromisoformat(judging.window[4])
    start, end = (edges[0], edges[1]), (edges[2], edges[3])
    return SilenceWindow(judging.rule_id, judging.rule_version, judging.territory, poll_day, start, end, judging.verified)


def window_text(window: SilenceWindow) -> list[str]:
    """The edges and the polling day as they are stored."""
    return [*(one.isoformat() for one in (*window.start, *window.end)), window.poll_day.isoformat()]


def judged_again(post: JudgedPost, window: SilenceWindow) -> WindowVerdict | None:
    """The verdict that the kept time gives; None for a post without one. Raises: RuleError."""
    if post.posted_at is None or post.precision_s is None:
        return None
    return judge(window, PostTime(post.posted_at, cast(TimeSource, post.source), post.precision_s, "", post.compared))


async def contradicted(session: AsyncSession, judging: Judging, refs: Sequence[uuid.UUID]) -> list[str]:
    """The posts whose kept verdict is not what their kept time gives, or that are gone."""
    window, wanted = window_of(judging), select(JudgedPost).where(JudgedPost.judging_id == judging.id)
    posts = {one.entity_id: one for one in (await session.exec(wanted.order_by(col(JudgedPost.entity_id)))).all()}
    wrong = [f"{ref} is gone" for ref in refs if ref not in posts]
    for post in posts.values():
        verdict = judged_again(post, window)
        if verdict is not None and verdict.place != post.place and not post.reason.startswith(CONTRADICTS):
            wrong.append(f"{post.platform} {post.post_id} is {verdict.place}, kept was {post.place}")
    return wrong


CONTRADICTS = "stated times contradict"
"""How the reason of a post begins whose stated times cannot all be true: it is unknown, whatever the best of them gives."""

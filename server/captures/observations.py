"""What the page claims of itself, and what the person looked for, as a statement says them (docs/formats.md section 3).

Both come from outside and are read leniently: what is malformed is shown as such, never refused. Absent, not looked for and
looked for in vain are three things here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

OBSERVATIONS_LIMIT = 64
ITEMS_LIMIT = 40
TEXT_CHARS = 2000
STATES = ("present", "absent", "not_checked", "not_applicable")
LAYERS = (1, 2, 3, 4)
NOWHERE = "nowhere"
MALFORMED = "malformed"
_KIND = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")


@dataclass(frozen=True)
class LabelObservation:
    """One look for one label. `doubt` is why a stated state does not stand: `nowhere` (absent without place), `malformed`, ""."""

    layer: int
    kind: str
    state: str
    where: str
    region: str
    selector: str
    value: str
    doubt: str


@dataclass(frozen=True)
class Claim:
    """One machine-readable field of the page, as the platform wrote it."""

    kind: str
    state: str
    value: str
    where: str
    reason: str


@dataclass(frozen=True)
class PostClaims:
    """What the page's own JSON, markup and address say about the post. `facts` are (key, text) pairs in the order to be shown."""

    facts: tuple[tuple[str, str], ...]
    times: tuple[tuple[str, str, str], ...]
    counts: tuple[tuple[str, str], ...]
    claims: tuple[Claim, ...]
    problems: tuple[str, ...]
    module: str


def label_observations(predicate: Mapping[str, object]) -> tuple[LabelObservation, ...]:
    """The observations, at most OBSERVATIONS_LIMIT. `absent` without a region or a selector becomes `not_checked`."""
    listed = predicate.get("labelObservations")
    return tuple(_observation(one) for one in (listed if isinstance(listed, list) else [])[:OBSERVATIONS_LIMIT])


def post_claims(predicate: Mapping[str, object]) -> PostClaims | None:
    """The claims of the page, None when the statement has none."""
    post = predicate.get("post")
    if not isinstance(post, dict):
        return None
    names = ("platform", "accountHandle", "accountName", "accountId", "postId", "postUrl", "language", "text")
    return PostClaims(
        facts=tuple((name, text) for name in names if (text := _text(post.get(name)))),
        times=tuple(
            (_text(one.get("value")), _text(one.get("source")) or "unknown", _text(one.get("precisionS")))
            for one in _members(post, "postedAt")
        ),
        counts=tuple((_text(one.get("name")), _count(one)) for one in _members(post, "counts")),
        claims=tuple(_claim(one) for one in _members(post, "claims")),
        problems=tuple(_text(one) for one in _list(post.get("problems"))[:ITEMS_LIMIT]),
        module=f"{_text(post.get('module'))} {_text(post.get('moduleVersion'))}".strip(),
    )


def _observation(value: object) -> LabelObservation:
    one = value if isinstance(value, dict) else {}
    layer, kind, state = one.get("layer"), one.get("kind"), one.get("state")
    region, selector = _region(one.get("region")), _text(one.get("selector"))
    good = layer in LAYERS and not isinstance(layer, bool) and isinstance(kind, str) and _KIND.fullmatch(kind) is not None
    doubt = "" if good and state in STATES else MALFORMED
    if not doubt and state == "absent" and not region and not selector:
        doubt = NOWHERE
    return LabelObservation(
        layer=layer if isinstance(layer, int) and layer in LAYERS else 0,
        kind=_text(kind)[:64],
        state="not_checked" if doubt else str(state),
        where=_text(one.get("where"))[:500],
        region=region,
        selector=selector,
        value=_text(one.get("value")),
        doubt=doubt,
    )


def _region(value: object) -> str:
    """`300 × 40 at 10, 20 in screenshot.viewport.png`; "" unless four finite numbers with an area are there."""
    if not isinstance(value, dict):
        return ""
    numbers = [value.get(member) for member in ("x", "y", "width", "height")]
    plain = [one for one in numbers if isinstance(one, int | float) and not isinstance(one, bool) and abs(one) < 1e7]
    if len(plain) < 4 or plain[2] <= 0 or plain[3] <= 0:
        return ""
    place = f"{plain[2]:g} × {plain[3]:g} at {plain[0]:g}, {plain[1]:g}"
    artifact = _text(value.get("artifact"))[:80]
    return f"{place} in {artifact}" if artifact else place


def _claim(one: Mapping[str, object]) -> Claim:
    state = one.get("state")
    return Claim(
        kind=_text(one.get("kind"))[:64],
        state=str(state) if state in ("present", "absent") else "not_checked",
        value=_text(one.get("value")),
        where=_text(one.get("where")) or _text(one.get("platformField")),
        reason=_text(one.get("reason")),
    )


def _count(one: Mapping[str, object]) -> str:
    """The exact number, or the range it stands for with what stood there."""
    low, high, written = _text(one.get("low")), _text(one.get("high")), _text(one.get("asWritten"))
    if one.get("exact") is True:
        return low
    return f"{low}–{high}" + (f" ({written})" if written else "") if high else f"{low}+" + (f" ({written})" if written else "")


def _members(value: Mapping[str, object], name: str) -> list[Mapping[str, object]]:
    return [one for one in _list(value.get(name))[:ITEMS_LIMIT] if isinstance(one, dict)]


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    """Text of a string, number or truth value, cut; "" for everything else."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)[:TEXT_CHARS] if isinstance(value, str | int | float) else ""

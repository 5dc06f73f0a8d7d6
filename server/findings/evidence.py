"""What a finding still lacks before it can be confirmed: pure, one check per name of server/rules/findingtypes.EVIDENCE."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from server.findings.body import FindingBody, Listed
from server.rules.catalogue import Catalogue
from server.rules.elections import Election
from server.rules.errors import RuleError
from server.rules.posttimes import contradictions, time_of_id
from server.rules.windows import WindowVerdict, judge

EU = frozenset(
    [
        "AT",
        "BE",
        "BG",
        "CY",
        "CZ",
        "DE",
        "DK",
        "EE",
        "ES",
        "FI",
        "FR",
        "GR",
        "HR",
        "HU",
        "IE",
        "IT",
        "LT",
        "LU",
        "LV",
        "MT",
        "NL",
        "PL",
        "PT",
        "RO",
        "SE",
        "SI",
        "SK",
    ]
)


EASTERNMOST = timedelta(hours=3)


@dataclass(frozen=True)
class LookFact:
    """A look for a label, as the checks see it."""

    layer: int
    state: str
    at: datetime
    kind: str = ""


@dataclass(frozen=True)
class DepositFact:
    """An archive of the case that was made elsewhere and not withdrawn. `received_at`: since when it is known here."""

    deposit_id: uuid.UUID
    number: int
    kind: str
    sha256: str
    received_at: datetime


@dataclass(frozen=True)
class Known:
    """What the checks know beside the body: the case's live exhibits with their capture times, the looks for labels, and the
    archives made elsewhere that it cites."""

    exhibits: Mapping[str, datetime]
    looks: Sequence[LookFact] = ()
    deposits: Sequence[DepositFact] = ()
    catalogue: Catalogue = field(kw_only=True)


@dataclass(frozen=True)
class Gap:
    """One thing that is missing or contradicts. `code` is stable (texts: `gap.<code>`); `detail` is for the reader."""

    code: str
    detail: str = ""


Check = Callable[[FindingBody, Known], Gap | None]


def gaps(type_code: str, body: FindingBody, known: Known) -> tuple[Gap, ...]:
    """Everything that keeps the finding from being confirmed, in a fixed order; empty when nothing does."""
    found: list[Gap] = []
    for name, text in (("facts", body.facts), ("assessment", body.assessment)):
        if not text:
            found.append(Gap(name))
    if not body.captures and not (body.deposits and known.catalogue.types[type_code].deposits_suffice):
        found.append(Gap("captures_own" if body.deposits else "captures"))
    there = {one.deposit_id for one in known.deposits}
    found += [Gap("not_a_deposit", str(one)[:8]) for one in body.cited_deposits if one not in there]
    found += [Gap("not_an_exhibit", one[:12]) for one in body.cited_captures if one not in known.exhibits]
    found += _bases(body, known)
    found += _techniques(body, known)
    found += _times(body)
    for name in known.catalogue.types[type_code].evidence:
        gap = CHECKS[name](body, known)
        if gap is not None:
            found.append(gap)
    return tuple(found)


def silence_verdict(body: FindingBody, known: Known) -> WindowVerdict | None:
    """The post judged by the chosen rule; None while rule or time is not given. Raises: RuleError (a choice that does not
    fit)."""
    posted, choice = body.posted, body.silence
    if choice is None or posted is None:
        return None
    rule, election = known.catalogue.silence.get(choice.rule_id), known.catalogue.elections.get(choice.election_id)
    if rule is None or election is None:
        raise RuleError("there is no such rule or election")
    if rule.jurisdiction != election.jurisdiction:
        raise RuleError(f"{rule.id} is not a rule of {election.jurisdiction}")
    return judge(rule.window(choice.territory, election.poll_day), posted)


def election_of(body: FindingBody, known: Known) -> Election | None:
    """The election of the chosen window."""
    return None if body.silence is None else known.catalogue.elections.get(body.silence.election_id)


def listing_gap(listed: Listed, captured: Sequence[date]) -> Gap | None:
    """Why the listing does not cover what was captured: its dates, or a vantage point from which it is not forbidden."""
    if not captured:
        return Gap("captures")
    if min(captured) < listed.listed_from:
        return Gap("listed_later", f"{listed.listed_from}")
    if listed.listed_to is not None and max(captured) > listed.listed_to:
        return Gap("delisted_before", f"{listed.listed_to}")
    if not listed.vantage_country:
        return Gap("vantage_unknown")
    if listed.vantage_country not in EU:
        return Gap("vantage_outside", listed.vantage_country)
    return None


def _days(body: FindingBody, known: Known) -> dict[str, list[date]]:
    """The days that count, by the kind of event. A time whose formula was never compared tells no day; the last day is the one
    of the easternmost clocks of the Union's mainland (UTC+3), the first UTC's. Not looked at: territories overseas."""
    posted = body.posted
    low, high = (None, None) if posted is None or not posted.compared else posted.interval
    published = [] if low is None or high is None else [low.date(), (high + EASTERNMOST).date()]
    return {"published": published, "captured": _captured(body, known)}


def _captured(body: FindingBody, known: Known) -> list[date]:
    return [known.exhibits[one].date() for one in body.captures if one in known.exhibits]


def _bases(body: FindingBody, known: Known) -> list[Gap]:
    """A basis that is unknown, a draft, or not in force on the day that counts. An unknown day is not taken for a good one."""
    if not body.bases:
        return [Gap("bases")]
    found, days = [], _days(body, known)
    for basis_id in body.bases:
        basis = known.catalogue.bases.get(basis_id)
        if basis is None:
            found.append(Gap("basis_unknown", basis_id))
            continue
        if basis.provenance.effective_from is None and basis.provenance.effective_to is None:
            continue
        if not days[basis.event]:
            found.append(Gap("basis_date_unknown", basis_id))
        refused = next((said for day in days[basis.event] if (said := basis.refusal(day))), "")
        if refused:
            found.append(Gap("basis_not_in_force", refused))
        if basis.kind != "platform_policy" and basis.provenance.status == "draft" and not body.override_note:
            found.append(Gap("basis_draft", basis_id))
    return found


def _techniques(body: FindingBody, known: Known) -> list[Gap]:
    found = []
    for tag in body.ttps:
        one = known.catalogue.techniques.find(tag.framework, tag.id)
        if one is None or (one.version, one.name) != (tag.version, tag.name):
            found.append(Gap("technique_unknown", f"{tag.framework} {tag.id}"))
    return found


def _needs(code: str, has: Callable[[FindingBody], object]) -> Check:
    return lambda body, _known: None if has(body) else Gap(code)


def _labels(body: FindingBody, known: Known) -> Gap | None:
    """Layers 1 and 2 were looked for at last, and neither was there. Not checked is not absent; at one moment, present counts."""
    for layer in (1, 2):
        told = [one for one in known.looks if one.layer == layer and one.state != "not_checked"]
        if not told:
            return Gap("labels_not_checked", str(layer))
        if contrary := _contrary(told):
            return contrary
        last = max(one.at for one in told)
        if any(one.state == "present" for one in told if one.at == last):
            return Gap("label_present", str(layer))
    return None


def _contrary(told: Sequence[LookFact]) -> Gap | None:
    """Two looks of one moment for one label that cannot both be right."""
    seen = {(one.at, one.kind) for one in told if one.state == "present"} & {
        (one.at, one.kind) for one in told if one.state == "absent"
    }
    return Gap("labels_contradict", min(seen)[0].isoformat()) if seen else None


def _ai(body: FindingBody, _known: Known) -> Gap | None:
    """`likely` by two methods, or by two persons; and nobody's `unlikely` passed over."""
    likely = [one for one in body.ai if one.verdict == "likely"]
    methods, people = {one.method for one in likely}, {one.by.casefold() for one in likely if one.method == "human"}
    if len(methods) < 2 and len(people) < 2:
        return Gap("ai_assessment")
    contrary = [one.by for one in body.ai if one.verdict == "unlikely"]
    return Gap("ai_contradicted", contrary[0]) if contrary and not body.override_note else None


def _posted(body: FindingBody, _known: Known) -> Gap | None:
    posted = body.posted
    if posted is None:
        return Gap("posted_at")
    return None if posted.compared else Gap("posted_at_uncompared", posted.note)


def _times(body: FindingBody) -> list[Gap]:
    """Times that cannot all be true, the one in the platform's id among them: whoever stated them has to look again."""
    stated = list(body.times)
    derived = time_of_id(body.subject.platform, body.subject.post_id)
    if derived is not None:
        stated.append(derived)
    return [Gap("posted_at_contradicts", said) for said in contradictions(stated)[:5]]


def _window(body: FindingBody, known: Known) -> Gap | None:
    try:
        verdict = silence_verdict(body, known)
    except RuleError as error:
        return Gap("silence_rule", error.reason)
    if verdict is None:
        return Gap("silence_window")
    if verdict.place != "in":
        return Gap(f"silence_{verdict.place}", verdict.reason)
    return None if verdict.can_confirm else Gap("silence_draft", verdict.reason)


def _label_history(_body: FindingBody, known: Known) -> Gap | None:
    """The platform's label looked for at two times at least, absent at the first. At one moment, present counts."""
    told = [one for one in known.looks if one.layer == 2 and one.state in ("present", "absent")]
    if len({one.at for one in told}) < 2:
        return Gap("label_history")
    first = min(one.at for one in told)
    if any(one.state == "present" for one in told if one.at == first):
        return Gap("label_present", "2")
    return _contrary(told)


def _sightings(body: FindingBody, _known: Known) -> Gap | None:
    """Two that are independent: other people, or another address."""
    seen = {(one.url.partition("#")[0], one.by.casefold()) for one in body.sightings}
    return None if len(seen) >= 2 else Gap("two_sightings")


def _listed(body: FindingBody, known: Known) -> Gap | None:
    return Gap("listed_entity") if body.listed is None else listing_gap(body.listed, _captured(body, known))


CHECKS: dict[str, Check] = {
    "media": _needs("media", lambda body: body.subject.media_sha256 and body.subject.media_phash),
    "labels_1_2": _labels,
    "ai_assessment": _ai,
    "actor": _needs("actor", lambda body: body.actor),
    "posted_at": _posted,
    "silence_window": _window,
    "propaganda_text": _needs("propaganda_text", lambda body: body.content_text),
    "ad_id": _needs("ad_id", lambda body: body.subject.ad_id),
    "ad_library_capture": _needs("ad_library_capture", lambda body: body.ad_library_capture),
    "label_history": _label_history,
    "sponsor": _needs("sponsor", lambda body: body.sponsor),
    "ttps": _needs("ttps", lambda body: body.ttps),
    "narrative": _needs("narrative", lambda body: body.narrative),
    "two_sightings": _sightings,
    "account_set": _needs("account_set", lambda body: len(set(body.accounts)) >= 2),
    "coordination_signal": _needs("coordination_signal", lambda body: body.coordination),
    "listed_entity": _listed,
    "pair_capture": _needs("pair_capture", lambda body: body.imitates and body.imitated_capture),
    "redirect_chain": _needs("redirect_chain", lambda body: len(body.redirect_chain) >= 2),
    "notice_attempt": _needs("notice_attempt", lambda body: body.notice_captures),
}

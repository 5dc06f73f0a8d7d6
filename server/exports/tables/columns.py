"""The columns of the tables: name, type, what it means, and which profiles have it. The one list that decides what leaves."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from server.exports.profiles import Profile
from server.exports.tables.cells import Value
from server.exports.tables.findings import ConfirmedFinding, SeenOnce, utc_text

Row = TypeVar("Row")
Kind = Literal["string", "integer", "number", "datetime", "array"]
ALL = frozenset(Profile)
NOT_PUBLIC = ALL - {Profile.PUBLIC}
OFFICIAL = frozenset({Profile.INTERNAL, Profile.AUTHORITY})
OWN = frozenset({Profile.INTERNAL})


@dataclass(frozen=True)
class Column(Generic[Row]):
    """One column. `value` gives the cell for a profile that has the column; empty texts become absent."""

    name: str
    kind: Kind
    says: str
    value: Callable[[Row, Profile], Value]
    profiles: frozenset[Profile] = ALL

    def cell(self, row: Row, profile: Profile) -> Value:
        """The cell. Zero is a value; an empty text or list is none."""
        value = self.value(row, profile)
        return None if value == "" or value == [] else value


def columns_for(columns: tuple[Column[Row], ...], profile: Profile) -> tuple[Column[Row], ...]:
    """The columns of a profile, in order."""
    return tuple(column for column in columns if profile in column.profiles)


F = Column[ConfirmedFinding]
S = Column[SeenOnce]


def _naming(value: Callable[[ConfirmedFinding], Value]) -> Callable[[ConfirmedFinding, Profile], Value]:
    """What leads to an account: only where the account may be named."""
    return lambda one, profile: value(one) if one.names_account(profile) else None


def _listed(member: str) -> Callable[[ConfirmedFinding, Profile], Value]:
    """A member of the listed entity, as text; None without one, and where it would say who is behind an account held back."""
    return lambda one, to: None if one.body.listed is None or one.is_held_back(to) else str(getattr(one.body.listed, member))


def _posted(one: ConfirmedFinding) -> Value:
    return None if one.posted is None else utc_text(one.posted.value)


def _captured(one: ConfirmedFinding) -> Value:
    known = [one.captured_at[capture] for capture in one.body.captures if capture in one.captured_at]
    return utc_text(min(known, default=None))


FINDING_COLUMNS: tuple[F, ...] = (
    F("finding_id", "string", "Id of the finding (UUID); the same in every export.", lambda one, _: str(one.finding_id)),
    F("case", "string", "Number of the case in its organisation.", lambda one, _: f"C-{one.case_number}"),
    F("finding", "string", "Number of the finding in its case.", lambda one, _: f"F-{one.number}"),
    F("version", "integer", "The version that was confirmed.", lambda one, _: one.version),
    F("body_sha256", "string", "SHA-256 of that version's text.", lambda one, _: one.body_sha256, OFFICIAL),
    F("type", "string", "Kind of finding.", lambda one, _: one.type),
    F("sli_label", "string", "Content type of the Code's SLI 16.1.1.", lambda one, _: one.pins["type"]["sli_label"]),
    F("confirmed_at", "datetime", "When a second person confirmed it (UTC).", lambda one, _: utc_text(one.confirmed_at)),
    F("platform", "string", "The platform.", lambda one, _: one.body.subject.platform),
    F("post_id", "string", "The platform's id of the post, as text.", _naming(lambda one: one.body.subject.post_id)),
    F("account_id", "string", "The platform's id of the account, as text, or a pseudonym.", lambda one, to: one.account(to)),
    F("channel_id", "string", "The platform's id of the channel.", _naming(lambda one: one.body.subject.channel_id)),
    F("ad_id", "string", "The platform's id of the advertisement.", _naming(lambda one: one.body.subject.ad_id)),
    F("url", "string", "Address of what the finding is about.", _naming(lambda one: one.body.subject.url)),
    F("posted_at", "datetime", "When it was posted (UTC), by the best source.", lambda one, _: _posted(one)),
    F("posted_at_source", "string", "Where that time is from.",
      lambda one, _: None if one.posted is None else str(one.posted.source)),
    F("posted_at_precision_s", "number", "How exact that time is: seconds, both ways.",
      lambda one, _: None if one.posted is None else one.posted.precision_s),
    F("posted_at_compared", "string", "Whether the way it was got was ever compared with a published time: yes or no.",
      lambda one, _: None if one.posted is None else "yes" if one.posted.compared else "no"),
    F("captured_at", "datetime", "Time of the first capture of the thing itself, not of a sighting (UTC, the device's clock).",
      lambda one, _: _captured(one)),
    F("member_state", "string", "Member State concerned (ISO 3166-1).", lambda one, _: one.body.member_state),
    F("language", "string", "Language of the content.", lambda one, _: one.body.language),
    F("actor", "string", "Who is said to be behind it.", _naming(lambda one: one.body.actor)),
    F("sponsor", "string", "Who is said to have paid.", lambda one, _: one.body.sponsor, NOT_PUBLIC),
    F("facts", "string", "What was seen.", lambda one, _: one.body.facts),
    F("assessment", "string", "What the authors conclude.", lambda one, _: one.body.assessment, OFFICIAL),
    F("alleged_basis", "array", "Rules alleged to be infringed: no decision.", lambda one, _: list(one.body.bases)),
    F("content_text", "string", "Text of the content.", _naming(lambda one: one.body.content_text)),
    F("narrative", "string", "The narrative it belongs to.", lambda one, _: one.body.narrative),
    F("techniques", "array", "Framework, version and id of each technique.",
      lambda one, _: [f"{tag.framework} {tag.version} {tag.id}" for tag in one.body.ttps]),
    F("media_sha256", "string", "SHA-256 of the picture's or video's file.", lambda one, _: one.body.subject.media_sha256),
    F("media_phash", "string", "Perceptual hash: similar, never identical.", lambda one, _: one.body.subject.media_phash),
    F("cluster", "string", "Cluster of pictures judged the same, with its version.", lambda one, _: one.body.subject.cluster),
    F("label_poster", "string", "Disclosure by the poster: present, absent, not_checked or not_applicable.",
      lambda one, _: one.looks(1)),
    F("label_platform", "string", "Label of the platform.", lambda one, _: one.looks(2)),
    F("label_community", "string", "Community note or fact check.", lambda one, _: one.looks(3)),
    F("label_provenance", "string", "Provenance in the file. Platforms strip it: its absence proves nothing.",
      lambda one, _: one.looks(4)),
    F("ai_methods", "array", "Method and verdict of each look for generated content.",
      lambda one, _: [f"{look.method}: {look.verdict}" for look in one.body.ai]),
    F("ai_looked_by", "array", "Person or tool behind each of them.", lambda one, _: [look.by for look in one.body.ai], OWN),
    F("silence_rule", "string", "Silence window judged by, with the rule's version.",
      lambda one, _: " ".join(str(one.silence[name]) for name in ("rule_id", "rule_version") if name in one.silence)),
    F("silence_verdict", "string", "in, out or unknown.", lambda one, _: one.silence.get("place")),
    F("silence_margin_s", "number",
      "Seconds to the nearest edge of the window; of an unknown verdict 0, or what an id alone says that was never compared.",
      lambda one, _: one.silence.get("margin_s")),
    F("listed_entity", "string", "Listed entity concerned.", _listed("name")),
    F("listed_entity_id", "string", "Its id.", _listed("entity_id")),
    F("listed_from", "string", "Since when it is listed.", _listed("listed_from")),
    F("listed_vantage_country", "string", "From which country it was looked at.",
      _listed("vantage_country"), OFFICIAL),
    F("accounts_count", "integer", "Size of the account set.", lambda one, _: len(set(one.body.accounts)) or None),
    F("accounts", "array", "The account set: ids as text, or pseudonyms.", lambda one, to: one.accounts(to)),
    F("coordination", "string", "What shows that they act together.", lambda one, _: one.body.coordination, OFFICIAL),
    F("imitates", "string", "Who or what is imitated.", lambda one, _: one.body.imitates),
    F("redirect_chain", "array", "Addresses that lead to the last one.", _naming(lambda one: list(one.body.redirect_chain))),
    F("availability", "string", "Whether it could still be seen.", lambda one, _: one.body.availability),
    F("severity", "string", "The authors' word on how grave it is.", lambda one, _: one.body.severity, OFFICIAL),
    F("confidence", "string", "The authors' word on how sure they are.", lambda one, _: one.body.confidence, OFFICIAL),
    F("captures", "array", "Captures that are the evidence, by id.", lambda one, _: list(one.body.cited_captures)),
    F("deposits_count", "integer", "Archives cited that were made elsewhere; none of them is one of the captures.",
      lambda one, _: len(one.deposits) or None),
    F("deposits", "array", "Those archives: number, kind, SHA-256, and that they were made elsewhere.",
      lambda one, _: one.deposits, OFFICIAL),
    F("organisation", "string", "Whose case it is.", lambda one, _: one.organisation, NOT_PUBLIC),
    F("override_note", "string", "Why it was confirmed in spite of a warning.", lambda one, _: one.body.override_note, OWN),
    F("author", "string", "Who wrote the version.", lambda one, _: one.author, OWN),
    F("reviewer", "string", "Who confirmed it.", lambda one, _: one.reviewer, OWN),
    F("captures_withdrawn", "array", "Captures cited that were withdrawn from the case by then; it stays confirmed and counted.",
      lambda one, _: one.captures_withdrawn),
    F("deposits_withdrawn", "integer", "How many archives cited were withdrawn from the case by then.",
      lambda one, _: len(one.deposits_withdrawn) or None),
)  # fmt: skip

SIGHTING_COLUMNS: tuple[S, ...] = (
    S("sighting_id", "string", "Id of the sighting (UUID); the same in every export.", lambda one, _: str(one.sighting_id)),
    S("finding_id", "string", "The finding it belongs to.", lambda one, _: str(one.finding.finding_id)),
    S("seen_at", "datetime", "When it was seen (UTC).", lambda one, _: utc_text(one.sighting.at)),
    S("url", "string", "Where.", lambda one, to: one.sighting.url if one.finding.names_account(to) else None),
    S("capture_id", "string", "Capture of it, if there is one.", lambda one, _: one.sighting.capture_id),
    S("deposit", "string", "Archive made elsewhere that shows it, if there is one: number, kind, SHA-256.",
      lambda one, _: one.deposit, OFFICIAL),
    S("country", "string", "From which country.", lambda one, _: one.sighting.country, OFFICIAL),
    S("seen_by", "string", "By whom.", lambda one, _: one.sighting.by, OWN),
)  # fmt: skip

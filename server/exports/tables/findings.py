"""One confirmed finding, and one sighting of it, as the tables know them; what a profile may show of them."""

import hashlib
import hmac
import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from server.exports.profiles import Profile
from server.findings.body import FindingBody, Sighting
from server.rules.posttimes import FIRST_RULE, PostTime

_SIGHTING_IDS = uuid.UUID("6e9f9f0c-6a0e-5a9e-9d0b-0f2f3f9a7c11")
"""The namespace of sighting ids. Never changed: a second export must name the same sighting the same."""


@dataclass(frozen=True)
class HeldBack:
    """A named account that findings of the same case keep behind a pseudonym: whether one does now, and when that last may have
    changed."""

    is_held: bool
    at: datetime


@dataclass(frozen=True)
class ConfirmedFinding:
    """The version that was confirmed last, with what its confirmation pinned. `captured_at`: of the captures it cites.

    author, reviewer: names of persons; `organisation`: whose case it is. first_confirmed_at: of whichever version. withdrawn:
    captures and deposits (by id) that had been withdrawn from the case when this was read, each with when, and perhaps among them
    some that it does not cite. held_back: of its account, where a person named that; looked for in exports for the public alone.
    """

    case_id: uuid.UUID
    case_number: int
    organisation: str
    finding_id: uuid.UUID
    number: int
    type: str
    version: int
    body_sha256: str
    body: FindingBody
    first_confirmed_at: datetime
    confirmed_at: datetime
    pins: Mapping[str, Any]
    captured_at: Mapping[str, datetime]
    author: str
    reviewer: str
    withdrawn: Mapping[str, datetime] = field(default_factory=dict)
    held_back: HeldBack | None = None

    def names_account(self, profile: Profile) -> bool:
        """False where an account stays a pseudonym: for the public, unless a person named the actor or it is an advertisement.

        A pseudonym in one finding of an export is one in all of them: a name beside it would tell who it is.
        """
        return profile is not Profile.PUBLIC or (self.is_named and (self.held_back is None or not self.held_back.is_held))

    def is_held_back(self, profile: Profile) -> bool:
        """Whether somebody named the account here and this profile keeps it behind a pseudonym nevertheless."""
        return self.is_named and not self.names_account(profile)

    @property
    def is_named(self) -> bool:
        """Whether a person named who is behind it, or it is an advertisement, which names that itself."""
        return bool(self.body.actor) or bool(self.body.subject.ad_id)

    def pseudonym(self, account: str) -> str:
        """The same for the same account of a case, and another in every other case. Source: RFC 2104."""
        named = f"{self.body.subject.platform}\x00{account}".encode()
        return f"acc-{hmac.new(self.case_id.bytes, named, hashlib.sha256).hexdigest()[:16]}"

    def account(self, profile: Profile) -> str:
        """The account's id, or its pseudonym."""
        account = self.body.subject.account_id
        return account if self.names_account(profile) or not account else self.pseudonym(account)

    def accounts(self, profile: Profile) -> list[str]:
        """The account set of a network: ids, and pseudonyms for the public, whoever is behind it."""
        known = list(dict.fromkeys(self.body.accounts))
        return [self.pseudonym(one) for one in known] if profile is Profile.PUBLIC else known

    def looks(self, layer: int) -> str:
        """The last word on a layer of labels when it was confirmed; at one moment, present counts, as in the checks of evidence.
        Never looked for is `not_checked`, which is not absent."""
        told = [look for look in self.pins.get("looks", []) if look["layer"] == layer and look["state"] != "not_checked"]
        return max(told, key=lambda look: (str(look["at"]), look["state"] == "present"))["state"] if told else "not_checked"

    @property
    def posted(self) -> PostTime | None:
        """The time of posting that counted when it was confirmed: by the rule for times that the confirmation pins."""
        return self.body.posted_by(self.pins.get("time_rule", FIRST_RULE))

    @property
    def deposits(self) -> list[str]:
        """The archives made elsewhere that its confirmation pinned, each saying so."""
        return list(self.deposits_by_id.values())

    @property
    def deposits_by_id(self) -> Mapping[str, str]:
        """Each of them in words, by id."""
        pinned = self.pins.get("deposits") or []
        return {one["id"]: f"D-{one['number']} {one['kind']} sha256:{one['sha256']} ({one['origin']})" for one in pinned}

    @property
    def captures_withdrawn(self) -> list[str]:
        """The captures it cites that were withdrawn from the case. It stays confirmed until somebody rejects it."""
        return [one for one in self.body.cited_captures if one in self.withdrawn]

    @property
    def deposits_withdrawn(self) -> list[str]:
        """The archives it cites that were withdrawn from the case, by id."""
        return [str(one) for one in self.body.cited_deposits if str(one) in self.withdrawn]

    @property
    def deposits_told(self) -> list[str]:
        """The archives in words; of a withdrawn one, that it is."""
        told = self.deposits_by_id.items()
        return [f"{words} (withdrawn from the case)" if one in self.withdrawn else words for one, words in told]

    @property
    def changed_at(self) -> datetime:
        """The last event that changed what is told of it: its confirmation, or a later withdrawal of what it cites, or word on a
        finding that keeps its account behind a pseudonym."""
        gone = [self.withdrawn[one] for one in (*self.captures_withdrawn, *self.deposits_withdrawn)]
        return max([self.confirmed_at, *gone, *([] if self.held_back is None else [self.held_back.at])])

    @property
    def silence(self) -> Mapping[str, Any]:
        """The pinned verdict of the silence rule; empty without one."""
        return self.pins.get("silence") or {}


@dataclass(frozen=True)
class SeenOnce:
    """One sighting of a confirmed finding."""

    finding: ConfirmedFinding
    sighting: Sighting
    position: int

    @property
    def deposit(self) -> str | None:
        """The archive made elsewhere that shows it, in words; None without one."""
        cited = self.sighting.deposit_id
        return None if cited is None else self.finding.deposits_by_id.get(str(cited))

    @property
    def sighting_id(self) -> uuid.UUID:
        """Follows from the finding and what was seen: a second export, and a later version that still has it, give the same.

        The case's id, which no export for the public holds, keeps the id from confirming who is guessed to have seen it.
        """
        said = json.dumps(self.sighting.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
        return uuid.uuid5(_SIGHTING_IDS, f"{self.finding.case_id}:{self.finding.finding_id}:{said}")


def sightings_of(finding: ConfirmedFinding) -> Iterator[SeenOnce]:
    """The finding's sightings in the order stated, each once."""
    for position, sighting in enumerate(dict.fromkeys(finding.body.sightings)):
        yield SeenOnce(finding, sighting, position)


def utc_text(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC with milliseconds and `Z`."""
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

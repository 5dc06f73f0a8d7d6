"""For whom an export is made. The profile decides what is in it, and which right asks for it and fetches it."""

from enum import StrEnum

from server.operators.roles import Right


class Profile(StrEnum):
    """Who reads it: the own organisation, an authority, the platform concerned, anybody."""

    INTERNAL = "internal"
    AUTHORITY = "authority"
    PLATFORM = "platform"
    PUBLIC = "public"


ASKS: dict[Profile, Right] = {
    Profile.INTERNAL: Right.READ_CASES,
    Profile.AUTHORITY: Right.DRAFT_AUTHORITY,
    Profile.PLATFORM: Right.EXPORT_PLATFORM,
    Profile.PUBLIC: Right.EXPORT_PUBLIC,
}
"""The right that an export of this profile asks for."""
FETCHES: dict[Profile, Right] = ASKS | {Profile.AUTHORITY: Right.EXPORT_AUTHORITY}
"""The right to take the file away: what goes to an authority is prepared by one right and handed over by another."""
SECOND_PERSON = frozenset({Profile.AUTHORITY})
"""Profiles whose finished file somebody other than the person who asked for it must confirm before it is taken away."""

"""What each role may do: the matrix, as data. A person holds one or more roles; rights add up."""

from collections.abc import Iterable
from enum import StrEnum


class OperatorRole(StrEnum):
    """What a person is in an organisation. An external recipient has no right here: a bundle's link is all such a person gets."""

    FACT_CHECKER = "fact_checker"
    INVESTIGATOR = "investigator"
    CASE_LEAD = "case_lead"
    EXTERNAL_RECIPIENT = "external_recipient"
    ADMIN = "admin"


class Right(StrEnum):
    """One thing that a person may be allowed to do. The value is also the scope of an API token."""

    ACCOUNT = "account"  # the own password, tokens and browsers
    CAPTURE = "capture"  # pair a browser, send captures
    READ = "read"  # the organisation's captures; cases where one is a member
    READ_CASES = "read_cases"  # every case of the organisation
    WRITE = "write"  # exhibits, notes, entities and drafts of findings in cases one may see
    CREATE_CASES = "create_cases"
    GROUP = "group"  # say which pictures are one: merge, split, reject; freeze a cluster's counts
    REVIEW = "review"  # judge somebody else's finding
    LEAD = "lead"  # members, sharing, marking and closing of a case
    EXPORT_PUBLIC = "export_public"
    EXPORT_PLATFORM = "export_platform"
    DRAFT_AUTHORITY = "draft_authority"  # prepare what goes to an authority
    EXPORT_AUTHORITY = "export_authority"  # hand it over
    METADATA = "metadata"  # counts, never content
    ADMINISTER = "administer"  # people, roles, every browser, keys


_FACT_CHECKER = frozenset({Right.ACCOUNT, Right.CAPTURE, Right.READ, Right.WRITE, Right.EXPORT_PUBLIC})
_INVESTIGATOR = _FACT_CHECKER | {
    Right.READ_CASES,
    Right.CREATE_CASES,
    Right.GROUP,
    Right.REVIEW,
    Right.EXPORT_PLATFORM,
    Right.DRAFT_AUTHORITY,
}
ROLE_RIGHTS: dict[OperatorRole, frozenset[Right]] = {
    OperatorRole.FACT_CHECKER: _FACT_CHECKER,
    OperatorRole.INVESTIGATOR: _INVESTIGATOR,
    OperatorRole.CASE_LEAD: _INVESTIGATOR | {Right.LEAD, Right.EXPORT_AUTHORITY},
    OperatorRole.EXTERNAL_RECIPIENT: frozenset(),
    OperatorRole.ADMIN: frozenset({Right.ACCOUNT, Right.METADATA, Right.ADMINISTER}),
}
FIRST_ROLES = (OperatorRole.CASE_LEAD, OperatorRole.ADMIN)
"""What the person has who sets the service up."""
TOKEN_SCOPES = frozenset(Right) - {Right.ACCOUNT, Right.CAPTURE, Right.ADMINISTER}
"""What a token may be given. Never what would let it make further tokens, browsers or people."""


def rights_of(roles: Iterable[str]) -> frozenset[Right]:
    """The rights of these roles together. A role this version does not know gives none."""
    known = {role.value: role for role in OperatorRole}
    return frozenset().union(*(ROLE_RIGHTS[known[role]] for role in roles if role in known))

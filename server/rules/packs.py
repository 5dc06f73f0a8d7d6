"""Reading a rule pack: YAML with limits, no aliases, strict shape. Every pack and rule says where it comes from and who
verified it."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

import yaml

from server.rules.errors import RuleError

PACK_LIMIT_BYTES = 512 * 1024
Status = Literal["draft", "verified"]


@dataclass(frozen=True)
class Provenance:
    """Where a rule comes from. A `draft` rule may suggest, it never confirms. `in_force`: first and last day (None: open)."""

    source: str
    status: Status
    verified_by: str
    verified_on: date | None
    effective_from: date | None
    effective_to: date | None

    def in_force(self, day: date) -> bool:
        """True when the rule held on that day."""
        return (self.effective_from is None or self.effective_from <= day) and (
            self.effective_to is None or day <= self.effective_to
        )


@dataclass(frozen=True)
class Pack:
    """A parsed file: its name, its version, and its entries as mappings for the parser of that kind of pack."""

    name: str
    version: str
    entries: tuple[Mapping[str, Any], ...]


class _Loader(yaml.SafeLoader):
    """SafeLoader without aliases (a bomb of them is small on disk) and without a key given twice."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise RuleError("aliases are not allowed in a rule pack")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if len({str(key) for key in keys}) != len(keys):
            raise RuleError("a member is given twice")
        return super().construct_mapping(node, deep=deep)


def parse_pack(text: bytes) -> Pack:
    """The pack in a YAML file. Raises: RuleError (too large, not YAML, aliases, wrong shape)."""
    if len(text) > PACK_LIMIT_BYTES:
        raise RuleError(f"a rule pack has at most {PACK_LIMIT_BYTES} bytes")
    try:
        root = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, UnicodeError, RecursionError, ValueError) as error:
        raise error if isinstance(error, RuleError) else RuleError("not YAML") from error
    if not isinstance(root, dict) or set(root) != {"pack", "version", "rules"} or not isinstance(root["rules"], list):
        raise RuleError("a rule pack has exactly: pack, version, rules")
    if not all(isinstance(one, dict) for one in root["rules"]):
        raise RuleError("every rule is a mapping")
    pack = Pack(text_of(root, "pack"), text_of(root, "version"), tuple(root["rules"]))
    ids = [text_of(one, "id") for one in pack.entries]
    if len(set(ids)) != len(ids):
        raise RuleError("two rules have one id")
    return pack


def provenance_of(entry: Mapping[str, Any]) -> Provenance:
    """Source, status and dates of a rule. Raises: RuleError; also when a verified rule does not say by whom and when."""
    status = text_of(entry, "status")
    if status not in ("draft", "verified"):
        raise RuleError("status is draft or verified")
    who, when = optional_text(entry, "verified_by"), optional_date(entry, "verified_on")
    if status == "verified" and (not who or when is None):
        raise RuleError("a verified rule says by whom and when")
    first, last = optional_date(entry, "effective_from"), optional_date(entry, "effective_to")
    if first is not None and last is not None and last < first:
        raise RuleError("effective_to lies before effective_from")
    return Provenance(text_of(entry, "source"), "verified" if status == "verified" else "draft", who, when, first, last)


def only(entry: Mapping[str, Any], *names: str) -> None:
    """Returns when the entry has no other members. Raises: RuleError (a mistyped name would be a rule that never holds)."""
    unknown = sorted(str(name) for name in set(entry) - set(names))
    if unknown:
        raise RuleError(f"unknown members: {', '.join(unknown)}")


def text_of(entry: Mapping[str, Any], name: str) -> str:
    """A text that must be there. Raises: RuleError."""
    value = entry.get(name)
    if not isinstance(value, str) or not value.strip():
        raise RuleError(f"{name} must be a text")
    return value


def optional_text(entry: Mapping[str, Any], name: str) -> str:
    """A text, or "" when it is absent. Raises: RuleError."""
    return "" if entry.get(name) is None else text_of(entry, name)


def optional_date(entry: Mapping[str, Any], name: str) -> date | None:
    """A date (YYYY-MM-DD), or None when it is absent. Raises: RuleError."""
    value = entry.get(name)
    if value is None:
        return None
    if not isinstance(value, date) or isinstance(value, datetime):
        raise RuleError(f"{name} must be a date")
    return value


def texts_of(entry: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A list of texts, empty when it is absent. Raises: RuleError."""
    value = entry.get(name, [])
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise RuleError(f"{name} must be a list of texts")
    return tuple(value)

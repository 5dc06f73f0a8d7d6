"""What validators of STIX 2.1 let through: references that lead nowhere, extensions that nobody defines, one id twice."""

from collections import Counter
from collections.abc import Iterator
from typing import Any


def stix_problems(bundle: dict[str, Any]) -> list[str]:
    """One line per problem; empty for a bundle that holds together."""
    objects = bundle["objects"]
    ids = Counter(str(one["id"]) for one in objects)
    found = [f"{one} is there {count} times" for one, count in ids.items() if count > 1]
    for one in objects:
        found += [f"{one['id']} refers to {ref}, which is not there" for ref in _references(one) if ref not in ids]
        found += [f"{one['id']} has {key}, which nobody defines" for key in one.get("extensions", {}) if key not in ids]
    return found


def _references(one: dict[str, Any]) -> Iterator[str]:
    for name, value in one.items():
        if name.endswith("_ref") and isinstance(value, str):
            yield value
        if name.endswith("_refs") and isinstance(value, list):
            yield from map(str, value)

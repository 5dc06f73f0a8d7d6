"""What is told of a finding as it stood: the later version says so, and a label that a look found is never told as absent."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from server.exports.exchange.misp import misp_event
from server.exports.exchange.shown import shown
from server.exports.exchange.stix import stix_bundle
from server.exports.profiles import Profile
from tests.exports.rows import AT, confirmed
from tests.exports.test_exchange import case


def test_what_changed_is_the_later_version_and_keeps_its_id_and_its_birth() -> None:
    """Withdrawn evidence and another confirmation change what is told; STIX 2.1 §3.2: `created` stays."""
    later, gone = AT + timedelta(days=3), {f"{1:064x}": AT + timedelta(days=2), "ef" * 32: AT + timedelta(days=9)}
    states = [confirmed(1), replace(confirmed(1), withdrawn=gone), replace(confirmed(1), withdrawn=gone, confirmed_at=later)]
    seen: list[tuple[Any, Any]] = []
    for state in states:
        [told_one] = [shown(state, Profile.INTERNAL)]
        objects = {one["id"]: one for one in stix_bundle(case(Profile.INTERNAL), [told_one])["objects"]}
        event = misp_event(case(Profile.INTERNAL), [told_one])["Event"]
        evidence = next(one for one in event["Object"] if one["name"] == "forensic-evidence")
        comment = next(one for one in evidence["Attribute"] if one["object_relation"] == "additional-comments")
        seen.append((objects, [event, evidence, comment]))
    for (objects, parts), (newer, newer_parts) in pairwise(seen):
        assert set(objects) == set(newer) and [one["uuid"] for one in parts] == [one["uuid"] for one in newer_parts]
        assert [int(one["timestamp"]) for one in parts] < [int(one["timestamp"]) for one in newer_parts]
        for name, one in objects.items():
            assert one.get("created") == newer[name].get("created"), one["type"]
        changed = {one["type"] for name, one in objects.items() if one.get("modified", "") < newer[name].get("modified", "")}
        assert {"incident", "note", "report"} <= changed


@pytest.mark.parametrize("order", [("absent", "present"), ("present", "absent")])
def test_a_label_seen_at_the_moment_of_a_look_that_missed_it_is_told_as_there(order: tuple[str, str]) -> None:
    """As the checks of evidence judge it: at one moment, present counts, whichever look was recorded first."""
    looks = [{"layer": 3, "state": "absent", "at": "2024-07-06T09:00:00+00:00"}]
    looks += [{"layer": 3, "state": state, "at": "2024-07-06T10:00:00+00:00"} for state in order]
    assert replace(confirmed(1), pins={**confirmed(1).pins, "looks": looks}).looks(3) == "present"

"""Ids and constants of STIX 2.1 objects: the same thing has the same id in every export.

Source: STIX 2.1 §2.9 (deterministic ids of observables); OASIS, TLP 2.0 as an extension of STIX.
"""

import json
import uuid
from collections.abc import Mapping

OBSERVABLES = uuid.UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")
"""The namespace that STIX 2.1 gives to observables."""
OWN = uuid.UUID("3f0f4a4e-5f4b-5d2c-8c1e-6b7a0d9e2f51")
"""The namespace of all other ids. Never changed: a second export must name the same thing the same."""
MADE_AT = "2024-11-19T00:00:00.000Z"
"""`created` and `modified` of what no export changes: the day of DISARM Red Framework 1.6."""
TLP_EXTENSION = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
TLP_MADE_AT = "2022-10-01T00:00:00.000Z"
TLP_MARKINGS = {
    "TLP:CLEAR": "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
    "TLP:GREEN": "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    "TLP:AMBER": "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    "TLP:AMBER+STRICT": "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
    "TLP:RED": "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
}


def object_id(kind: str, *names: str) -> str:
    """`<kind>--<uuid>` of a thing by its names."""
    return f"{kind}--{uuid.uuid5(OWN, json.dumps([kind, *names], ensure_ascii=False))}"


def observable_id(kind: str, contributing: Mapping[str, object]) -> str:
    """The id that every producer gives to the same observable. `contributing`: texts, or mappings of texts."""
    said = json.dumps(contributing, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"{kind}--{uuid.uuid5(OBSERVABLES, said)}"


SOFTWARE = object_id("identity", "holdstill")
FINDING_EXTENSION = object_id("extension-definition", "finding", "1")
TECHNIQUE_EXTENSION = object_id("extension-definition", "technique", "1")

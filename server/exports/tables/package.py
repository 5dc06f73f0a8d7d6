"""`datapackage.json`: what the files of a table export are, field by field (Frictionless Data Package)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from server.exports.profiles import Profile
from server.exports.tables.columns import FINDING_COLUMNS, SIGHTING_COLUMNS, Column, columns_for

KEYS = {"findings": "finding_id", "sightings": "sighting_id"}
CSV_RULE = (
    "In the CSV files a text that begins with = + - @ TAB CR LF ' or a full-width = + - @ has one ' before it, so that no "
    "spreadsheet takes it for a formula: take one leading ' away to have the text. JSONL and XLSX have the texts as they are. "
    "Ids are texts: open the XLSX file, not the CSV, in a spreadsheet, or 19-digit ids become numbers."
)
CELL_RULE = "A text of more than 32,767 characters stands in the JSONL file only; the workbook's cell says so."


@dataclass(frozen=True)
class PackageFacts:
    """What the descriptor says of the whole. `as_of`: RFC 3339; files: name → (bytes, SHA-256) as written."""

    name: str
    title: str
    profile: Profile
    as_of: str
    marking: str
    rows: dict[str, int]
    files: dict[str, tuple[int, str]]


def descriptor(facts: PackageFacts) -> bytes:
    """The file's bytes: the same facts give the same bytes."""
    tables: list[tuple[str, Sequence[Column[Any]]]] = [
        ("findings", columns_for(FINDING_COLUMNS, facts.profile)),
        ("sightings", columns_for(SIGHTING_COLUMNS, facts.profile)),
    ]
    value = {
        "profile": "data-package",
        "name": facts.name,
        "title": facts.title,
        "holdstill:profile": facts.profile.value,
        "holdstill:as_of": facts.as_of,
        "holdstill:tlp": facts.marking,
        "holdstill:rows": facts.rows,
        "holdstill:rules": [CSV_RULE, CELL_RULE],
        "resources": [one for name, columns in tables for one in _resources(facts, name, columns)],
    }
    return json.dumps(value, ensure_ascii=False, indent=1).encode() + b"\n"


def _resources(facts: PackageFacts, table: str, columns: Sequence[Column[Any]]) -> list[dict[str, Any]]:
    schema = {"fields": [_field(column) for column in columns], "primaryKey": [KEYS[table]], "missingValues": [""]}
    texts = schema | {"fields": [_field(column, arrays="string") for column in columns]}
    lines = {"format": "jsonl", "schema": schema, "dialect": {"json": {"keyed": True}}}
    sheet = {"format": "xlsx", "schema": texts, "dialect": {"excel": {"sheet": table}}}
    return [
        _resource(facts, table, f"{table}.csv", {"format": "csv", "schema": schema}),
        _resource(facts, f"{table}-jsonl", f"{table}.jsonl", lines),
        _resource(facts, f"{table}-xlsx", "tables.xlsx", sheet),
    ]


def _resource(facts: PackageFacts, name: str, path: str, more: dict[str, Any]) -> dict[str, Any]:
    size_bytes, sha256 = facts.files[path]
    return {"name": name, "path": path, "encoding": "utf-8", "bytes": size_bytes, "hash": f"sha256:{sha256}"} | more


def _field(column: Column[Any], *, arrays: str = "array") -> dict[str, Any]:
    kind = arrays if column.kind == "array" else column.kind
    more = {"format": "any"} if kind == "datetime" else {}
    return {"name": column.name, "type": kind, "description": column.says} | more

"""The report under the Code: what a person writes, and the frozen object with every number and the ids behind it.

A number is counted from alerts that were made, or is a frozen statistic, or is stated by the organisation; each row says which.
Source: SLI 16.1.1, 17.2.1 and 30.1.1 of the Code of Practice / Conduct on Disinformation; the forms suggest 2,000 characters.
"""

import hashlib
from datetime import date
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from server.exports.documents.values import Line, Text, Value
from server.findings.activities import MEASURES, TEXT_LIMIT, form_characters

__all__ = ["MEASURES", "TEXT_LIMIT"]
Sli = Literal["16.1.1", "17.2.1", "30.1.1"]


class QreText(Value):
    """A qualitative answer. `measure`: such as 16.1.1."""

    measure: Annotated[str, Field(pattern=r"^[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{1,2}$")]
    text: Annotated[Text, Field(max_length=20_000)]


class Activity(Value):
    """One line of the organisation's own log: stated, never counted from evidence. A reach stays a range and is not summed."""

    on: date
    sli: Literal["17.2.1", "30.1.1"]
    activity: Annotated[Line, Field(min_length=1)]
    participants: Annotated[int, Field(ge=0)] | None = None
    reach_low: Annotated[int, Field(ge=0)] | None = None
    reach_high: Annotated[int, Field(ge=0)] | None = None
    languages: Line = ""
    source: Line = ""


class RecordedActivity(Value):
    """One line of the log as it stood when the report was made: `number` names it in the organisation."""

    number: int
    on: date
    kind: Line
    measure: Line
    text: Text
    participants: int | None = None
    reach_low: int | None = None
    reach_high: int | None = None
    languages: Line = ""
    source: Text = ""
    case: Line = ""


class WorkbookDraft(Value):
    """What a person writes. Both days are in the period (UTC). `statistics`: numbers of frozen statistics to print. `log`: the
    period's lines of the activity log are taken in; `activities` are further ones, typed for this report alone."""

    organisation: Annotated[Line, Field(min_length=1)]
    period_from: date
    period_to: date
    statistics: Annotated[tuple[int, ...], Field(max_length=40)] = ()
    texts: Annotated[tuple[QreText, ...], Field(max_length=30)] = ()
    activities: Annotated[tuple[Activity, ...], Field(max_length=500)] = ()
    log: bool = True


class SliRow(Value):
    """One number; where it is a range there is no `n`, only its ends. Empty breakdowns mean all. `ids`: what was counted, in
    order; `ids_elsewhere`: they are too many for this file and stand in the statistic's own ids file, which has the same hash.
    ids_withheld: they stand only there, because they name accounts or posts and this report is for the public.
    withdrawn: findings that a statistic counts whose evidence was withdrawn when the report was made; None where nothing was
    looked for.
    """

    sli: Sli
    content_type: str = ""
    member_state: str = ""
    platform: str = ""
    language: str = ""
    unit: str
    n: int | None
    n_low: int
    n_high: int
    dedup_rule: str
    statistic_id: str = ""
    ids_sha256: str = ""
    as_of: AwareDatetime
    ids: tuple[str, ...] = ()
    ids_elsewhere: bool = False
    ids_withheld: bool = Field(default=False, exclude_if=lambda one: not one)
    withdrawn: int | None = Field(default=None, exclude_if=lambda one: one is None)


class AlertRow(Value):
    """An alert in its last version of the period."""

    alert_id: str
    number: str
    version: int
    made_at: AwareDatetime
    tlp: str
    title: str
    content_types: tuple[str, ...]


class ActionRow(Value):
    """A document that was made for somebody in the period."""

    action_type: str
    document_id: str
    made_at: AwareDatetime
    recipient: str


class Workbook(Value):
    """The frozen object."""

    format: Literal["holdstill-workbook/1"] = "holdstill-workbook/1"
    workbook_id: str
    made_at: AwareDatetime
    tlp: str
    said: WorkbookDraft
    rows: tuple[SliRow, ...]
    alerts: tuple[AlertRow, ...]
    actions: tuple[ActionRow, ...]
    recorded: tuple[RecordedActivity, ...] = ()


def refusals(book: Workbook) -> list[str]:
    """Everything that keeps it from being made, as codes with a detail after a colon; empty when nothing does."""
    said = book.said
    found = ["period"] if said.period_to < said.period_from else []
    found += [] if book.rows else ["nothing_counted"]
    found += [
        f"text_too_long: QRE {one.measure}, {form_characters(one.text)} of {TEXT_LIMIT} characters"
        for one in said.texts
        if form_characters(one.text) > TEXT_LIMIT
    ]
    measures = [one.measure for one in said.texts]
    found += [f"text_twice: QRE {one}" for one in dict.fromkeys(measures) if measures.count(one) > 1]
    turned = (one for one in said.activities if one.reach_low is not None and (one.reach_high or 0) < one.reach_low)
    return found + [f"reach: {one.activity}" for one in turned]


def ids_sha256(ids: tuple[str, ...]) -> str:
    """SHA-256 of the ids, one a line, each line ended by LF."""
    return hashlib.sha256("".join(f"{one}\n" for one in ids).encode()).hexdigest()

"""A table becomes entities, what rows say of them, and problems: once per platform id, without a guess, and without loss."""

import io
import json

import openpyxl
import pytest

from server.cases.models import CaseText, Entity, Metric, Relation
from server.errors import BadInput
from server.imports.errors import FileRefused, ImportRefused
from server.imports.models import Observation
from server.imports.views import Plan
from server.trust.dsse import parse_envelope
from server.trust.events import parse_event
from tests.imports.desk import SOURCE, Desk, table

X = "https://x.com/somebody/status/1809530000000000000"
HEADER = ("url", "posted at", "views", "text")


async def test_rows_become_posts_accounts_times_and_numbers(desk: Desk) -> None:
    view = await desk.taken(table(HEADER, (X, "2024-07-06T10:00:00Z", "5 to 9 million views per week", "Știri")))
    assert (view.table.state, view.table.rows_taken, view.table.rows_refused) == ("done", 1, 0)
    post, account = sorted(await desk.rows(Entity), key=lambda one: one.kind, reverse=True)
    assert (post.kind, post.platform, post.external_id) == ("post", "x", "1809530000000000000")
    assert (account.kind, account.external_id) == ("account", "@somebody")
    [relation] = await desk.rows(Relation)
    assert (relation.from_id, relation.to_id, relation.confidence) == (post.id, account.id, "likely")
    assert relation.source == "import 1: a list made with a tool"
    [metric] = await desk.rows(Metric)
    assert (metric.low, metric.high, metric.unit, metric.window) == (5_000_000, 9_000_000, "views", "per week")
    assert metric.as_of.isoformat() == "2024-07-08T09:00:00+00:00" and metric.method == "import 1, row 2, column views"
    [said] = await desk.rows(Observation)
    assert [(one["source"], one["precision_s"], one["compared"]) for one in said.posted_at] == [
        ("platform_id", 0.001, True),
        ("person", 1.0, True),
    ]
    assert said.facts["views"] == "5 to 9 million views per week" and said.row == 2
    [hit] = await desk.site.services.cases.search.search(desk.actor, desk.case.id, "stiri")
    assert hit.ref == str(post.id)
    await desk.site.sound()


async def test_a_number_seen_on_a_day_does_not_say_at_noon(desk: Desk) -> None:
    await desk.taken(table(("post id", "platform", "views", "seen at"), ("123456", "facebook", "10", "2024-07-06")))
    [metric] = await desk.rows(Metric)
    assert metric.method == "import 1, row 2, column views, seen ± 43200 s"


async def test_the_same_post_again_is_another_observation_and_changes_nothing(desk: Desk) -> None:
    first = await desk.taken(table(HEADER, (X, "", "10", "first words"), (f"{X}?s=20", "", "11", "later words")))
    second = await desk.taken(table(HEADER, (X.replace("x.com", "twitter.com"), "", "12", "other words")), source="another list")
    assert first.table.rows_taken == 2 and second.table.rows_taken == 1
    posts = await desk.rows(Entity, Entity.kind == "post")
    assert len(posts) == 1 and posts[0].url == X
    observed = await desk.rows(Observation, Observation.entity_id == posts[0].id)
    assert sorted(one.facts["text"] for one in observed) == ["first words", "later words", "other words"]
    assert sorted(one.low for one in await desk.rows(Metric)) == [10, 11, 12]
    assert len(await desk.rows(Relation)) == 1


async def test_a_row_with_one_wrong_cell_is_not_taken_and_says_where_and_why(desk: Desk) -> None:
    rows = [
        HEADER,
        (X, "6.7.2024", "1", ""),
        ("javascript:alert(1)", "", "1", ""),
        (X, "", "more than 500", "=cmd()"),
        (X, "", "", ""),
    ]
    view = await desk.taken(table(*rows))
    assert (view.table.rows_taken, view.table.rows_refused) == (1, 3)
    assert [(one.row, one.severity, one.column, one.value) for one in view.problems if one.severity == "error"] == [
        (2, "error", "posted at", "6.7.2024"), (3, "error", "url", "javascript:alert(1)"), (4, "error", "views", "more than 500"),
    ]  # fmt: skip
    assert "cannot be told apart" in view.problems[0].reason
    assert len(await desk.rows(Observation)) == 1


async def test_a_post_time_that_contradicts_the_id_is_taken_and_noted(desk: Desk) -> None:
    view = await desk.taken(table(HEADER, (X, "2024-07-08T10:00:00Z", "", "")))
    [note] = [one for one in view.problems if one.column == "posted at"]
    assert note.severity == "note" and "the platform's id and a person differ by 1 d 23:50:53.902" in note.reason
    [said] = await desk.rows(Observation)
    assert said.posted_at[0]["source"] == "platform_id", "the id counts before a person's word"


async def test_an_account_list_keeps_ranges_and_ids_as_texts(desk: Desk) -> None:
    header = ("account id", "platform", "handle", "weekly views")
    view = await desk.taken(table(header, ("7300000000000000001", "TikTok", "@Some.Body", "5-9M")), window="per week")
    assert view.table.rows_refused == 0, view.problems
    [account] = await desk.rows(Entity)
    assert (account.kind, account.platform, account.external_id, account.name) == (
        "account", "tiktok", "7300000000000000001", "Some.Body",
    )  # fmt: skip
    [metric] = await desk.rows(Metric)
    assert (metric.low, metric.high, metric.window) == (5_000_000, 9_000_000, "per week")


async def test_ids_that_a_spreadsheet_made_numbers_of_are_refused_by_cell(desk: Desk) -> None:
    book = openpyxl.Workbook()
    for row in (
        ("post id", "platform", "seen at"),
        (1735765521595875777, "x", None),
        (1.7e18, "x", None),
        ("1.73577E+18", "x", None),
        ("1735765521595875777", "x", None),
        (123456789012345, "x", None),
    ):
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    view = await desk.taken(out.getvalue(), "list.xlsx")
    told = {one.row: one.reason for one in view.problems if one.severity == "error"}
    assert set(told) == {2, 3, 4} and "A2" in told[2] and "A3" in told[3] and "scientific" in told[4]
    assert {one.external_id for one in await desk.rows(Entity)} == {"1735765521595875777", "123456789012345"}


async def test_json_lines_keep_every_digit_and_refuse_line_by_line(desk: Desk) -> None:
    lines = [
        '{"post_id": 1735765521595875777, "platform": "x", "views": 12}',
        "not json",
        '{"post_id": 1.7e18, "platform": "x"}',
        '{"post_id": "1", "post_id": "2", "platform": "x"}',
        '{"post_id": {"a": 1}, "platform": "x"}',
        "",
        '{"platform": "tiktok", "post_id": "7300000000000000000"}',
    ]
    view = await desk.taken("\n".join(lines).encode(), "list.jsonl")
    assert (view.table.rows_taken, view.table.rows_refused) == (2, 4)
    assert [one.row for one in view.problems if one.severity == "error"] == [2, 3, 4, 5]
    ids = {one.external_id for one in await desk.rows(Entity, Entity.kind == "post")}
    assert ids == {"1735765521595875777", "7300000000000000000"}


async def test_half_a_character_is_shown_refused_and_breaks_no_preview(desk: Desk) -> None:
    data = b'{"post id": "\\ud800", "platform": "x"}\n{"post id": "1809530000000000001", "platform": ["\\ud800"]}\n'
    preview = await desk.imports.preview(desk.actor, (await desk.upload(data, "a.jsonl")).id)
    shown = [text for row in preview.rows for text in (*row.cells, *(one.value for one in row.problems))]
    assert all(row.read is None for row in preview.rows) and " ".join(shown).encode().decode()


async def test_an_auto_archiver_sheet_is_understood(desk: Desk) -> None:
    header = (
        "Link",
        "Archive status",
        "Archive location",
        "Archive date",
        "Upload timestamp",
        "Upload title",
        "Text content",
        "Hash",
    )
    times = ("2024-07-06T12:00:00+00:00", "2024-07-06T08:00:00+00:00")
    row = (X, "wayback: success", "https://archive.example/1", *times, "A title", "words", "SHA3-512:ab")
    draft = await desk.upload(table(header, row))
    preview = await desk.imports.preview(desk.actor, draft.id)
    assert preview.is_auto_archiver and preview.problem == "" and len(preview.mapping) == 8
    assert preview.rows[0].read is not None and preview.rows[0].read.seen is not None
    await desk.imports.start(desk.actor, draft.id, Plan(preview.mapping, {"source": "an archiver's sheet"}), queued=False)
    assert await desk.imports.runner.run(draft.id) == "done"
    [said] = await desk.rows(Observation)
    assert said.facts["archive_url"] == "https://archive.example/1" and said.facts["file_hash"] == "SHA3-512:ab"


@pytest.mark.parametrize(
    ("data", "encoding", "word"),
    [
        ("url\nhttps://a.example/č\n".encode("windows-1250"), "", "not UTF-8"),
        ("\ufeffurl\nhttps://a.example/1\n".encode(), "utf-8", "byte order mark"),
        ("\ufeffurl\nhttps://a.example/1\n".encode("utf-16-le"), "utf-16-le", "byte order mark"),
        (b"url\nhttps://a.example/1\n", "utf-8", "every byte"),
    ],
)
async def test_an_encoding_is_said_or_asked_for_never_guessed(desk: Desk, data: bytes, encoding: str, word: str) -> None:
    draft = await desk.upload(data)
    assert draft.layout["encoding"] == encoding and word in draft.layout["encoding_why"]
    if encoding:
        assert draft.header == ["url"] and draft.rows_total == 1
        return
    with pytest.raises(BadInput):
        await desk.imports.start(desk.actor, draft.id, Plan({"url": "post_url"}, SOURCE), queued=False)
    plan = Plan({"url": "post_url"}, SOURCE, encoding="windows-1250")
    assert (await desk.imports.preview(desk.actor, draft.id, plan)).rows[0].cells == ("https://a.example/č",)
    assert (await desk.imports.start(desk.actor, draft.id, plan, queued=False)).rows_total == 1


async def test_what_is_no_table_is_refused_whole_before_anything_is_kept(desk: Desk) -> None:
    for data, name in (
        (b"", "a.csv"), (b'a\n"open', "a.csv"), (b"a,b\n", "a.docx"), (b"PK\x03\x04nothing", "a.xlsx"), (b"[1]\n", "a.jsonl"),
        (b"a\n" + b"x" * (1 << 21), "a.csv"),
    ):  # fmt: skip
        with pytest.raises(FileRefused):
            await desk.upload(data, name)
    assert await desk.imports.of_case(desk.actor, desk.case.id) == []
    torn = await desk.upload(b'url,b\n"open', "a.csv")
    with pytest.raises(FileRefused):  # its rows differ in length, so a person says how they are parted
        await desk.imports.start(desk.actor, torn.id, Plan({"url": "post_url"}, SOURCE, delimiter="comma"), queued=False)


async def test_an_import_starts_once_and_needs_a_source_and_something_that_names_a_thing(desk: Desk) -> None:
    draft = await desk.upload(table(HEADER, (X, "", "", "")))
    for plan in (Plan(draft.mapping, {}), Plan({"text": "text"}, SOURCE), Plan({"text": "post_url", "url": "post_url"}, SOURCE),
                 Plan({"nothing": "text"}, SOURCE), Plan(draft.mapping, SOURCE | {"zone": "Mars/Base"})):  # fmt: skip
        with pytest.raises(BadInput):
            await desk.imports.start(desk.actor, draft.id, plan, queued=False)
    await desk.imports.start(desk.actor, draft.id, Plan(draft.mapping, SOURCE), queued=False)
    with pytest.raises(ImportRefused):
        await desk.imports.start(desk.actor, draft.id, Plan(draft.mapping, SOURCE), queued=False)


async def test_everything_done_stands_in_the_chain_of_the_case_without_a_text(desk: Desk) -> None:
    view = await desk.taken(table(HEADER, (X, "", "", "")))
    await desk.undone(view.table.id)
    chain = await desk.site.services.custody.chain(f"case:{desk.case.id}", organisation_id=desk.case.organisation_id)
    events = [parse_event(parse_envelope(event.envelope).payload) for event in chain]
    told = {event.type: event.details for event in events}
    assert {"case.import_received", "case.import_started", "case.imported", "case.import_undone"} <= set(told)
    assert told["case.imported"]["fileSha256"] == view.table.sha256 and told["case.imported"]["rowsTaken"] == 1
    assert told["case.import_undone"]["outcomes"] == {"entity.removed": 2, "relation.removed": 1}
    assert "somebody" not in json.dumps([event.details for event in events])
    assert await desk.rows(CaseText, CaseText.kind == "entity") == []
    await desk.site.sound()

"""The files of a bundle that tell of the case, made without a database: graph, annex, papers, encryption."""

import csv
import io
import json
import tracemalloc
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pypdf
import pyrage
import pytest
from pyrage import x25519

from server.captures.models import Artifact, Capture, Check
from server.cli.authority import _option
from server.cli.running import CommandFailed
from server.errors import BadInput
from server.exports.authority.annex import COLUMNS, PRINTED_ROWS, Annex
from server.exports.authority.casegraph import CaseGraph
from server.exports.authority.encryption import encrypt_file, parse_recipients
from server.exports.authority.exhibits import ExhibitFacts
from server.exports.authority.order import AuthorityOrder, FrozenExhibit, Missing, Preservation
from server.exports.authority.papers import paper
from server.exports.authority.report import FINDINGS_LIMIT, CustodyReport
from server.exports.authority.words import MISSING
from server.exports.case_models import CaseExport
from server.exports.tables.findings import sightings_of
from server.trust.statement import CaptureStatement
from tests.exports.rows import AT, CASE, confirmed, many
from tests.validators import run_validator

ACTION = "case-investigation:InvestigativeAction"
LONG = "https://x.example/" + "a" * 400 + "?q=Stačilo-Подписка"


def exhibit(number: int, **changes: object) -> ExhibitFacts:
    """An exhibit with a WACZ and a screenshot; `changes` replace members of what was frozen."""
    capture = f"{number:064x}"
    frozen = FrozenExhibit(
        number=number, capture_id=capture, admitted_at=AT, collector_roles=("fact_checker",), checks_run=1,
        not_before=None, not_before_reason="none", not_after=AT, not_after_reason="",
    ).model_copy(update=changes)  # fmt: skip
    row = Capture(
        capture_id=capture, device_key_id="d" * 64, statement=b"{}", statement_sha256=f"{number:064X}".lower(), received_at=AT,
        sealed_at=AT, captured_at=AT,
    )  # fmt: skip
    statement = CaptureStatement(
        capture_id=capture, artifacts=(), url=LONG, final_url="", title="", captured_at=AT, clock=None, mode="as_seen",
        method="m", user_agent="", time_zone="Europe/Paris", language=None, case=None, note="", labels=(),
        not_before=None, nonce=None, salt="",
    )  # fmt: skip
    files = (
        Artifact(name="page.wacz", role="page.wacz", media_type="application/wacz", sha256="a" * 64, size_bytes=3_000_000_000),
        Artifact(name="screenshot.full.png", role="screenshot.full", media_type="image/png", sha256="b" * 64, size_bytes=0),
    )
    checks = (
        Check(name="warc", subject="page.wacz", outcome="PASSED", reason=""),
        Check(name="truth", subject="", outcome="NOT_CHECKED", reason="no browser"),
    )
    return ExhibitFacts(frozen, row, statement, files, checks)


def order(**changes: object) -> AuthorityOrder:
    return AuthorityOrder(
        as_of=AT, case=str(CASE), number=7, title="Stačilo! Călin ț ł č", election="", organisation="Here", reference="R-1",
        preservation=Preservation(first_day=date(2024, 7, 1)), encrypted_to=(), exhibits=(), missing=(),
    ).model_copy(update=changes)  # fmt: skip


def graph(*exhibits: ExhibitFacts) -> str:
    out = io.StringIO()
    made = CaseGraph(out, order())
    for one in exhibits:
        made.add(one)
    made.close()
    return out.getvalue()


def test_the_graph_of_captures_is_case_and_names_nothing_twice(tmp_path: Path) -> None:
    text = graph(exhibit(1), exhibit(2))
    (tmp_path / "case.jsonld").write_text(text)
    judged = run_validator("case-utils", "case_validate", ["case.jsonld"], cwd=tmp_path)
    assert judged.returncode == 0 and "Conforms: True" in judged.stdout, judged.stdout + judged.stderr
    ids = [node["@id"] for node in json.loads(text)["@graph"]]
    assert len(ids) == len(set(ids)) and graph(exhibit(1), exhibit(2)) == text


def test_the_annex_has_each_thing_once_with_its_ids_as_texts(tmp_path: Path) -> None:
    with Annex(tmp_path, Preservation(first_day=date(2024, 7, 1))) as annex:
        annex.add([confirmed(1), confirmed(2, accounts=["77", "77"]), confirmed(3, subject={"url": "https://x.example/only"})])
        out = io.StringIO()
        annex.write_csv(out)
        rows = [line.split(",") for line in out.getvalue().splitlines()]
        account = next(row for row in rows if row[1] == "account" and row[2] == "1735765521595875777")
        assert account[-6:] == ["F-1 F-2", "2", "", "", "", ""] and account[8:10] == ["2024-07-01T00:00:00.000Z", ""]
        assert Counter(row[1] for row in rows[1:]) == {"post": 2, "account": 2, "address": 1}
        post = next(row for row in rows if row[1] == "post")
        assert (post[5], *post[13:15]) == ("2024-07-06T10:00:00.000Z", "0.001", "yes"), "a time with how exact it is"
        [_, _, period, (_, shown)] = annex.letter(order())
        assert "posted 2024-07-06T10:00:00.000Z ± 0.001 s (platform_id)" in shown
        assert period[1] == ["First day: 2024-07-01 (from 00:00 UTC). Last day: to be set by the authority."]


def test_the_annex_says_of_a_time_that_its_formula_was_never_compared(tmp_path: Path) -> None:
    guess = {"value": AT.isoformat(), "source": "platform_id", "precision_s": 1.0, "compared": False}
    with Annex(tmp_path, Preservation()) as annex:
        annex.add([confirmed(1, posted_at=[guess])])
        out = io.StringIO()
        annex.write_csv(out)
        [post] = [one for one in csv.DictReader(io.StringIO(out.getvalue())) if one["kind"] == "post"]
        assert (post["posted_at_precision_s"], post["posted_at_compared"]) == ("1", "no")
        [told] = [line for line in annex.letter(order())[3][1] if line.startswith("posted ")]
        assert told.endswith("(platform_id, by a formula that was never compared with a published time)")


def test_the_report_says_of_which_time_a_persons_roles_are() -> None:
    """Who captured it may have had another role then: roles are asked when a bundle is ordered."""
    report = CustodyReport(order(), CaseExport(id=CASE))
    report.add_exhibit(exhibit(1, collector_roles=("case_lead", "fact_checker")), ())
    facts = dict(fact for part in report.parts((), Counter()) if part.title == "E-1" for fact in part.facts)
    assert facts["Collected by"].startswith("a person of Here, device key")
    assert facts["Roles of that person"] == "case lead, fact checker (when this was ordered)"


def test_the_graph_says_whose_clock_began_an_act_and_whose_ended_it() -> None:
    """The two are never merged, and the end is when the service had it, which may be days after the act."""
    [action] = [one for one in json.loads(graph(exhibit(1)))["@graph"] if one["@type"] == ACTION]
    told = action["uco-core:description"]
    assert "clock of the device" in told and "received" in told and "no later" in told


def test_the_annex_lists_every_time_that_was_stated_of_a_post_with_source_and_zone(tmp_path: Path) -> None:
    shown = {"value": "2024-07-06T12:01:00+02:00", "source": "displayed", "precision_s": 60.0}
    read = {"value": "2024-07-06T10:00:07Z", "source": "embedded_json", "precision_s": 1.0}
    told = {"value": "2024-07-05T23:30:00-04:00", "source": "person", "precision_s": 3600.0}
    with Annex(tmp_path, Preservation()) as annex:
        one = {"platform": "facebook", "post_id": "17", "account_id": "77"}
        annex.add([confirmed(1, subject=one, posted_at=[shown, read]), confirmed(2, subject=one, posted_at=[told, read])])
        out = io.StringIO()
        annex.write_csv(out)
        rows = list(csv.DictReader(io.StringIO(out.getvalue())))
        [post] = [one for one in rows if one["kind"] == "post"]
        assert post["posted_at_stated"] == (
            "2024-07-05T23:30:00-04:00 ± 3600 s (person); 2024-07-06T10:00:07+00:00 ± 1 s (embedded_json); "
            "2024-07-06T12:01:00+02:00 ± 60 s (displayed)"
        )
        assert {one["posted_at_stated"] for one in rows if one["kind"] == "account"} == {""}
        [line] = [one for one in annex.letter(order())[3][1] if one.startswith("posted ")]
        assert line.endswith(f"; stated in all: {post['posted_at_stated']}")
        about = " ".join(annex.letter(order())[0][1])
        assert "Times are UTC unless a zone stands beside them." in about, "the letter prints times of other zones"
    many = [read | {"value": f"2024-07-06T10:00:{second:02}Z"} for second in range(20)]
    (tmp_path / "many").mkdir()
    with Annex(tmp_path / "many", Preservation()) as annex:
        annex.add([confirmed(1, subject=one, posted_at=many), confirmed(2, subject=one, posted_at=[shown])])
        [cell] = {row.stated_text for row in annex.rows() if row.stated}
    assert cell.count(" ± ") == 20 and cell.endswith("; and 1 more"), "what is left out is counted"


def test_archives_that_the_annex_does_not_name_are_said_to_be_there(tmp_path: Path) -> None:
    """A finding's sixth, and those of a thing that stands in many findings."""
    number = iter(range(1, 1000))
    with Annex(tmp_path, Preservation()) as annex:
        for each in range(1, 21):
            pins = [
                {"id": str(UUID(int=one)), "number": one, "kind": "wacz", "sha256": "cd" * 32, "origin": "made elsewhere"}
                for one in (next(number) for _ in range(7))
            ]
            finding = confirmed(each)
            annex.add([replace(finding, pins={**finding.pins, "deposits": pins})])
        [told] = {row.made_elsewhere for row in annex.rows() if row.findings_count == 20}
    assert "and 2 more of F-1;" in told and told.count("; and others") == 1 and told.endswith("; and others")


def test_the_first_capture_of_a_thing_is_the_first_that_was_not_withdrawn(tmp_path: Path) -> None:
    early, late = "aa" * 32, "bb" * 32
    times = {early: AT, late: AT + timedelta(hours=2)}
    cited = replace(confirmed(1, captures=[early, late]), captured_at=times)
    told = {}
    for name, withdrawn in (("none", ()), ("the first", (early,)), ("all", (early, late))):
        (tmp_path / name).mkdir()
        with Annex(tmp_path / name, Preservation()) as annex:
            annex.add([replace(cited, withdrawn=dict.fromkeys(withdrawn, AT))])
            [post] = [row for row in annex.rows() if row.cells[1] == "post"]
            told[name] = post.cells[COLUMNS.index("first_captured_at")], post.words()[-1]
    assert told == {
        "none": ("2024-07-06T10:00:00.000Z", "first captured 2024-07-06T10:00:00.000Z"),
        "the first": ("2024-07-06T12:00:00.000Z", "first captured 2024-07-06T12:00:00.000Z"),
        "all": ("", "no capture in the case"),
    }


def test_an_archive_made_elsewhere_is_named_as_such_in_annex_and_report_and_is_no_capture(tmp_path: Path) -> None:
    pin = {"id": str(UUID(int=7)), "number": 3, "kind": "wacz", "sha256": "cd" * 32, "origin": "made elsewhere"}
    seen = {"at": "2024-07-06T10:00:00Z", "url": "https://x.example/1", "by": "somebody", "deposit_id": pin["id"]}
    found = [
        replace(one, pins={**one.pins, "deposits": [pin]}) for one in (confirmed(1, captures=[], sightings=[seen]), confirmed(2))
    ]
    words = f"D-3 wacz sha256:{'cd' * 32} (made elsewhere)"
    (tmp_path / "gone").mkdir()
    with Annex(tmp_path, Preservation()) as annex:
        annex.add(found)
        out = io.StringIO(newline="")
        annex.write_csv(out)
        rows = list(csv.DictReader(io.StringIO(out.getvalue(), newline="")))
        assert {row["made_elsewhere"] for row in rows} == {words}, "once, also where two findings cite it"
        assert next(row for row in rows if row["findings"] == "F-1")["first_captured_at"] == ""
        assert f"its findings cite {words}" in annex.letter(order())[3][1]
    assert [one.deposit for one in sightings_of(found[0])] == [words]
    report = CustodyReport(order(), CaseExport(id=CASE, marking="TLP:AMBER", recipient="r", purpose="p", requested_at=AT))
    report.add_findings(found[:1], {})
    told = [dict(part.facts)["Evidence"] for part in report.parts([], Counter()) if part.title.startswith("F-1 ")]
    assert [one.replace("\u200b", "") for one in told] == [words]
    with Annex(tmp_path / "gone", Preservation()) as annex:
        annex.add([replace(found[0], withdrawn={pin["id"]: AT})])
        assert {row.made_elsewhere for row in annex.rows()} == {f"{words} (withdrawn from the case)"}


def test_the_annex_of_many_findings_stays_small_in_memory_and_says_what_it_left_out(tmp_path: Path) -> None:
    with Annex(tmp_path, Preservation()) as annex:
        tracemalloc.start()
        for start in range(0, 3000, 500):
            annex.add([confirmed(start + one) for one in range(1, 501)])
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert annex.count == 3001 and peak < 12_000_000, peak
        shared = next(row for row in annex.rows() if row.findings_count == 3000)
        assert shared.cells[-1].endswith("F-20 and 2980 more")
        assert annex.letter(order())[3][1][-1] == f"and {3001 - PRINTED_ROWS} more in preservation-request-annex.csv"


def test_the_report_holds_every_hash_whole_and_says_what_it_leaves_out() -> None:
    row = CaseExport(id=CASE, marking="TLP:AMBER", recipient="The authority", purpose="complaint", requested_at=AT)
    report = CustodyReport(order(encrypted_to=("age1abc",)), row)
    facts = exhibit(1)
    report.add_exhibit(facts, [])
    report.add_findings(list(many(FINDINGS_LIMIT + 3)), {facts.capture.capture_id: "E-1"})
    missing = [*facts.gaps, *(Missing(code=code, what="1") for code in MISSING)]
    pages = pypdf.PdfReader(io.BytesIO(paper(report.head(), report.parts(missing, Counter({"case.opened": 1}))))).pages
    told = "\n".join(page.extract_text() for page in pages).replace("\u200b", "")
    assert len(pages) > 3 and "Stačilo! Călin ț ł č" in told
    for words in (facts.capture.capture_id, "a" * 64, "b" * 64, "F-1 silence violation", "3 further findings", "1 not checked"):
        assert words in told, words
    assert "age1abc" in told and "the device named no checkpoint" in told


def test_only_the_recipient_opens_what_was_closed(tmp_path: Path) -> None:
    theirs, other = x25519.Identity.generate(), x25519.Identity.generate()
    plain, closed = tmp_path / "plain", tmp_path / "closed"
    plain.write_bytes(b"evidence" * 100_000)
    encrypt_file(plain, closed, parse_recipients(f" {theirs.to_public()},{theirs.to_public()}\n"))
    assert pyrage.decrypt(closed.read_bytes(), [theirs]) == plain.read_bytes()
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(closed.read_bytes(), [other])


NOBODYS = "age1" + "q" * 52 + "5cu47z"
"""The point 0, with a right check sum: closing a file for it ends the library in a panic."""


@pytest.mark.parametrize(
    "text",
    [
        NOBODYS,
        "age1x",
        "ssh-ed25519 AAAA",
        "garbage",
        pytest.param(str(x25519.Identity.generate()), id="secret"),
        "age1" + "q" * 58,
    ],
)
def test_what_is_no_public_key_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse_recipients(text)
    assert refused.value.data["field"] == "recipient_key" and text not in str(refused.value.data["reason"])


def test_no_key_means_no_encryption_and_six_are_too_many() -> None:
    assert parse_recipients(" ,\n") == ()
    with pytest.raises(BadInput):
        parse_recipients(" ".join(str(x25519.Identity.generate().to_public()) for _ in range(6)))


def test_times_are_given_in_the_zone_of_the_device_too() -> None:
    said = exhibit(1).to_json("Here")
    assert said["captured_at_local"] == "2024-07-06T12:00:00+02:00" and said["captured_at"] == "2024-07-06T10:00:00.000Z"
    assert datetime.fromisoformat(str(said["captured_at_local"])) == datetime(2024, 7, 6, 10, tzinfo=UTC)


def test_options_of_the_command_are_named_or_refused() -> None:
    assert _option("reference=a=b") == ("reference", "a=b")
    for text in ("reference", "recipient=x", "=x"):
        with pytest.raises(CommandFailed):
            _option(text)

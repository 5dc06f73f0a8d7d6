"""STIX, MISP and ClaimReview as exports of a case: the same order gives the same bytes, and what is not allowed is refused."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from server.errors import BadInput
from server.exports.case_models import CaseExport
from server.exports.errors import ExportRefused
from server.exports.kind import CaseExportOrder
from tests.services.casework import Casework, subject
from tests.web.site import Site


@pytest.fixture
async def work(site: Site) -> Casework:
    """One confirmed finding and a draft."""
    made = await Casework.begin(site)
    await made.confirmed(subject=subject(1))
    await made.draft(subject=subject(90))
    return made


async def file_of(work: Casework, kind: str, profile: str = "internal", **options: str) -> tuple[CaseExport, Any]:
    exports = work.site.services.case_exports
    row = await exports.request(work.author, work.case.id, kind, order(profile, **options), queued=False)
    assert await exports.maker.run(row.id) == "ready"
    opened = await exports.open_file(work.author, row.id)
    with opened.open_range(0, opened.size_bytes) as stream:
        return await exports.read(work.author, row.id), json.loads(stream.read())


def order(profile: str = "internal", **options: str) -> CaseExportOrder:
    return CaseExportOrder(profile, "for the file", "Somebody", options)


async def test_each_format_holds_the_confirmed_finding_and_no_draft(work: Casework) -> None:
    row, bundle = await file_of(work, "stix")
    assert [one["name"].split()[0] for one in bundle["objects"] if one["type"] == "incident"] == ["C-1/F-1"]
    assert "TLP:AMBER" in [one.get("name") for one in bundle["objects"]]
    _, event = await file_of(work, "misp")
    assert {one["comment"] for one in event["Event"]["Object"]} == {"", "C-1/F-1"}
    again, _ = await file_of(work, "stix")
    assert again.file_sha256 == row.file_sha256, "a second export names and says the same"


async def test_a_run_after_a_kill_gives_the_same_file(work: Casework) -> None:
    exports = work.site.services.case_exports
    row = await exports.request(work.author, work.case.id, "stix", order(), queued=False)
    work.site.clock.move(60)
    await work.confirmed(subject=subject(7))
    assert await exports.maker.run(row.id) == "ready"
    with (await exports.open_file(work.author, row.id)).open_range(0, 1 << 20) as stream:
        assert [one["type"] for one in json.loads(stream.read())["objects"]].count("incident") == 1
    assert (await exports.read(work.author, row.id)).rows_done == 1


async def test_whoever_has_the_file_takes_the_one_that_says_what_was_withdrawn_or_confirmed_anew(work: Casework) -> None:
    """A consumer keeps, of one id, the version that is later: what changed is later, and the same thing keeps id and birth."""
    await work.confirmed(subject=subject(2))
    first = await versions(work)
    await work.site.services.cases.exhibits.withdraw(work.author, work.case.id, 1, "wrong post")
    assert_newer(first, gone := await versions(work))
    [third] = await work.site.services.findings.lists.page(work.author, work.case.id, 1, before=4)
    await work.judge(third.finding, "rejected")
    rejected = await versions(work)
    assert_newer({name: one for name, one in gone.items() if name in rejected}, rejected)
    assert len(rejected) < len(gone), "a rejected finding is told no longer, and the report without it is the later one"


def assert_newer(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert set(before) <= set(after), "the same things have the same ids"
    for name, (times, told) in ((name, after[name]) for name in before):
        assert times[0] == before[name][0][0], f"{name} was made when it was made"
        assert told == before[name][1] or times[1] > before[name][0][1], f"{name} says something else in the same version"
    assert any(after[name][1] != before[name][1] for name in before)


async def versions(work: Casework) -> dict[str, tuple[tuple[str, int], str]]:
    """Of each thing with a version, in both formats: when it was made and last changed, and what it says. Time then goes on."""
    _, bundle = await file_of(work, "stix")
    _, made = await file_of(work, "misp")
    work.site.clock.move(60)
    event = made["Event"]
    found = {}
    for one in [one for one in bundle["objects"] if "modified" in one]:
        moment = int(datetime.fromisoformat(one["modified"]).timestamp() * 1000)
        found[one["id"]] = (one["created"], moment), {**one, "modified": ""}
    attributes = [*event["Attribute"], *(part for one in event["Object"] for part in one["Attribute"])]
    for one in (event, *event["Object"], *attributes):
        found[one["uuid"]] = ("", int(one["timestamp"])), {**one, "timestamp": "", "Object": [], "Attribute": []}
    return {name: (times, json.dumps(told)) for name, (times, told) in found.items()}


async def test_what_a_case_marked_amber_may_not_say_in_public_is_refused(work: Casework) -> None:
    with pytest.raises(ExportRefused, match="TLP:AMBER"):
        await file_of(work, "claims", "public")
    with pytest.raises(BadInput):
        await file_of(work, "claims", "internal")


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"archive": "http://archive.example/{capture}"}, "archive"),
        ({"archive": "https://archive.example/"}, "archive"),
        ({"archive": "https://[bad/{capture}"}, "archive"),
        ({"archive": "javascript://archive.example/{capture}"}, "archive"),
        ({"embargo": "2024-07-07T18:00"}, "embargo"),
        ({"embargo": "tomorrow"}, "embargo"),
    ],
)
async def test_an_option_that_means_nothing_names_its_field(work: Casework, options: dict[str, str], field: str) -> None:
    await cleared(work)
    with pytest.raises(BadInput) as refused:
        await work.site.services.case_exports.preview(work.author, work.case.id, "claims", order("public", **options))
    assert refused.value.data["field"] == field


async def test_an_embargo_holds_the_claims_back_until_it_is_over(work: Casework) -> None:
    await cleared(work)
    services = work.site.services
    over = (services.clock.now() - timedelta(seconds=1)).isoformat()
    ahead = (services.clock.now() + timedelta(seconds=1)).isoformat()
    with pytest.raises(ExportRefused, match="embargo"):
        await services.case_exports.preview(work.author, work.case.id, "claims", order("public", embargo=ahead))
    with pytest.raises(ExportRefused, match="no_appearance"):  # over, but nobody named the actor: the address is not public
        await services.case_exports.preview(work.author, work.case.id, "claims", order("public", embargo=over))


async def cleared(work: Casework) -> None:
    """The case is marked TLP:CLEAR."""
    await work.site.services.cases.mark(work.author, work.case.id, "TLP:CLEAR")


NAMED = ("90071992547409931", "https://x.example/named", "1735765521595800001", "77001122", "A party")
"""The account, the address and the post of F-1, the advertisement of F-2, and who is behind them."""


@pytest.mark.parametrize("held", ["another finding", "an account set"])
async def test_an_account_is_a_pseudonym_in_every_finding_of_a_public_export_or_in_none(work: Casework, held: str) -> None:
    """A name in one row, and a pseudonym of the same account in another, would together tell who it is."""
    await cleared(work)
    services, about = work.site.services, {"account_id": NAMED[0], "url": NAMED[1]}
    seen = [{"at": "2024-07-06T10:00:00Z", "url": NAMED[1], "by": "us"}]
    await work.confirmed(subject=subject(1, **about), actor=NAMED[4], content_text=NAMED[4], sightings=seen)
    await work.confirmed(subject=subject(2, **about) | {"ad_id": NAMED[3]})
    before = await public_files(work)
    assert all(name in before["findings.csv"] for name in NAMED)
    assert all(NAMED[1] in before[name] for name in ("stix", "misp", "claims", "findings.jsonl", "sightings.csv"))
    if held == "an account set":
        told = {"accounts": ["1", NAMED[0]], "subject": subject(3), "actor": "Somebody else"}
    else:
        told = {"subject": subject(3, platform="Facebook", account_id=f"@{NAMED[0]}")}
    second = await work.confirmed(**told)
    kept = await public_files(work, claims=False)
    for name, text in kept.items():
        assert not [one for one in NAMED if one in text], name
    assert kept["findings.csv"].count("acc-") >= 3
    with pytest.raises(ExportRefused, match="no_appearance"):
        await services.case_exports.preview(work.author, work.case.id, "claims", order("public"))
    await work.judge(second, "rejected")
    again = await public_files(work)
    assert again["findings.csv"] == before["findings.csv"], "what nothing holds back any more is named as before"
    for one, other in ((before, kept), (kept, again), (before, again)):
        known = {(each["id"], each["modified"]): each for each in objects(one)}
        assert all(known.get((each["id"], each["modified"]), each) == each for each in objects(other)), "one version, one content"
    assert max(each["modified"] for each in objects(kept)) < max(each["modified"] for each in objects(again))


def objects(files: dict[str, str]) -> list[dict[str, Any]]:
    return [one for one in json.loads(files["stix"])["objects"] if "modified" in one]


async def public_files(work: Casework, *, claims: bool = True) -> dict[str, str]:
    """What everybody may have of the case: the tables' members, and each exchange format. Time then goes on."""
    found = {}
    for kind in ("stix", "misp", *(["claims"] if claims else [])):
        options = {"archive": "", "embargo": ""} if kind == "claims" else {}
        found[kind] = json.dumps((await file_of(work, kind, "public", **options))[1])
    exports = work.site.services.case_exports
    row = await exports.request(work.author, work.case.id, "tables", order("public"), queued=False)
    assert await exports.maker.run(row.id) == "ready"
    found |= {name: data.decode("utf-8", "replace") for name, data in (await work.files(row.id)).items() if name != "tables.xlsx"}
    work.site.clock.move(60)
    return found

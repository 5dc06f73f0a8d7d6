"""STIX, MISP and ClaimReview as exports of a case: the same order gives the same bytes, and what is not allowed is refused."""

import json
from datetime import timedelta
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

"""Pages of what was made elsewhere: upload, mapping, progress, problems, undo, archives; typed and imported text stays text."""

import csv
import hashlib
import io
import re
from uuid import UUID

import httpx2
import pytest

from server.web.middleware import CONTENT_SECURITY_POLICY
from tests.imports.desk import table
from tests.media.pictures import encoded, scene
from tests.trust.archive import make_wacz
from tests.trust.parties import Device as Keys
from tests.web.site import Site

BAD = "=HYPERLINK(1)"
ROWS = table(
    ("url", "views", "caption <b>bold</b>"),
    ("https://x.com/somebody/status/1809530000000000123", "5 to 9 million per week", "<script>alert(1)</script>"),
    (BAD, "1", "x"),
)
SAID = {"source": "a list", "seen_at": "2024-07-08T09:00:00Z", "zone": "UTC"}


def assert_inert(answer: httpx2.Response) -> None:
    assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=|javascript:", answer.text)


async def opened(site: Site) -> tuple[httpx2.AsyncClient, str]:
    person = await site.person()
    return person, (await person.post("/cases", data={"title": "Silence", "tlp": "TLP:AMBER"})).headers["location"]


async def test_a_table_is_uploaded_looked_at_started_and_undone(site: Site) -> None:
    person, case = await opened(site)
    sent = await person.post(f"{case}/imports", files={"file": ("../list.csv", ROWS, "text/csv")})
    assert sent.status_code == 303, sent.text
    draft = sent.headers["location"]
    page = await person.get(draft)
    assert_inert(page)
    assert page.status_code == 200 and ">list.csv<" in page.text and "1809530000000000123" in page.text
    names = re.findall(r'name="name-(\d)" value="([^"]*)"', page.text)
    assert [name for _, name in names] == ["url", "views", "caption &lt;b&gt;bold&lt;/b&gt;"]
    form = {"name-0": "url", "column-0": "post_url", "name-1": "views", "column-1": "views", "encoding": "utf-8"}
    refused = await person.post(draft, data=form | {"act": "start"})
    assert refused.status_code == 422 and "say where the table is from" in refused.text
    looked = await person.post(draft, data=form | SAID | {"act": "preview"})
    assert_inert(looked)
    assert looked.status_code == 200 and "5,000,000 – 9,000,000" in looked.text and "not an http or https address" in looked.text
    started = await person.post(draft, data=form | SAID | {"act": "start"})
    assert started.headers["location"] == draft
    renewed, still = await person.get(draft), await person.get(f"{draft}?stay=1")
    assert renewed.headers["refresh"] == "2" and "?stay=1" in renewed.text and "http-equiv" not in renewed.text
    assert "refresh" not in still.headers and "?stay=0" in still.text, "a reader can stop it"
    import_id = draft.rsplit("/", 1)[1]
    await site.services.imports.runner.run(UUID(import_id))
    done = await person.get(draft)
    assert_inert(done)
    assert "2 of 2 rows" in done.text and "<progress" in done.text and BAD in done.text
    told = await person.get(f"{draft}/problems.csv")
    rows = list(csv.reader(io.StringIO(told.text.removeprefix("\ufeff"))))
    assert rows[0] == ["row", "severity", "column", "value", "reason"]
    assert rows[1][:4] == ["3", "error", "url", f"'{BAD}"] and "attachment" in told.headers["content-disposition"]
    assert (await person.post(f"{draft}/undo")).status_code == 303
    await site.services.imports.undoer.run(UUID(import_id))
    assert "Nothing that this import made is left." in (await person.get(draft)).text
    assert (await person.post(f"{draft}/undo")).status_code == 409
    assert "list.csv" in (await person.get(f"{case}/imports")).text
    await site.sound()


@pytest.mark.parametrize("path", ["imports", "deposits"])
async def test_what_is_no_such_file_is_refused_in_words_and_nothing_is_kept(site: Site, path: str) -> None:
    person, case = await opened(site)
    answer = await person.post(f"{case}/{path}", data={"said_by": "x"}, files={"file": ("a.docx", b"words", "text/plain")})
    assert answer.status_code == 422 and 'role="alert"' in answer.text
    assert (await person.post(f"{case}/{path}", data={"said_by": "x"})).status_code == 422
    assert "No table was imported yet." in (await person.get(f"{case}/imports")).text


async def test_a_picture_made_elsewhere_is_marked_checked_and_logged_but_no_capture(site: Site) -> None:
    person, case = await opened(site)
    picture = encoded(scene(41), "JPEG", quality=90)
    said = {"said_by": "A colleague, with a phone", "said_url": "https://a.example/1"}
    sent = await person.post(f"{case}/deposits", data=said, files={"file": ("shot.jpg", picture, "image/jpeg")})
    assert sent.status_code == 303, sent.text
    deposit = sent.headers["location"]
    assert "The checks have not run yet." in (await person.get(deposit)).text
    await site.services.imports.checker.run(UUID(deposit.rsplit("/", 1)[1]))
    page = await person.get(deposit)
    assert_inert(page)
    assert "Made elsewhere" in page.text and "No timestamp authority is set up." in page.text and "Passed" in page.text
    assert "A colleague, with a phone" in page.text and hashlib.sha256(picture).hexdigest() in page.text
    assert "No captures yet" in (await person.get("/")).text
    found = await person.post("/images/search", files={"picture": ("q.jpg", picture, "image/jpeg")})
    assert 'data-kind="exact"' in found.text and f'data-elsewhere="{deposit.rsplit("/", 1)[1]}"' in found.text
    assert 'class="files sightings"' not in found.text, "it was seen in no capture"
    await site.services.log.sequence()
    receipt = await person.get(f"{deposit}/receipt")
    assert receipt.text.startswith("c2sp.org/tlog-proof@v1")
    file = await person.get(f"{deposit}/file")
    assert file.content == picture and "attachment" in file.headers["content-disposition"]
    assert (await person.post(f"{deposit}/withdraw", data={"reason": "the wrong one"})).status_code == 303
    assert "the wrong one" in (await person.get(deposit)).text
    chain = await site.services.custody.chain(f"case:{case.rsplit('/', 1)[1]}", organisation_id=(await owner(site)))
    assert [event.type for event in chain][1:] == ["case.deposited", "case.deposit_opened", "case.deposit_withdrawn"]
    await site.sound()


async def owner(site: Site) -> object:
    return (await site.services.operators.ensure_default_operator()).organisation_id


async def test_an_archive_is_checked_record_by_record_and_never_passes_for_its_signature(site: Site) -> None:
    person, case = await opened(site)
    archive = make_wacz(Keys().sign_page_digest, body=b"<h1>A story</h1>")
    for data, wanted in ((archive, {"PASSED", "NOT_CHECKED"}), (archive.replace(b"A story", b"A storm"), {"FAILED"})):
        sent = await person.post(f"{case}/deposits", data={"said_by": "x"}, files={"file": ("a.wacz", data, "application/zip")})
        assert sent.status_code == 303, sent.text
        deposit_id = UUID(sent.headers["location"].rsplit("/", 1)[1])
        assert await site.services.imports.checker.run(deposit_id)
        assert not await site.services.imports.checker.run(deposit_id), "once"
        view = await site.services.imports.deposits.read(await site.services.operators.ensure_default_operator(), deposit_id)
        outcomes = {one.name: one.outcome for one in view.checks}
        assert wanted <= set(outcomes.values()), outcomes
        assert outcomes["bytes"] == "PASSED" and outcomes.get("signature", "NOT_CHECKED") != "PASSED"


async def test_nobody_sends_bytes_without_the_right_and_no_more_than_the_cap(site: Site) -> None:
    person, case = await opened(site)
    mine = await owner(site)
    reader = await site.person(await site.colleague(mine, "admin"))
    for path in ("imports", "deposits"):
        assert (await reader.post(f"{case}/{path}", files={"file": ("a.csv", ROWS, "text/csv")})).status_code == 403
        headers = {"Content-Length": str(2 << 30), "Content-Type": "multipart/form-data; boundary=x"}
        assert (await person.post(f"{case}/{path}", content=b"", headers=headers)).status_code == 413

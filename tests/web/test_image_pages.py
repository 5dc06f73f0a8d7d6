"""Pages of images: identical and similar kept apart, nothing called generated, other organisations see nothing, safe pictures."""

import hashlib
import io
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2
import pytest
import pytest_asyncio
from PIL import Image, PngImagePlugin

from server.cases.service import CaseOrder
from server.settings import Settings
from server.trust.dsse import parse_envelope
from server.web.middleware import CONTENT_SECURITY_POLICY
from tests.images.pages import capture_page, indexed
from tests.media.credentials import make_camera, signed
from tests.media.pictures import captioned, encoded, mirrored, resembling, scene
from tests.postgres import TestPostgres
from tests.services.stage import HeldClock
from tests.web.site import Site, open_site, settings_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
CLUSTER = re.compile(r"/images/clusters/([0-9a-f-]{36})")
CAMERA = make_camera()


@dataclass(frozen=True)
class Shown:
    """Three captures: a signed picture, the same file again, the same picture with a caption; one more of something else."""

    site: Site
    person: httpx2.AsyncClient
    stranger: httpx2.AsyncClient
    captures: tuple[str, ...]
    original: bytes
    captioned: bytes


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shown(postgres: TestPostgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shown]:
    """Made once: the tests only look, or bring pictures of their own; but for the last, which decides."""
    folder = tmp_path_factory.mktemp("images")
    roots = folder / "roots.pem"
    roots.write_text(CAMERA.root)
    with postgres.clone() as database_url:
        async with _filled(settings_of(folder, database_url).model_copy(update={"c2pa_anchors_file": roots})) as made:
            yield made


@asynccontextmanager
async def _filled(settings: Settings) -> AsyncIterator[Shown]:
    async with open_site(settings, clock=HeldClock()) as site:
        original = signed(encoded(scene(21), "JPEG", quality=90), "image/jpeg", CAMERA)
        info = PngImagePlugin.PngInfo()
        info.add_text("parameters", "<b>harbour</b>\nSteps: 20, Sampler: Euler a, Seed: 1")
        altered = encoded(captioned(scene(21)), "PNG", pnginfo=info)
        device = await site.pair()
        made = [
            await capture_page(device, {"https://one.example/a.jpg": original}, title="First <i>page</i>"),
            await capture_page(device, {"https://two.example/b.jpg": original}, title="Second page"),
            await capture_page(device, {"https://three.example/c.png": altered}, title="Third page"),
            await capture_page(device, {"https://four.example/d.png": encoded(scene(99))}, title="Another thing"),
        ]
        await indexed(site, *made)
        yield Shown(site, await site.person(), await site.person(await site.other_organisation()), tuple(made), original, altered)


def upload(data: bytes, name: str = "asked.jpg") -> dict[str, tuple[str, bytes, str]]:
    return {"picture": (name, data, "image/jpeg")}


async def cluster_of(shown: Shown, data: bytes | None = None) -> str:
    """The cluster of this very file; of the signed picture, unless another is given."""
    page = await shown.person.post("/images/search", files=upload(data or shown.original))
    return CLUSTER.findall(page.text)[0]


def files_in(page: str) -> int:
    """How many distinct files a cluster's page counts."""
    return int(re.findall(r"Images \(distinct files\)</dt><dd>(\d+)</dd>", page)[0])


async def test_a_search_tells_identical_from_similar_and_shows_where(shown: Shown) -> None:
    page = await shown.person.post("/images/search", files=upload(shown.original))
    assert page.status_code == 200, page.text
    kinds = re.findall(r'<li data-kind="(\w+)"', page.text)
    assert kinds[0] == "exact" and kinds.count("exact") == 1 and "same" in kinds
    assert "Identical: same bytes" in page.text and "Similar: same picture" in page.text
    counted = re.search(r'<p id="kinds">([^<]+)</p>', page.text)
    assert counted is not None and counted[1].startswith(f"1 identical file · {kinds.count('same')} similar: the same picture")
    assert "First &lt;i&gt;page&lt;/i&gt;" in page.text and "Second page" in page.text and "Another thing" not in page.text
    again = await shown.person.post("/images/search", files=upload(encoded(scene(21).resize((500, 375)), "JPEG", quality=60)))
    assert re.findall(r'<li data-kind="(\w+)"', again.text)[0] == "same"
    assert "dentical file" not in again.text and "Identical: same bytes" not in again.text


async def test_an_exhibit_of_a_shared_case_is_told_as_such_and_links_to_the_capture_alone(shown: Shown) -> None:
    cases, lead = shown.site.services.cases, await shown.site.services.operators.ensure_default_operator()
    guest = await shown.site.other_organisation("Guests")
    case = await cases.open(lead, CaseOrder("Shared"))
    await cases.exhibits.add(lead, case.id, shown.captures[0])
    await cases.members.redeem(guest, await cases.members.invite(lead, case.id, "reader"))
    page = (await (await shown.site.person(guest)).post("/images/search", files=upload(shown.original))).text
    assert "that a case shows you" in page and f'href="/captures/{shown.captures[0]}"' in page
    assert 'href="/images/' not in page.split('id="found"')[1] and shown.captures[1] not in page


async def test_signals_are_shown_with_what_they_do_not_prove(shown: Shown) -> None:
    page = (await shown.person.post("/images/search", files=upload(shown.original))).text
    assert 'data-signal="c2pa" data-outcome="FOUND"' in page and "trusted" in page
    assert "These are signals, not verdicts" in page
    for capture_id in shown.captures[:3]:
        listed = (await shown.person.get(f"/captures/{capture_id}")).text
        for sha256 in set(re.findall(r'href="/images/([0-9a-f]{64})"', listed)):
            image = (await shown.person.get(f"/images/{sha256}")).text
            assert "data-signal=" in image and "These are signals, not verdicts" in image
            assert not re.search(r"AI[- ]generated|fake|genuine|authentic", image, re.IGNORECASE)


async def test_signals_are_given_to_programs_with_the_same_reserve(shown: Shown) -> None:
    sha256 = hashlib.sha256(shown.original).hexdigest()
    said = (await shown.person.get(f"/api/v1/images/{sha256}/signals")).json()
    assert said["state"] == "read" and "nothing follows about how the picture was made" in said["note"]
    (credentials,) = [one for one in said["signals"] if one["kind"] == "c2pa"]
    assert (credentials["outcome"], credentials["value"], credentials["tool"]) == ("FOUND", "trusted", "c2pa-python")
    stranger = shown.stranger
    assert (await stranger.get(f"/api/v1/images/{sha256}/signals")).status_code == 404


async def test_traces_are_text_and_never_markup(shown: Shown) -> None:
    page = (await shown.person.post("/images/search", files=upload(shown.captioned))).text
    assert "&lt;b&gt;harbour&lt;/b&gt;" in page and "<b>harbour" not in page
    assert 'data-signal="generator.parameters" data-outcome="FOUND"' in page


async def test_a_capture_lists_its_images_with_where_else_they_were_seen(shown: Shown) -> None:
    page = (await shown.person.get(f"/captures/{shown.captures[0]}")).text
    assert "Seen before: in 2 other captures" in page
    assert "In no other capture" in (await shown.person.get(f"/captures/{shown.captures[3]}")).text
    found = await shown.person.get("/images/search", params={"capture": f"http://x.example/captures/{shown.captures[0]}"})
    assert found.status_code == 303 and found.headers["location"] == f"/captures/{shown.captures[0]}#images"
    assert (await shown.person.get("/images/search", params={"capture": "nothing"})).status_code == 422


async def test_a_cluster_shows_members_evidence_counts_and_every_sighting(shown: Shown) -> None:
    cluster = await cluster_of(shown)
    page = (await shown.person.get(f"/images/clusters/{cluster}")).text
    assert "Known by this picture" in page and "Similar: same picture" in page
    assert "Images (distinct files)</dt><dd>2</dd>" in page and "Captures</dt><dd>3</dd>" in page
    for title in ("First &lt;i&gt;page&lt;/i&gt;", "Second page", "Third page"):
        assert title in page
    assert re.search(r"of the detail agrees|bits differ", page)
    listed = (await shown.person.get("/images")).text
    assert f"/images/clusters/{cluster}" in listed and "2 images · 3 places" in listed


async def test_two_pictures_lie_over_each_other_as_the_stored_matrix_says(shown: Shown) -> None:
    """The placed upper picture covers the lower one: the caption's bar lies outside it."""
    cluster = await cluster_of(shown)
    page = (await shown.person.get(f"/images/clusters/{cluster}")).text
    path = re.findall(rf"/images/clusters/{cluster}/overlay/[0-9a-f]{{64}}", page)[0]
    laid = (await shown.person.get(path)).text
    view = [float(part) for part in re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', laid)[0]]
    a, b, c, d, e, f = (float(part) for part in re.findall(r"matrix\(([-\d. ]+)\)", laid)[0].split())
    sizes = re.findall(r'<image[^>]*width="([\d.]+)" height="([\d.]+)"', laid)
    width, height = (float(part) for part in sizes[1])
    corner = (a * width + c * height + e, b * width + d * height + f)
    lower = [float(part) for part in sizes[0]]
    assert view == lower
    plain, with_caption = (640, 480), (640, 576)
    known = with_caption if abs(lower[1] / lower[0] - 576 / 640) < 0.01 else plain
    placed = (corner[0] * max(known), corner[1] * max(known))
    assert placed == pytest.approx(known, abs=8), "lower right corners meet: the caption is above"
    assert " style=" not in laid and "<script" not in laid


async def test_the_contact_sheet_has_every_sighting_as_page_and_as_pdf(shown: Shown) -> None:
    cluster = await cluster_of(shown)
    page = (await shown.person.get(f"/images/clusters/{cluster}/sheet")).text
    assert all(title in page for title in ("First &lt;i&gt;page&lt;/i&gt;", "Second page", "Third page"))
    for text in (page, (await shown.person.get(f"/images/clusters/{cluster}")).text):
        assert all(said in text.split('id="sightings"')[1] for said in ("Identical: same bytes", "Similar: same picture"))
    made = [await shown.person.get(f"/images/clusters/{cluster}/sheet.pdf") for _ in range(2)]
    assert made[0].headers["content-type"] == "application/pdf"
    assert made[0].headers["content-disposition"].startswith("attachment;")
    assert made[0].content.startswith(b"%PDF-") and made[0].content == made[1].content
    organisation = (await shown.site.services.operators.ensure_default_operator()).organisation_id
    chain = await shown.site.services.custody.chain(f"cluster:{cluster}", organisation_id=organisation)
    exported = [parse_envelope(one.envelope).payload for one in chain if one.type == "cluster.exported"]
    told = [json.loads(payload)["predicate"]["details"] for payload in exported]
    file = hashlib.sha256(made[0].content).hexdigest()
    assert [(one["form"], one["sha256"]) for one in told] == [("page", None), ("pdf", file), ("pdf", file)]
    assert all(len(one["captures"]) == 3 and len(one["images"]) == 2 for one in told)


async def test_pictures_are_small_copies_made_here_and_never_the_bytes_of_a_page(shown: Shown) -> None:
    page = (await shown.person.get("/images")).text
    for path in re.findall(r'src="(/images/[0-9a-f]{64}/thumbnail)"', page):
        answer = await shown.person.get(path)
        assert answer.headers["content-type"] == "image/webp" and answer.headers["x-content-type-options"] == "nosniff"
        copy = Image.open(io.BytesIO(answer.content))
        assert copy.format == "WEBP" and max(copy.size) <= 384
        assert not copy.getexif() and b"parameters" not in answer.content and b"c2pa" not in answer.content


async def test_only_the_search_page_may_run_a_script_and_only_its_own(shown: Shown) -> None:
    cluster = await cluster_of(shown)
    for path in ("/images", f"/images/clusters/{cluster}", f"/images/clusters/{cluster}/sheet"):
        answer = await shown.person.get(path)
        assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
        assert not re.search(r"<script|<style|\sstyle=|\son\w+=|javascript:", answer.text), path
    search = await shown.person.get("/images/search")
    assert search.headers["content-security-policy"] == f"{CONTENT_SECURITY_POLICY}; script-src 'self'"
    assert re.findall(r"<script[^>]*>", search.text) == ['<script src="/static/paste.js" defer>']


SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>"
NO_PICTURES = [(b"", "empty"), (SVG, "never rendered"), (b"\x89PNG\r\n\x1a\n" + bytes(200), "header"), (b"words", "no picture")]


@pytest.mark.parametrize(("data", "said"), NO_PICTURES, ids=["empty", "drawing", "cut", "words"])
async def test_what_is_no_picture_is_refused_in_words(shown: Shown, data: bytes, said: str) -> None:
    page = await shown.person.post("/images/search", files=upload(data))
    assert page.status_code == 422 and said in page.text and "<svg" not in page.text


async def test_too_large_a_picture_is_refused_before_it_is_parsed(shown: Shown) -> None:
    answer = await shown.person.post("/images/search", files=upload(bytes(34 << 20)))
    assert answer.status_code == 413


async def test_another_organisation_sees_and_finds_nothing(shown: Shown) -> None:
    cluster = await cluster_of(shown)
    image = re.findall(r'href="/images/([0-9a-f]{64})"', (await shown.person.get(f"/captures/{shown.captures[0]}")).text)[0]
    stranger = shown.stranger
    paths = (f"/images/clusters/{cluster}", f"/images/clusters/{cluster}/sheet", f"/images/clusters/{cluster}/sheet.pdf")
    for path in (*paths, f"/images/{image}", f"/images/{image}/thumbnail", f"/images/clusters/{cluster}/overlay/{image}"):
        assert (await stranger.get(path)).status_code == 404, path
    for act in ("merge", "split", "reject"):
        data = {"other": cluster, "images": image, "image": image, "reason": "mine now"}
        assert (await stranger.post(f"/images/clusters/{cluster}/{act}", data=data)).status_code == 404
    assert "No images yet" in (await stranger.get("/images")).text
    found = await stranger.post("/images/search", files=upload(shown.original))
    assert "Not seen before in your captures" in found.text and "That proves nothing" in found.text


async def test_a_mirrored_picture_lies_mirrored_although_only_hashes_decided(shown: Shown) -> None:
    """Whole-frame hashes find a mirrored copy without a matrix: laying frame on frame would show two different pictures."""
    device = await shown.site.pair()
    plain = encoded(scene(33), "JPEG", quality=90)
    turned = encoded(mirrored(scene(33)), "JPEG", quality=80)
    bodies = {"https://five.example/p.jpg": plain, "https://five.example/m.jpg": turned}
    await indexed(shown.site, await capture_page(device, bodies, title="Mirror"))
    cluster = await cluster_of(shown, plain)
    page = (await shown.person.get(f"/images/clusters/{cluster}")).text
    paths = set(re.findall(rf"/images/clusters/{cluster}/overlay/[0-9a-f]{{64}}", page))
    laid = [(await shown.person.get(path)).text for path in paths]
    assert sum("scale(-1 1)" in one and "measured now" in one for one in laid) >= 1


async def test_what_only_resembles_it_is_never_headed_as_found(shown: Shown) -> None:
    known, like_it = resembling(94)
    await indexed(shown.site, await capture_page(await shown.site.pair(), {"https://six.example/k.png": encoded(known)}))
    page = (await shown.person.post("/images/search", files=upload(encoded(like_it)))).text
    assert "Not seen, but something resembles it" in page and "1 only resembles it" in page
    assert set(re.findall(r'<li data-kind="(\w+)"', page)) == {"variant"} and "Everywhere it was seen" not in page


async def test_people_merge_split_and_reject_with_a_reason(shown: Shown) -> None:
    cluster = await cluster_of(shown)
    other = await cluster_of(shown, encoded(scene(99)))
    files = files_in((await shown.person.get(f"/images/clusters/{cluster}")).text) + 1
    assert (await shown.person.post(f"/images/clusters/{cluster}/merge", data={"other": other, "reason": ""})).status_code == 422
    merged = await shown.person.post(
        f"/images/clusters/{cluster}/merge", data={"other": f"https://x/images/clusters/{other}", "reason": "One <b>event</b>"}
    )
    assert merged.status_code == 303, merged.text
    kept = CLUSTER.findall(merged.headers["location"])[0]
    page = (await shown.person.get(f"/images/clusters/{kept}")).text
    assert "One &lt;b&gt;event&lt;/b&gt;" in page and files_in(page) == files
    ended = await shown.person.get(f"/images/clusters/{({cluster, other} - {kept}).pop()}")
    assert ended.status_code == 303 and kept in ended.headers["location"]
    assert "Its id stays valid" in (await shown.person.get(ended.headers["location"])).text
    alone, altered = (hashlib.sha256(one).hexdigest() for one in (encoded(scene(99)), shown.captioned))
    out = await shown.person.post(f"/images/clusters/{kept}/split", data={"images": [alone], "reason": "Not the same"})
    assert out.status_code == 303, out.text
    parted = await cluster_of(shown)
    page = (await shown.person.get(f"/images/clusters/{parted}")).text
    assert alone not in page and altered in page and files_in(page) == files - 1
    assert "Separated" in (await shown.person.get(f"/images/clusters/{kept}")).text
    gone = await shown.person.post(f"/images/clusters/{parted}/reject", data={"image": altered, "reason": "Another picture"})
    assert gone.status_code == 303, gone.text
    page = (await shown.person.get(f"/images/clusters/{await cluster_of(shown)}")).text
    assert files_in(page) == files - 2
    await shown.site.sound()

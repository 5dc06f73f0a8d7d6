"""The path of a capture with its evidence in a real SeaweedFS bucket under Object Lock."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests import seaweed as server
from tests.seaweed import Seaweed
from tests.web.site import Site, open_site, settings_of

pytestmark = pytest.mark.seaweedfs
seaweed = server.seaweed


@pytest.fixture
async def site(database_url: str, tmp_path: Path, seaweed: Seaweed) -> AsyncIterator[Site]:
    settings = settings_of(
        tmp_path,
        database_url,
        blob_store="s3",
        s3_endpoint=seaweed.app.endpoint,
        s3_bucket=seaweed.app.bucket,
        s3_working_bucket=server.PLAIN_BUCKET,
        s3_access_key=seaweed.app.access_key,
        s3_secret_key=seaweed.app.secret_key,
        s3_retention_days=1,
    )
    async with open_site(settings) as running:
        yield running


async def test_a_capture_is_sealed_checked_and_read_back_from_the_bucket(site: Site, seaweed: Seaweed) -> None:
    device = await site.pair()
    artifacts = device.artifacts()
    capture_id = await device.capture(artifacts)
    await site.services.captures.checks.run(capture_id)
    answer = (await site.http.get(f"/api/v1/captures/{capture_id}", headers=device.headers)).json()
    assert {one["outcome"] for one in answer["checks"]} <= {"PASSED", "NOT_CHECKED"}, answer["checks"]
    assert {one["name"] for one in answer["checks"] if one["outcome"] == "PASSED"} >= {
        "page_archive",
        "page_archive_digests",
        "image",
    }
    for name, data in artifacts.items():
        url = f"/api/v1/captures/{capture_id}/artifacts/{name}"
        assert (await site.http.get(url, headers=device.headers)).content == data
        part = await site.http.get(url, headers=device.headers | {"Range": "bytes=3-9"})
        assert part.status_code == 206 and part.content == data[3:10]
    operator = await site.services.operators.ensure_default_operator()
    sha256 = hashlib.sha256(artifacts["page.wacz"]).hexdigest()
    key = f"{operator.organisation_id}/sha256/{sha256[:2]}/{sha256}"
    head = seaweed.client().head_object(Bucket=seaweed.app.bucket, Key=key)
    assert head["ObjectLockMode"] == "COMPLIANCE"
    evidence, copies = (
        _digests_in(seaweed, bucket, str(operator.organisation_id)) for bucket in (server.BUCKET, server.PLAIN_BUCKET)
    )
    assert evidence == {hashlib.sha256(data).hexdigest() for data in artifacts.values()}
    assert copies and not copies & evidence  # nothing derived stands beside evidence
    await site.sound()


def _digests_in(seaweed: Seaweed, bucket: str, organisation: str) -> set[str]:
    listed = seaweed.client(admin=True).list_objects_v2(Bucket=bucket, Prefix=f"{organisation}/")
    return {entry["Key"].rpartition("/")[2] for entry in listed.get("Contents", [])}


async def test_a_resumable_upload_ends_in_the_bucket(site: Site) -> None:
    device = await site.pair()
    data = b"0123456789abcdef" * 70_000
    committed = (await device.commit(await device.statement({"upload.0.bin": data}))).json()
    tus = device.headers | {"Tus-Resumable": "1.0.0"}
    url = f"/api/v1/captures/{committed['capture_id']}/artifacts/{hashlib.sha256(data).hexdigest()}"
    place = (await site.http.post(url, headers=tus | {"Upload-Length": str(len(data))})).headers["location"]
    for offset in range(0, len(data), 500_000):
        headers = tus | {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
        assert (await site.http.patch(place, content=data[offset : offset + 500_000], headers=headers)).status_code == 204
    assert (await device.seal(committed["capture_id"])).status_code == 200
    await site.sound()

"""The numbers of a cluster against SQL written on its own, over places that a careless count would take for one another."""

import hashlib

from sqlalchemy import event

from server.db import run_sql
from tests.images.test_clusters import FILES, cluster_of, send
from tests.web.site import Site

INTO = (
    "INSERT INTO image_sighting (organisation_id, image_id, capture_id, artifact, source, url, url_sha256, ordinal, frame_url, "
    "platform, account, post, captured_at, received_at) SELECT image.organisation_id, image.id, :capture, :artifact, 'network', "
    ":url, encode(sha256(convert_to(:url, 'UTF8')), 'hex'), :ordinal, '', :platform, :account, :post, "
    "CAST(:at AS timestamptz), now() FROM image WHERE sha256 = :image"
)
OF = "image_id IN (SELECT image_id FROM image_member WHERE cluster_id = :cluster AND role IN ('representative', 'same'))"
IN = "image_id IN (SELECT image_id FROM image_member WHERE cluster_id = :cluster AND role = 'contains')"
PLACES = "SELECT capture_id, url, ordinal FROM image_sighting WHERE"
SQL = {
    "images": f"SELECT count(*) FROM image WHERE kind = 'file' AND id IN (SELECT image_id FROM image_sighting WHERE {OF})",
    "instances": f"SELECT count(*) FROM ({PLACES} {OF} GROUP BY 1, 2, 3) places",
    "captures": f"SELECT count(*) FROM capture WHERE capture_id IN (SELECT capture_id FROM image_sighting WHERE {OF})",
    "posts": f"SELECT count(*) FROM (SELECT platform, post FROM image_sighting WHERE post IS NOT NULL AND {OF} GROUP BY 1, 2) p",
    "accounts": f"SELECT count(*) FROM (SELECT 1 FROM image_sighting WHERE account <> '' AND {OF} GROUP BY platform, account) a",
    "platforms": f"SELECT count(*) FROM (SELECT platform FROM image_sighting WHERE platform IS NOT NULL AND {OF} GROUP BY 1) p",
    "without_post": f"SELECT count(*) FROM ({PLACES} post IS NULL AND {OF} GROUP BY 1, 2, 3) places",
    "contains": f"SELECT count(*) FROM ({PLACES} {IN} GROUP BY 1, 2, 3) places",
    "first_seen": f"SELECT captured_at FROM image_sighting WHERE {OF} ORDER BY captured_at LIMIT 1",
    "last_seen": f"SELECT captured_at FROM image_sighting WHERE {OF} ORDER BY captured_at DESC LIMIT 1",
}
ROWS = (  # image, capture, address, ordinal, artifact, platform, account, post, second
    ("one", 0, "https://x.example/p", 0, "page.wacz", "x", "7", "1", 9),
    ("one", 0, "https://x.example/p", 1, "page.wacz", "x", "7", "1", 8),  # twice on one page, of one post
    ("one small", 0, "https://x.example/p", 0, "image.jpg", "x", "7", "1", 7),  # the same place with another file: one instance
    ("one", 1, "https://x.example/p", 0, "page.wacz", "tiktok", "7", "1", 6),  # equal ids on another platform are others
    ("one", 1, "https://y.example/q", 0, "page.wacz", "tiktok", "7", None, 5),  # an account and no post
    ("one small", 1, "https://y.example/q", 1, "page.wacz", "x", None, "2", 4),
    ("one small", 2, "https://z.example/r", 0, "page.wacz", None, None, None, 3),
    ("both", 2, "https://z.example/s", 0, "page.wacz", "x", "8", "3", 2),  # a collage: shows it, is no instance of it
    ("two", 2, "https://z.example/t", 0, "page.wacz", "youtube", "9", "4", 1),  # another picture
)


async def test_each_number_is_what_other_sql_counts(site: Site) -> None:
    operator = await site.services.operators.ensure_default_operator()
    await send(site, ["one", "one small", "two", "both"], operator)
    images, digest = site.services.images, {name: hashlib.sha256(data).hexdigest() for name, data in FILES.items()}
    async with site.services.database.transaction() as session:
        captures = [row[0] for row in await run_sql(session, "SELECT capture_id FROM capture ORDER BY capture_id")]
        for name, capture, url, ordinal, artifact, platform, account, post, second in ROWS:
            values = {
                "url": url,
                "ordinal": ordinal,
                "artifact": artifact,
                "platform": platform,
                "account": account,
                "post": post,
            }
            at = f"2026-01-02T03:04:0{second}Z"
            await run_sql(session, INTO, **values, image=digest[name], capture=captures[capture], at=at)
    clusters = {name: await cluster_of(site, operator, digest[name]) for name in ("one", "two")}
    listed = {one.cluster_id: one.counts for one in await images.reads.clusters(operator)}
    for name, cluster in clusters.items():
        counted = (await images.reads.cluster(operator, cluster)).counts
        async with site.services.database.session() as session:
            expected = {unit: (await run_sql(session, sql, cluster=cluster))[0][0] for unit, sql in SQL.items()}
        assert {unit: getattr(counted, unit) for unit in expected} == expected, name
        frozen = await images.counting.freeze(operator, cluster)
        assert listed[cluster] == counted == frozen.counts, "list, page and frozen count are one number"
        assert (await images.counting.frozen(operator, frozen.id)).is_same
    one = listed[clusters["one"]]
    assert (one.images, one.posts, one.accounts, one.platforms) == (2, 3, 2, 2) and one.contains > 0

    for name in ("one", "one small"):
        told = (await images.search.by_bytes(operator, FILES[name])).matches
        assert {match.image.sha256 for match in told if match.kind == "exact"} == {digest[name]}
        assert {match.kind for match in told if match.image.sha256 != digest[name]} <= {"same", "contains", "variant"}
        assert len(told) == 3, "the other size is similar, the collage contains it, the other picture is none of this"

    said: list[str] = []
    engine = site.services.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", lambda *arguments: said.append(arguments[2]))
    person, numbers = await site.person(), []
    for limit in (1, 2):
        said.clear()
        assert (await person.get(f"/api/v1/clusters?limit={limit}")).status_code == 200
        numbers.append(len(said))
    assert numbers[0] == numbers[1], "as many statements for two clusters as for one"
    await site.sound()

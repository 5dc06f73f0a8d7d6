"""The capture page shows what the page claims and what the person looked for: in words, escaped, with its doubts."""

from server.captures.observations import label_observations, post_claims
from tests.web.site import Site

POST = {
    "platform": "x",
    "accountHandle": "<script>alert(1)</script>",
    "postId": "1735765521595875777",
    "postedAt": [{"value": "2023-12-15T20:55:23.969Z", "source": "platform_id", "precisionS": 1}],
    "counts": [
        {"name": "likes", "low": 1200, "high": 1299, "exact": False, "asWritten": "1,2K"},
        {"name": "replies", "low": 0, "high": 0, "exact": True, "asWritten": "0"},
        {"name": "reach", "low": 10000, "high": None, "exact": False, "asWritten": "10,000+"},
    ],
    "claims": [{"kind": "ai_label", "state": "absent", "value": 0, "where": "bodies[2]#$.aigc", "platformField": "aigc"}],
    "problems": ["two texts could not be read"],
    "module": "x",
    "moduleVersion": "1",
}
LOOKS = [
    {"layer": 1, "kind": "ai_disclosure", "state": "absent", "where": "caption"},
    {
        "layer": 2,
        "kind": "platform_ai_label",
        "state": "absent",
        "region": {"artifact": "a.png", "x": 1, "y": 2, "width": 3, "height": 4},
    },
    {"layer": 4, "kind": "iptc_dst", "state": "absent", "selector": "img"},
    {"layer": 9, "kind": "<b>", "state": "present"},
    {"layer": 3, "kind": "community_note", "state": "not_applicable"},
    "noise",
]


def test_absent_needs_the_place_where_one_looked() -> None:
    seen = label_observations({"labelObservations": LOOKS})
    assert [(one.state, one.doubt) for one in seen] == [
        ("not_checked", "nowhere"),
        ("absent", ""),
        ("absent", ""),
        ("not_checked", "malformed"),
        ("not_applicable", ""),
        ("not_checked", "malformed"),
    ]
    assert seen[1].region == "3 × 4 at 1, 2 in a.png"
    empty = {"layer": 2, "kind": "a", "state": "absent", "region": {"x": 0, "y": 0, "width": 0, "height": 5}, "selector": ""}
    assert label_observations({"labelObservations": [empty]})[0].doubt == "nowhere"
    assert len(label_observations({"labelObservations": LOOKS * 100})) == 64


def test_any_shape_of_claims_is_read_without_an_error() -> None:
    assert post_claims({"post": None}) is None
    assert post_claims({}) is None
    for value in ({}, {"counts": 3, "claims": [1, {}], "postedAt": {"a": 1}, "text": ["x"], "problems": None}):
        assert post_claims({"post": value}) is not None
    assert label_observations({"labelObservations": {"layer": 1}}) == ()
    counts = post_claims({"post": POST})
    assert counts is not None
    assert counts.counts == (("likes", "1200–1299 (1,2K)"), ("replies", "0"), ("reach", "10000+ (10,000+)"))


async def test_claims_and_observations_stand_on_the_capture_page_escaped(site: Site) -> None:
    device = await site.pair()
    capture_id = await device.capture(post=POST, labelObservations=LOOKS)
    page = (await (await site.person()).get(f"/captures/{capture_id}")).text
    for words in (
        "Claims of the page",
        "1735765521595875777",
        "What the person looked for",
        "proves nothing",
        "no region or selector",
    ):
        assert words in page, words
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert page.count('data-observation="absent"') == 2
    assert page.count('data-observation="not_checked"') == 3
    without = await device.capture()
    assert "Claims of the page" not in (await (await site.person()).get(f"/captures/{without}")).text


async def test_a_service_without_a_replay_origin_says_so_and_records_a_plain_view(site: Site) -> None:
    device = await site.pair()
    capture_id = await device.capture()
    person = await site.person()
    page = await person.get(f"/captures/{capture_id}/replay")
    assert page.status_code == 200
    assert "Replay is not set up" in page.text
    assert "<iframe" not in page.text
    events = (await person.get(f"/api/v1/captures/{capture_id}/events")).json()["events"]
    assert [one["type"] for one in events] == ["capture.committed", "capture.sealed", "capture.viewed"]

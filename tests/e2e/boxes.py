"""What an archive must say of the places of pictures on the page of DemoSite.boxes, in every browser."""

from typing import Any

from tests.e2e.site import DemoSite

IN_PAGE = {
    ("background", "harbour?as=background"): (10, 10, 160, 90),
    ("background", "marsh?as=one"): (180, 10, 160, 90),
    ("before", "market?as=before"): (350, 10, 160, 90),
    ("after", "avatar-1?as=after"): (520, 10, 160, 90),
    ("background", "data"): (690, 10, 160, 90),
    ("canvas", ""): (10, 120, 320, 180),
    ("poster", "lighthouse?as=poster"): (350, 120, 160, 90),
    ("svg", "avatar-2?as=svg"): (520, 120, 100, 80),
    ("img", "ferry?as=chosen"): (690, 120, 160, 90),
    ("img", "avatar-3?as=open"): (0, 0, 120, 60),
    ("img", "avatar-4?as=closed"): (0, 64, 120, 60),
}
FRAMED_AT = {"x": 18, "y": 328, "width": 200, "height": 100}
"""Of the frame's place, its border and padding are taken off."""


def assert_places(info: dict[str, Any], site: DemoSite) -> None:
    """The account lists each picture of the page once, by kind, address and place, and those of its two frames."""
    own = [one for one in info["images"] if "frameUrl" not in one]
    found = {
        (one["kind"], one["url"].rpartition("/")[2] or one.get("scheme", "")): tuple(
            round(one["box"][name]) for name in ("x", "y", "width", "height")
        )
        for one in own
    }
    assert found == IN_PAGE and len(own) == len(IN_PAGE)
    assert {one["kind"] for one in own if one.get("approximate")} == {"before", "after"}
    near, far = sorted((one for one in info["images"] if "frameUrl" in one), key=lambda one: "at" not in one)
    assert near["url"] == f"{site.url}/pictures/ferry?as=framed" and near["at"] == FRAMED_AT
    assert far["frameUrl"].startswith(site.frame_url) and "at" not in far, "a frame of another site does not say where it stands"
    assert not any("hidden" in one["url"] or one["url"].startswith("data:") for one in info["images"])

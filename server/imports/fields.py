"""What a column can mean, and what its header suggests. The columns of an auto-archiver sheet are known by their names."""

import re
from collections.abc import Mapping

IDENTITY = ("post_url", "platform", "post_id", "ad_id", "account_id", "account_handle", "account_name", "account_url")
TIMES = ("posted_at", "seen_at")
FACTS = (
    "title", "text", "language", "seen_by", "country", "note", "file_hash", "perceptual_hash", "archive_url", "archive_status",
    "screenshot", "thumbnail", "wacz", "replay", "folder",
)  # fmt: skip
NUMBERS = ("views", "likes", "shares", "comments", "followers", "reach", "impressions")
FIELDS = IDENTITY + TIMES + FACTS + NUMBERS
NAMES_A_THING = frozenset({"post_url", "post_id", "ad_id", "account_id", "account_handle", "account_url"})
TELLS_APART = NAMES_A_THING | {"platform"}

_AUTO_ARCHIVER = {
    "link": "post_url", "archive status": "archive_status", "destination folder": "folder", "archive location": "archive_url",
    "archive date": "seen_at", "thumbnail": "thumbnail", "upload timestamp": "posted_at", "upload title": "title",
    "text content": "text", "screenshot": "screenshot", "hash": "file_hash", "perceptual hashes": "perceptual_hash",
    "wacz": "wacz", "replaywebpage": "replay",
}  # fmt: skip
_OTHERS = {
    "post_url": ("url", "post url", "posturl", "post link", "permalink", "address", "source url"),
    "platform": ("platform", "network", "site"),
    "post_id": ("post id", "postid", "id", "tweet id", "tweetid", "video id", "videoid", "message id", "status id", "aweme id"),
    "ad_id": ("ad id", "adid", "ad archive id", "ad library id"),
    "account_id": ("account id", "author id", "user id", "userid", "channel id", "page id", "from id"),
    "account_handle": ("account", "handle", "username", "user name", "screen name", "author", "account handle", "author handle"),
    "account_name": ("account name", "display name", "author name", "channel", "page name"),
    "account_url": ("account url", "profile url", "profile", "channel url", "author url"),
    "posted_at": ("posted at", "posted", "published", "published at", "created at", "createtime", "timestamp", "post time",
                  "date posted", "publication date"),
    "seen_at": ("seen at", "seen", "captured at", "collected at", "retrieved at", "observed at", "scraped at"),
    "seen_by": ("seen by", "collector", "collected by", "by", "analyst"),
    "country": ("country", "vantage country", "seen from"),
    "title": ("title", "headline"),
    "text": ("text", "caption", "content", "message", "description", "body"),
    "language": ("language", "lang"),
    "note": ("note", "notes", "comment by analyst", "remark", "remarks"),
    "file_hash": ("sha256", "sha 256", "file hash", "md5"),
    "perceptual_hash": ("phash", "pdq", "pdq hash", "perceptual hash"),
    "archive_url": ("archive", "archive url", "archived at", "wayback"),
    "views": ("views", "view count", "viewcount", "plays", "play count", "playcount", "weekly views"),
    "likes": ("likes", "like count", "likecount", "favorite count", "favourites", "digg count", "reactions"),
    "shares": ("shares", "share count", "retweets", "retweet count", "reposts"),
    "comments": ("comments", "comment count", "replies", "reply count"),
    "followers": ("followers", "follower count", "subscribers", "members"),
    "reach": ("reach", "eu total reach"),
    "impressions": ("impressions",),
}  # fmt: skip
_BY_NAME = {name: field for field, names in _OTHERS.items() for name in names} | _AUTO_ARCHIVER


def suggested(header: tuple[str, ...]) -> dict[str, str]:
    """Column → field for the columns whose name says what they are; each field once, the first column that fits has it."""
    made: dict[str, str] = {}
    for column in header:
        field = _BY_NAME.get(_plain(column), "")
        if field and field not in made.values():
            made[column] = field
    return made


def is_auto_archiver(header: tuple[str, ...]) -> bool:
    """True when the columns are those of an auto-archiver sheet: the link, and what its tool writes beside it."""
    names = {_plain(column) for column in header}
    return {"link", "archive status"} <= names and len(names & set(_AUTO_ARCHIVER)) >= 5


def mapping_problem(header: tuple[str, ...], mapping: Mapping[str, str]) -> str:
    """Why this mapping cannot be used; "" when it can."""
    unknown = sorted(set(mapping) - set(header)) + sorted(set(mapping.values()) - set(FIELDS))
    if unknown:
        return f"there is no column or field {unknown[0][:80]}"
    twice = sorted(field for field in set(mapping.values()) if list(mapping.values()).count(field) > 1)
    if twice:
        return f"two columns are {twice[0]}"
    if not NAMES_A_THING & set(mapping.values()):
        return "no column names a post, an ad or an account"
    return ""


def _plain(name: str) -> str:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return " ".join(re.sub(r"[_\-./]+", " ", spaced).lower().split())

"""Which post or account an address names, where the platform writes its own id into it. No address is ever asked."""

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

PLATFORMS = {
    "x": ("x.com", "twitter.com"), "tiktok": ("tiktok.com",), "instagram": ("instagram.com",), "bluesky": ("bsky.app",),
    "youtube": ("youtube.com", "youtu.be"), "telegram": ("t.me", "telegram.me"), "facebook": ("facebook.com", "fb.com"),
    "linkedin": ("linkedin.com",), "vk": ("vk.com",),
}  # fmt: skip
ALIASES = {
    "twitter": "x", "x/twitter": "x", "twitter/x": "x", "x (twitter)": "x", "fb": "facebook", "ig": "instagram", "yt": "youtube",
    "tik tok": "tiktok", "bsky": "bluesky", "vkontakte": "vk", "meta": "facebook",
}  # fmt: skip
ADDRESS_LIMIT = 2000
_SHORTCODE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_PATHS = {
    "x": r"/(?P<account>\w{1,30})/status(?:es)?/(?P<post>\d{1,19})(?:/.*)?",
    "tiktok": r"/@(?P<account>[\w.]{1,40})/(?:video|photo)/(?P<post>\d{1,19})/?",
    "bluesky": r"/profile/(?P<account>[\w.:-]{1,250})/post/(?P<post>[2-7a-z]{13})/?",
    "instagram": r"/(?:(?P<account>[\w.]{1,40})/)?(?:p|reel|reels|tv)/(?P<post>[\w-]{5,20})/?",
    "telegram": r"/(?:s/)?(?P<account>[A-Za-z]\w{3,40})/(?P<post>\d{1,15})/?",
    "facebook": r"/(?P<account>[\w.-]{1,80})/(?:posts|videos)/(?:[^/]*/)?(?P<post>pfbid\w{10,120}|\d{5,25})/?",
    "linkedin": r"/feed/update/urn:li:(?:activity|share|ugcPost):(?P<post>\d{10,25})/?",
    "vk": r"/wall(?P<post>-?\d{1,15}_\d{1,15})/?",
}
_HANDLE = {
    "x": r"/(\w{1,30})/?", "tiktok": r"/@([\w.]{1,40})/?", "instagram": r"/([\w.]{1,40})/?",
    "bluesky": r"/profile/([\w.:-]{1,250})/?", "telegram": r"/(?:s/)?([A-Za-z]\w{3,40})/?",
    "youtube": r"/@((?:[\w.-]|[^\x00-\x7f]){1,60})/?", "facebook": r"/([\w.]{1,80})/?", "vk": r"/([\w.]{1,60})/?",
}  # fmt: skip
_POSTS, _ACCOUNTS = ({name: re.compile(text, re.ASCII) for name, text in many.items()} for many in (_PATHS, _HANDLE))
_NO_HANDLES = {"home", "search", "explore", "watch", "i", "hashtag", "login", "feed", "reel", "reels", "profile.php", "groups"}


_SCIENTIFIC = re.compile(r"/\d+(?:[.,]\d+)?[eE]\+\d+(?:/|$)", re.ASCII)


@dataclass(frozen=True)
class Named:
    """What an address names. An empty member is not in it. `post_id` of Instagram is the number behind the short code."""

    platform: str
    post_id: str = ""
    ad_id: str = ""
    account: str = ""


def platform_of(name: str) -> str:
    """The platform by the name these pages use: lower-case, with usual other names understood."""
    plain = " ".join(name.lower().split())
    return ALIASES.get(plain, plain)[:40]


def address_of(text: str) -> SplitResult | None:
    """The parts of an http(s) address; None for anything else."""
    written = text.strip()
    if len(written) > ADDRESS_LIMIT or any(char.isspace() or not char.isprintable() for char in written):
        return None
    try:
        parts = urlsplit(written)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.scheme in ("http", "https") and host else None


def named_by(parts: SplitResult) -> Named:
    """What the address names; of an unknown site its host as the platform, and nothing else."""
    host = (parts.hostname or "").lower()
    platform = next((name for name, hosts in PLATFORMS.items() if any(_is_host(host, one) for one in hosts)), "")
    path = unquote(parts.path)
    if not platform:
        return Named(host.removeprefix("www.")[:40])
    query = _query(parts)
    if platform == "youtube":
        return Named(platform, _video(host, path, query))
    if platform == "facebook" and path.startswith("/ads/library"):
        return Named(platform, ad_id=_digits(query.get("id", "")))
    if platform == "facebook" and (
        path in ("/permalink.php", "/story.php", "/watch", "/watch/", "/photo", "/photo.php", "/photo/")
    ):
        return Named(platform, _digits(query.get("story_fbid", "") or query.get("v", "") or query.get("fbid", "")))
    found = _POSTS[platform].fullmatch(path) if platform in _POSTS else None
    if found is None:
        return Named(platform)
    post, account = found["post"], found.groupdict().get("account") or ""
    if platform == "instagram":
        post = _media_id(post)
    if platform == "telegram":  # a message's number counts within its channel
        post = f"{account.lower()}/{post}"
    return Named(platform, post, account="" if account.lower() in _NO_HANDLES else account)


def is_made_of_a_number(parts: SplitResult) -> bool:
    """True where an id in the address is in scientific notation: a spreadsheet put the address together."""
    return _SCIENTIFIC.search(unquote(parts.path)) is not None


def handle_in(parts: SplitResult) -> str:
    """The account's handle in the address of its page; "" where there is none."""
    platform = named_by(parts).platform
    found = _ACCOUNTS[platform].fullmatch(unquote(parts.path)) if platform in _ACCOUNTS else None
    return "" if found is None or found[1].lower() in _NO_HANDLES else found[1]


def _is_host(host: str, wanted: str) -> bool:
    return host == wanted or host.endswith(f".{wanted}")


def _query(parts: SplitResult) -> dict[str, str]:
    try:
        return {name: values[0] for name, values in parse_qs(parts.query, max_num_fields=100).items()}
    except ValueError:
        return {}


def _digits(text: str) -> str:
    return text if re.fullmatch(r"\d{5,25}", text, re.ASCII) else ""


def _video(host: str, path: str, query: dict[str, str]) -> str:
    code = query.get("v", "") if path == "/watch" else path.strip("/").split("/")[-1]
    is_video = path == "/watch" or host == "youtu.be" or path.startswith(("/shorts/", "/live/", "/embed/"))
    return code if is_video and re.fullmatch(r"[\w-]{11}", code, re.ASCII) else ""


def _media_id(code: str) -> str:
    """The number that a short code writes in base 64; a longer code is a private post's, whose first 11 signs are the number."""
    number = 0
    for char in code[:11]:
        if char not in _SHORTCODE:
            return ""
        number = number * 64 + _SHORTCODE.index(char)
    return str(number) if 0 < number < 2**63 else ""

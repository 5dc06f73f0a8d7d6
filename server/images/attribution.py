"""Whose post an image belongs to, as far as the page's own data says so. What nothing ties to a post stays unknown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

MEDIA_LIMIT = 200
TEXT_LIMIT = 500
_ENDING = re.compile(r"(\.(jpe?g|png|webp|gif|avif))?(:[a-z0-9]{1,12})?$", re.IGNORECASE)


@dataclass(frozen=True)
class Attribution:
    """platform: of the page. account, post: ids on that platform, or None when not known."""

    platform: str | None = None
    account: str | None = None
    post: str | None = None


class PagePost:
    """`predicate.post` of a statement: claims of the page, not facts."""

    def __init__(self, predicate: Mapping[str, object]) -> None:
        stated = predicate.get("post")
        post = stated if isinstance(stated, dict) else {}
        self._platform = _text(post.get("platform"))
        self._whole = Attribution(
            self._platform, _text(post.get("accountId")) or _text(post.get("accountHandle")), _text(post.get("postId"))
        )
        media = post.get("media")
        listed = [one.get("url") for one in (media if isinstance(media, list) else [])[:MEDIA_LIMIT] if isinstance(one, dict)]
        self._media = {key for url in listed if isinstance(url, str) and (key := address_key(url))}

    def of(self, url: str) -> Attribution:
        """Account and post when the post lists this image among its own, else the page's platform only."""
        return self._whole if self._media and address_key(url) in self._media else Attribution(self._platform)


def address_key(url: str) -> str:
    """Host and path without size and file ending: the same upload in its several sizes. "" for what is no web address."""
    try:
        parts = urlsplit(url[:4000])
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return ""
    return parts.netloc.lower() + _ENDING.sub("", parts.path)


def _text(value: object) -> str | None:
    return value[:TEXT_LIMIT].replace("\x00", "") or None if isinstance(value, str) else None

"""Where a page of hits ends, as a text that is good for the same search alone. It says a place in an order, nothing of anybody's:
whoever sends another one's, or makes one up, gets hits of their own."""

import base64
import binascii
import hashlib
import math

from server.cases.found import Place
from server.cases.searchquery import SearchQuery
from server.errors import BadInput

MARK_CHARS = 16
Order = tuple[float, float, str, str]
"""Best first: rank and time downward, then kind and id."""


def order_of(place: Place) -> Order:
    """What the place is ordered by."""
    return -place.rank, -place.at.timestamp(), place.kind, f"{place.ref}.{place.text_id or ''}"


def cursor_after(place: Place, query: SearchQuery) -> str:
    """The cursor of the page that begins after this place."""
    rank, at, kind, ref = order_of(place)
    said = "|".join((_mark(query), repr(rank), repr(at), kind, ref))
    return base64.urlsafe_b64encode(said.encode()).decode().rstrip("=")


def parse_cursor(cursor: str, query: SearchQuery) -> Order:
    """The place the page begins after. Raises: BadInput."""
    try:
        said = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
        mark, rank, at, kind, ref = said.split("|")
        order = float(rank), float(at), kind, ref
    except (binascii.Error, UnicodeError, ValueError) as error:
        raise BadInput(field="cursor", reason="not a cursor of this service") from error
    if not math.isfinite(order[0]) or not math.isfinite(order[1]):
        raise BadInput(field="cursor", reason="not a cursor of this service")
    if mark != _mark(query):
        raise BadInput(field="cursor", reason="the cursor is of another search: send the same words and filters with it")
    return order


def _mark(query: SearchQuery) -> str:
    asked = (query.text, query.case_id, query.whose, query.kinds, sorted(query.facets.items()), query.captured, query.posted,
             query.state, query.in_cluster)  # fmt: skip
    return hashlib.sha256(repr(asked).encode("utf-8", "surrogatepass")).hexdigest()[:MARK_CHARS]

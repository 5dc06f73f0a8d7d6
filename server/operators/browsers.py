"""What a person knows a browser by: its family and system, from the User-Agent header. A claim of the browser, nothing more."""

_FAMILIES = (
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("OPR/", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Safari/", "Safari"),
)
"""By the first that stands in the header: most browsers name those before them as well."""
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)
HEADER_LIMIT = 1_000


def browser_family(user_agent: str) -> str:
    """`Firefox · Linux`; a part that is not known is left out, and nothing known gives the empty text."""
    header = user_agent[:HEADER_LIMIT]
    found = (next((name for mark, name in table if mark in header), "") for table in (_FAMILIES, _SYSTEMS))
    return " · ".join(name for name in found if name)

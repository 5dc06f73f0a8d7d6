"""Setting a document with typst, with its own fonts only: the same object gives the same PDF. Blocking."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import typst
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from server.exports.errors import ExportRefused

FOLDER = Path(__file__).parent
HTML = Environment(loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True)


def pdf(template: str, data: Mapping[str, Any], at: datetime) -> bytes:
    """The PDF (A-2b). What is in `data` is never markup. Raises: ExportRefused (more than the one page a template allows)."""
    try:
        made = typst.compile(
            FOLDER / template,
            root=FOLDER,
            sys_inputs={"data": json.dumps(data)},
            ignore_system_fonts=True,
            pdf_standards="a-2b",
            timestamp=int(at.timestamp()),
        )
    except typst.TypstError as error:
        if "more than one page" not in str(error):
            raise
        raise ExportRefused(reason="it does not fit on one page: shorten it") from error
    if not isinstance(made, bytes):
        raise TypeError("one PDF is expected")
    return made


def html(template: str, **data: object) -> bytes:
    """The page, without a script and without anything from elsewhere."""
    return HTML.get_template(template).render(**data).encode()

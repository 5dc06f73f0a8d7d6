"""Setting a document with typst, with its own fonts only: the same object gives the same PDF. Blocking.

What turns or hides text is written out (server/visible.py), in the PDF and in the page; in the PDF what no font has, too.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import typst
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from server.exports.documents.letters import STEPS, printable_in
from server.exports.errors import ExportRefused
from server.visible import visible

FOLDER = Path(__file__).parent


def shown_value(value: object) -> object:
    """What a template prints of a value: a text is made visible, what is markup already stays."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


HTML = Environment(
    loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True, finalize=shown_value
)


def pdf(template: str, data: Mapping[str, Any], at: datetime) -> bytes:
    """The PDF (A-2b). What is in `data` is never markup. Raises: ExportRefused (more than the one page a template allows)."""
    try:
        made = set_pdf(FOLDER / template, FOLDER, data, at)
    except typst.TypstError as error:
        if "more than one page" not in str(error):
            raise
        raise ExportRefused(reason="it does not fit on one page: shorten it") from error
    return made


def set_pdf(template: Path, root: Path, data: Mapping[str, Any], at: datetime) -> bytes:
    """The PDF of a template. A letter that no font has is written out; where a font has it, but not with its marks, the marks
    are, and only where that does not do every letter that is not plain. The same data give the same bytes.

    Raises: typst.TypstError.
    """
    for step in range(len(STEPS) - 1):
        try:
            return _compiled(template, root, printable_in(data, step), at)
        except typst.TypstError as error:
            if "could not be displayed" not in str(error):
                raise
    return _compiled(template, root, printable_in(data, len(STEPS) - 1), at)


def _compiled(template: Path, root: Path, data: object, at: datetime) -> bytes:
    made = typst.compile(
        template,
        root=root,
        sys_inputs={"data": json.dumps(data)},
        ignore_system_fonts=True,
        pdf_standards="a-2b",
        timestamp=int(at.timestamp()),
    )
    if not isinstance(made, bytes):
        raise TypeError("one PDF is expected")
    return made


def html(template: str, **data: object) -> bytes:
    """The page, without a script and without anything from elsewhere."""
    return HTML.get_template(template).render(**data).encode()

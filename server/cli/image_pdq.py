"""`holdstill images pdq FILE…`: the PDQ of a picture as lists of hashes exchange it, without a server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

MAX_FILE_BYTES = 64 * 1024 * 1024


def exchange_codes(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="Pictures; nothing is written.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON list, a row for each file.")] = False,
) -> None:
    """PDQ of the full-size picture, for lists that others compare with. Exit code 1 if a file gives none, with the reason.

    Not the code that searches here compare: that is of a smaller frame.
    """
    rows = [{"file": str(path), **_code(path)} for path in files]
    lines = [f"{row['pdq'] or '-'}  {row['quality']:>3}  {row['file']}  {row['reason']}".rstrip() for row in rows]
    typer.echo(json.dumps(rows, indent=1, ensure_ascii=False) if as_json else "\n".join(lines))
    if not all(row["pdq"] for row in rows):
        raise typer.Exit(1)


def _code(path: Path) -> dict[str, str | int]:
    from server.media.decode import UnreadablePicture
    from server.media.hashes import exchange_pdq
    from server.media.pdq import hex_of

    if path.stat().st_size > MAX_FILE_BYTES:
        return {"pdq": "", "quality": 0, "reason": f"more than {MAX_FILE_BYTES} bytes"}
    try:
        made = exchange_pdq(path.read_bytes())
    except UnreadablePicture as error:
        return {"pdq": "", "quality": 0, "reason": error.reason}
    return {"pdq": hex_of(made.codes[0]), "quality": made.quality, "reason": ""}

"""`holdstill images …`: pictures in a folder, without a server."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from server.cli.image_folder import Entry, entries_of

if TYPE_CHECKING:  # numpy and OpenCV are loaded by the commands that need them
    from server.cli.image_cache import LookCache, Outcome
    from server.media.clusters import Edge, Partition

images_app = typer.Typer(no_args_is_help=True, help="Find the same picture again. Works on files alone, without a server.")
MAX_FILE_BYTES = 256 * 1024 * 1024
THREADS_FOR_NUMPY = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")


@images_app.callback()
def images() -> None:
    """Find the same picture again. Works on files alone, without a server."""


@dataclass(frozen=True)
class _File:
    """One file of the folder: its name below it, the digest of its bytes, what came of it."""

    path: Path
    name: str
    sha256: str
    outcome: Outcome


Row = dict[str, str | int | float | None]


@images_app.command("cluster")
def cluster(
    folder: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="Every file below it is looked at; nothing is written there.")
    ],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON list: a row for each file and cluster it is seen in.")
    ] = False,
    cache: Annotated[Path | None, typer.Option(help="Where finished work is kept, so that a run can be resumed.")] = None,
    keep: Annotated[bool, typer.Option(help="Keep finished work for the next run.")] = True,
    workers: Annotated[int, typer.Option(min=1, help="Pictures decoded at once.")] = min(4, os.cpu_count() or 1),
) -> None:
    """Group the pictures of a folder: exact copies, the same picture, pictures that contain each other, variants for review.

    Exit code 0 also when some files could not be read: each of them, and each link, has its row with the reason. A run that was
    stopped goes on where it was.
    """
    for name in THREADS_FOR_NUMPY:  # many small matrix products: threads of the library only get in each other's way
        os.environ.setdefault(name, "1")
    from server.cli.image_cache import UnusableCache, opened_cache

    found = entries_of(folder)
    place = (cache or _default_cache()) if keep else None
    try:
        with opened_cache(place, workers) as opened:
            rows = _rows(_looked_at(found, opened, workers), opened)
    except UnusableCache as error:
        raise typer.BadParameter(f"{error}. Name another file with --cache, or use --no-keep.") from error
    except KeyboardInterrupt:
        typer.echo("\nStopped." + (" What was done is kept: the same command goes on from here." if keep else ""), err=True)
        raise typer.Exit(130) from None
    typer.echo(json.dumps(rows, indent=1, ensure_ascii=False) if as_json else _in_words(rows))
    typer.echo(_summary(rows), err=True)


def _default_cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "holdstill" / "images.sqlite"


def _looked_at(found: list[Entry], cache: LookCache, workers: int) -> list[_File]:
    def look(one: Entry) -> _File:
        return _look(one, cache)

    pool = ThreadPoolExecutor(workers)
    try:
        with typer.progressbar(pool.map(look, found), length=len(found), label="Reading", file=sys.stderr) as bar:
            return list(bar)
    except BaseException:
        cache.stop()  # who ends the run waits for nothing
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _look(one: Entry, cache: LookCache) -> _File:
    from server.cli.image_cache import Outcome

    if one.code:
        return _File(one.path, one.name, "", Outcome(one.code, one.reason))
    try:
        if one.path.stat().st_size > MAX_FILE_BYTES:
            with one.path.open("rb") as source:
                digest = hashlib.file_digest(source, "sha256").hexdigest()
            reason = f"the file is larger than {MAX_FILE_BYTES} bytes"
            return _File(one.path, one.name, digest, Outcome("too_many_bytes", reason))
        data = one.path.read_bytes()
    except OSError as error:
        return _File(one.path, one.name, "", Outcome("unreadable_file", f"the file cannot be opened: {error.strerror}"))
    digest = hashlib.sha256(data).hexdigest()
    return _File(one.path, one.name, digest, cache.outcome(data, digest))


def _rows(files: list[_File], cache: LookCache) -> list[Row]:
    """The rows of the answer, sorted by file name."""
    from server.cli.image_cache import READ

    first: dict[str, _File] = {}
    for file in files:
        if file.outcome.code == READ:
            first.setdefault(file.sha256, file)
    kept = list(first.values())
    found = _partition(kept, cache)
    numbers = _cluster_numbers(kept, found.representatives)
    own: dict[str, list[Row]] = {file.sha256: [] for file in kept}
    for number in found.representatives:
        own[kept[number].sha256].append(_row(kept[number].name, numbers[number], "exact", kept[number].name, 0))
    for edge in found.edges:
        if edge.cluster in numbers:
            own[kept[edge.number].sha256].append(_edge_row(kept, edge, numbers[edge.cluster]))
    rows: list[Row] = []
    for file in files:
        if file.outcome.code != READ:
            rows.append(_row(file.name, None, None, None, None) | {"outcome": file.outcome.code, "reason": file.outcome.reason})
        elif first[file.sha256] is file:
            rows += [row | _noted(file) for row in own[file.sha256]]
        else:
            rows += [row | _noted(file) for row in _copies(file.name, first[file.sha256].name, own[file.sha256])]
    return rows


def _noted(file: _File) -> Row:
    """What was done to the picture before it was compared: only its first frame, brought to 8 bits, turned upright."""
    return {"notes": file.outcome.reason} if file.outcome.reason else {}


def _partition(kept: list[_File], cache: LookCache) -> Partition:
    """The clusters of these files, from the cache when exactly these were grouped before."""
    from server.media.clusters import partition

    digests = [file.sha256 for file in kept]
    known = cache.partition(digests)
    if known is not None:
        return known
    looks = [cache.look(file.sha256, file.path) for file in kept]
    if any(look is None for look in looks):
        raise typer.BadParameter("files of the folder changed while they were read: run the command again")
    whole = [look for look in looks if look is not None]
    digest_of = {id(look): digest for look, digest in zip(whole, digests, strict=True)}
    with typer.progressbar(length=2 * len(kept), label="Comparing", file=sys.stderr) as bar:
        found = partition(
            whole,
            digests,
            step=lambda: bar.update(1),
            judged=lambda query, other: cache.judgement(query, other, (digest_of[id(query)], digest_of[id(other)])),
        )
    cache.keep_partition(digests, found)
    return found


def _cluster_numbers(kept: list[_File], representatives: tuple[int, ...]) -> dict[int, int]:
    """Clusters are numbered 1, 2, … by the name of their representative's file."""
    ordered = sorted(representatives, key=lambda number: kept[number].name)
    return {number: position for position, number in enumerate(ordered, 1)}


def _row(file: str, cluster: int | None, edge: str | None, to: str | None, distance: int | None) -> Row:
    return {"file": file, "cluster": cluster, "edge": edge, "to": to, "distance": distance, "outcome": "read"}


def _edge_row(kept: list[_File], edge: Edge, number: int) -> Row:
    judgement = edge.judgement
    row = _row(kept[edge.number].name, number, edge.relation.value, kept[edge.to].name, judgement.distance_bits)
    row["direction"] = edge.direction.value
    if judgement.overlay is not None:
        row["correlation"] = round(judgement.overlay.score, 3)
        row["inliers"] = judgement.overlay.inliers
    return row


def _copies(name: str, original: str, rows: list[Row]) -> list[Row]:
    """The rows of a file whose bytes are those of another one: exact, in every cluster that one is seen in."""
    clusters = dict.fromkeys(row["cluster"] for row in rows if row["edge"] != "variant")
    return [_row(name, cluster if isinstance(cluster, int) else None, "exact", original, 0) for cluster in clusters]


def _in_words(rows: list[Row]) -> str:
    """For people: one block for each cluster, then what could not be read."""
    blocks: dict[int, list[str]] = {}
    unread = []
    for row in rows:
        if isinstance(row["cluster"], int):
            same_file = row["file"] == row["to"]
            told = "" if same_file else f"  {row['edge']} {row['to']} ({row['distance']} bits)"
            noted = f"  [{row['notes']}]" if "notes" in row else ""
            blocks.setdefault(row["cluster"], []).append(f"  {row['file']}{told}{noted}")
        else:
            unread.append(f"  {row['file']}  {row['outcome']}: {row.get('reason', '')}")
    lines = []
    for number in sorted(blocks):
        lines += [f"Cluster {number}", *blocks[number]]
    return "\n".join([*lines, *(["Not read", *unread] if unread else [])])


def _summary(rows: list[Row]) -> str:
    """How many files were read and how many not, and by which outcome: the last line, beside the answer."""
    outcomes = {row["file"]: str(row["outcome"]) for row in rows}
    if not outcomes:
        return "No file is in this folder."
    unread = Counter(code for code in outcomes.values() if code != "read")
    read = len(outcomes) - unread.total()
    told = ", ".join(f"{count} {code}" for code, count in sorted(unread.items()))
    return f"{read} of {len(outcomes)} files read" + (f"; not read: {told}" if told else "") + "."

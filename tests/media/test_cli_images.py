"""`holdstill images cluster FOLDER --json`: a folder of pictures in, one list out, nothing written there."""

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from server.cli import app, image_cache
from server.cli.image_folder import entries_of
from server.images.reader import PictureRead, PictureReader
from server.media.gallery import Judgement, judge
from server.media.look import Look
from tests.media.pictures import captioned, collage, encoded, mirrored, scene


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("pictures")
    (place / "below").mkdir()
    first, second = scene(80), scene(81)
    files = {
        "first.png": encoded(first),
        "below/copy of first.png": encoded(first),
        "mirrored.jpg": encoded(mirrored(first), "JPEG"),
        "captioned.webp": encoded(captioned(first), "WEBP"),
        "second.jpg": encoded(second, "JPEG"),
        "collage.jpg": encoded(collage(first, second), "JPEG"),
        "drawing.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "half.jpg": encoded(second, "JPEG")[:2000],
    }
    for name, data in files.items():
        (place / name).write_bytes(data)
    return place


def refuse(*_: object, **__: object) -> None:
    raise AssertionError("made again")


def run(folder: Path, cache: Path) -> list[dict[str, object]]:
    done = CliRunner().invoke(app, ["images", "cluster", str(folder), "--json", "--workers", "1", "--cache", str(cache)])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@dataclass(frozen=True)
class FirstRun:
    """What a run with an empty cache said of the folder, and the cache that it left."""

    rows: list[dict[str, object]]
    cache: Path

    def kept_in(self, folder: Path) -> Path:
        """A copy of the cache, for one test to read or spoil."""
        return Path(shutil.copy(self.cache, folder))


@pytest.fixture(scope="module")
def first(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> FirstRun:
    cache = tmp_path_factory.mktemp("cache") / "cache.sqlite"
    before = sorted((path, path.stat().st_mtime_ns) for path in folder.rglob("*"))
    rows = run(folder, cache)
    assert before == sorted((path, path.stat().st_mtime_ns) for path in folder.rglob("*")), "something was written in the folder"
    return FirstRun(rows, cache)


def test_each_file_has_a_row_and_the_reason_when_it_was_not_read(first: FirstRun) -> None:
    rows = first.rows
    assert all({"file", "cluster", "edge", "to", "distance"} <= set(row) for row in rows)
    assert {row["edge"] for row in rows} == {"exact", "same", "contains", None}
    told = {row["file"]: row for row in rows}
    assert told["drawing.svg"]["outcome"] == "svg" and told["half.jpg"]["outcome"] == "broken"
    one, two = told["first.png"]["cluster"], told["second.jpg"]["cluster"]
    assert one is not None and two is not None and one != two
    for name in ("below/copy of first.png", "mirrored.jpg", "captioned.webp"):
        assert told[name]["cluster"] == one, name
    edges = {row["edge"] for row in rows if row["file"] in ("first.png", "below/copy of first.png") and row["distance"] == 0}
    assert "exact" in edges
    assert sorted((row["edge"], row["cluster"]) for row in rows if row["file"] == "collage.jpg") == sorted(
        [("contains", one), ("contains", two)]
    )


def test_a_second_run_decodes_nothing_again(
    folder: Path, first: FirstRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PictureReader, "read", refuse)
    assert run(folder, first.kept_in(tmp_path)) == first.rows


def test_an_unchanged_folder_is_not_compared_again(
    folder: Path, first: FirstRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_cache, "from_bytes", refuse)
    monkeypatch.setattr(image_cache, "judge", refuse)
    assert run(folder, first.kept_in(tmp_path)) == first.rows


def test_only_pairs_with_a_new_picture_are_judged(
    folder: Path, first: FirstRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, place = first.kept_in(tmp_path), tmp_path / "folder"
    shutil.copytree(folder, place)
    added = encoded(scene(80).resize((200, 150)))
    (place / "added.png").write_bytes(added)
    asked: list[tuple[int, int]] = []

    def counting(query: Look, known: Look) -> Judgement | None:
        asked.append((query.picture.width, known.picture.width))
        return judge(query, known)

    monkeypatch.setattr(image_cache, "judge", counting)
    again = run(place, cache)
    assert asked and all(200 in pair for pair in asked)
    assert "same" in [row["edge"] for row in again if row["file"] == "added.png"]
    shutil.rmtree(tmp_path / "folder")


@pytest.mark.parametrize("table", ["look", "judged", "grouped"])
def test_a_damaged_cache_entry_is_made_again(folder: Path, first: FirstRun, tmp_path: Path, table: str) -> None:
    cache = first.kept_in(tmp_path)
    with sqlite3.connect(cache) as database:
        database.execute(f"UPDATE {table} SET made = '00'")
        if table != "grouped":
            database.execute("DELETE FROM grouped")
        if table == "look":
            database.execute("DELETE FROM judged")
    assert run(folder, cache) == first.rows


def test_a_cache_that_cannot_be_used_is_told(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not a database " * 100)
    done = CliRunner().invoke(app, ["images", "cluster", str(folder), "--cache", str(tmp_path / "text")])
    assert done.exit_code == 2 and "cannot be used as a cache" in " ".join(done.output.replace("│", " ").split())


def test_people_get_words(folder: Path) -> None:
    done = CliRunner().invoke(app, ["images", "cluster", str(folder), "--no-keep"])
    assert done.exit_code == 0
    assert "Cluster 1" in done.stdout and "drawing.svg  svg: " in done.stdout


def test_nothing_in_the_folder_is_passed_over_in_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "mixed"
    (place / "locked").mkdir(parents=True)
    (place / "notes.txt").write_text("hello")
    (place / "empty.png").write_bytes(b"")
    for link, target in (("link.txt", "notes.txt"), ("gone.png", "nowhere"), ("around", ".")):
        (place / link).symlink_to(target)
    os.mkfifo(place / "pipe")
    (Path(os.fsdecode(os.fsencode(place) + b"/b\xff\x1b[2J.png"))).write_bytes(b"")
    scan = os.scandir

    def refusing(path: str) -> Iterator[os.DirEntry[str]]:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refusing)
    done = CliRunner().invoke(app, ["images", "cluster", str(place), "--json", "--no-keep", "--workers", "1"])
    assert done.exit_code == 0
    told = {row["file"]: row["outcome"] for row in json.loads(done.stdout)}
    links = dict.fromkeys(("around", "gone.png", "link.txt"), "link")
    assert told == links | {
        "b\\xff\\x1b[2J.png": "empty",
        "empty.png": "empty",
        "locked": "unreadable_folder",
        "notes.txt": "not_a_picture",
        "pipe": "not_a_file",
    }
    assert "0 of 8 files read; not read: 2 empty, 3 link, 1 not_a_file, 1 not_a_picture, 1 unreadable_folder." in done.stderr


def test_a_file_that_goes_or_is_closed_to_us_has_its_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "closed.png").write_bytes(b"x")

    def closed(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", closed)
    done = CliRunner().invoke(app, ["images", "cluster", str(tmp_path), "--json", "--no-keep", "--workers", "1"])
    (row,) = json.loads(done.stdout)
    assert (row["outcome"], row["reason"]) == ("unreadable_file", "the file cannot be opened: Permission denied")


def test_an_empty_folder_is_said_to_be_empty(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["images", "cluster", str(tmp_path), "--json", "--no-keep", "--workers", "1"])
    assert (done.exit_code, json.loads(done.stdout)) == (0, []) and "No file is in this folder." in done.stderr
    assert entries_of(tmp_path) == []


def test_what_failed_for_the_machine_is_tried_again_the_next_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "one.png").write_bytes(b"picture")
    answers = iter([PictureRead("timeout", "not decoded within 30 s"), PictureRead("broken", "cut off")])
    monkeypatch.setattr(PictureReader, "read", lambda *_: next(answers))
    for outcome in ("timeout", "broken", "broken"):  # the third is out of the cache
        assert [row["outcome"] for row in run(tmp_path / "folder", tmp_path / "cache.sqlite")] == [outcome]

"""Each validator's environment can be made, and it refuses what is wrong: one that says yes to anything proves nothing."""

import io
import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import bagit
import frictionless
import jsonschema
import openpyxl
import pypdf
import pytest

from server.exports.documents.paper import pdf
from tests.exports.test_notice import notice, validator
from tests.validators import run_validator

BAD_HASH = {
    "@context": {
        "kb": "http://example.org/kb/",
        "core": "https://ontology.unifiedcyberontology.org/uco/core/",
        "types": "https://ontology.unifiedcyberontology.org/uco/types/",
    },
    "@graph": [{"@id": "kb:hash-1", "@type": "types:Hash", "types:hashValue": "not hexadecimal"}],
}


def test_case_graph_with_a_hash_of_the_wrong_type_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text(json.dumps(BAD_HASH))
    done = run_validator("case-utils", "case_validate", ["bad.json"], cwd=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Conforms: False" in done.stdout


def test_stix_without_a_required_member_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text(json.dumps({"type": "bundle", "id": "bundle--1", "objects": [{"type": "incident"}]}))
    done = run_validator("stix2-validator", "stix2_validator", ["bad.json"], cwd=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr


def test_the_stix_library_refuses_what_it_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "read.py").write_text("import stix2, sys; stix2.parse(open(sys.argv[1]).read(), allow_custom=False)")
    (tmp_path / "bad.json").write_text(json.dumps({"type": "url", "spec_version": "2.1", "id": "url--1", "value": "https://x/"}))
    done = run_validator("stix2", "python", ["read.py", "bad.json"], cwd=tmp_path)
    assert done.returncode == 1 and "InvalidValueError" in done.stderr, done.stderr


def test_misp_refuses_an_attribute_that_its_template_does_not_have(tmp_path: Path) -> None:
    """Strict objects raise; an object that is not strict would take it with a warning."""
    lines = (
        "import pymisp",
        "made = pymisp.MISPObject('microblog', strict=True)",
        "made.add_attribute('post', 'text', type='text')",
        "made.add_attribute('no-such-relation', 'x')",
    )
    (tmp_path / "check.py").write_text("\n".join(lines))
    done = run_validator("pymisp", "python", ["check.py"], cwd=tmp_path)
    assert done.returncode == 1 and "NewAttributeError" in done.stderr, done.stderr


def test_frictionless_names_the_cell_that_is_not_of_its_type(tmp_path: Path) -> None:
    schema = {"fields": [{"name": "n", "type": "integer"}]}
    resource = {"name": "t", "path": "t.csv", "format": "csv", "schema": schema}
    (tmp_path / "datapackage.json").write_text(json.dumps({"name": "p", "resources": [resource]}))
    (tmp_path / "t.csv").write_text("n\n1\nno number\n")
    report = frictionless.validate(str(tmp_path / "datapackage.json"))
    assert [error.type for task in report.tasks for error in task.errors] == ["type-error"]


def test_bagit_names_the_file_that_was_changed(tmp_path: Path) -> None:
    (tmp_path / "bag").mkdir()
    (tmp_path / "bag" / "a.txt").write_text("a")
    bag = bagit.make_bag(str(tmp_path / "bag"), checksums=["sha256"])
    assert bag.is_valid()
    (tmp_path / "bag" / "data" / "a.txt").write_text("b")
    with pytest.raises(bagit.BagValidationError, match=r"a\.txt"):
        bagit.Bag(str(tmp_path / "bag")).validate()


@pytest.mark.parametrize(
    "broken", [{"explanation": "x" * 2001}, {"bona_fide": False}, {"surprise": 1}, {"format": "other"}], ids=range(4)
)
def test_the_published_schema_refuses_what_is_no_notice(broken: dict[str, Any]) -> None:
    good = json.loads(notice())
    validator().validate(good)
    with pytest.raises(jsonschema.ValidationError):
        validator().validate(good | broken)


def test_a_formula_and_a_number_of_19_digits_are_seen_when_a_workbook_is_read_again(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["=1+1", 1735765521595875777])
    book.save(tmp_path / "bad.xlsx")
    [row] = openpyxl.load_workbook(tmp_path / "bad.xlsx").active.iter_rows()
    assert [cell.data_type for cell in row] == ["f", "n"], "neither is a text"


def test_age_opens_nothing_that_was_changed(tmp_path: Path) -> None:
    key, closed = tmp_path / "key", tmp_path / "closed"
    subprocess.run(["age-keygen", "-o", key], check=True, capture_output=True)
    public = next(line.split(": ")[1] for line in key.read_text().splitlines() if "public key" in line)
    (tmp_path / "plain").write_bytes(b"evidence" * 100)
    subprocess.run(["age", "-r", public, "-o", closed, tmp_path / "plain"], check=True)
    assert subprocess.run(["age", "-d", "-i", key, closed], capture_output=True, check=True).stdout == b"evidence" * 100
    data = bytearray(closed.read_bytes())
    data[-5] ^= 1
    closed.write_bytes(data)
    assert subprocess.run(["age", "-d", "-i", key, closed], capture_output=True, check=False).returncode != 0


def test_a_letter_that_a_pdf_lost_is_missed() -> None:
    made = pdf(
        "notice.typ", {"title": "t", "date": {"year": 2024, "month": 7, "day": 6}, "parts": []}, datetime(2024, 7, 6, tzinfo=UTC)
    )
    assert "Stačilo" not in "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(made)).pages)


def test_validator_without_a_lock_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        run_validator("nobody-locked-this", "python", [], cwd=Path())

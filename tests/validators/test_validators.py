"""Each validator's environment can be made, and it refuses what is wrong: one that says yes to anything proves nothing."""

import json
from pathlib import Path

import pytest

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


def test_validator_without_a_lock_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        run_validator("nobody-locked-this", "python", [], cwd=Path())

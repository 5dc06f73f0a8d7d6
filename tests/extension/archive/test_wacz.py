"""What the extension's archive writer makes, read by others."""

import subprocess
from pathlib import Path

from tests.extension.archive.checks import assert_wacz_is_sound


def test_other_tools_accept_a_written_archive(tmp_path: Path) -> None:
    path = tmp_path / "page.wacz"
    subprocess.run(["node", Path(__file__).with_name("make_wacz.mjs"), path], check=True, timeout=240)
    assert_wacz_is_sound(path, tmp_path)

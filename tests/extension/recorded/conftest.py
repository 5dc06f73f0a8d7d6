"""One browser whose extension may observe every site, and one proving ground, for the whole folder."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.e2e.proving_ground import ProvingGround
from tests.extension.recorded.recording import RecordingBrowser

HERE = Path(__file__).parent


@pytest.fixture(scope="package")
def ground() -> Iterator[ProvingGround]:
    with ProvingGround() as running:
        yield running


@pytest.fixture(scope="package")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RecordingBrowser]:
    folder = tmp_path_factory.mktemp("recording")
    extension = folder / "extension"
    extension.mkdir()
    subprocess.run(["node", HERE / "build.mjs", extension, "<all_urls>"], check=True, timeout=240)
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            folder / "profile",
            executable_path="/usr/bin/chromium",
            headless=True,
            args=["--no-sandbox", f"--disable-extensions-except={extension}", f"--load-extension={extension}"],
            viewport={"width": 1000, "height": 700},
        )
        try:
            yield RecordingBrowser(playwright, context)
        finally:
            context.close()

"""A real Firefox with the built extension, driven as a person would: its toolbar button, its shortcut and its options page."""

import base64
import contextlib
import json
import shutil
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.chromium import PAIRING_S, BrowserTimeout, wait_for
from tests.e2e.firefox_profile import (
    ADDON_ID,
    CLICK_TOOLBAR,
    CLOSE_POPUP,
    END_BACKGROUND,
    PREFS,
    PRESS_SHORTCUT,
    READ_PAYLOAD,
    READ_STORE,
    UUID,
)
from tests.e2e.marionette import Marionette, MarionetteError
from tests.e2e.processes import REPOSITORY, NotReady, Process, clean_environment

EXTENSION = REPOSITORY / "extension" / "dist" / "firefox"


@dataclass(frozen=True)
class FirefoxPage:
    """A tab, by the browser's handle of it."""

    handle: str
    url: str


def packed(folder: Path, out: Path) -> Path:
    """The built extension as the file that people install."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder).as_posix())
    return out


class Firefox:
    """One profile on disk with the extension installed in it. `start()` again on the same profile is a restart of the browser."""

    def __init__(
        self,
        profile: Path,
        *,
        extension: Path = EXTENSION,
        prefs: dict[str, Any] | None = None,
        is_let_into_private: bool = False,
    ) -> None:
        """`is_let_into_private`: the person allows the extension in windows of private browsing."""
        self._is_let_into_private = is_let_into_private
        self.profile = profile
        self.extension = extension
        self._prefs = PREFS | (prefs or {})
        self._process: Process | None = None
        self._marionette: Marionette | None = None
        self._desk = ""
        self._pages: list[FirefoxPage] = []

    @property
    def marionette(self) -> Marionette:
        assert self._marionette is not None, "the browser is not started"
        return self._marionette

    def __enter__(self) -> "Firefox":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> "Firefox":
        """Starts the browser without a display and installs the extension, if this profile has none yet."""
        self.profile.mkdir(parents=True, exist_ok=True)
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in self._prefs.items()]
        (self.profile / "user.js").write_text("".join(lines), "utf-8")
        port_file = self.profile / "MarionetteActivePort"
        port_file.unlink(missing_ok=True)
        program = shutil.which("firefox-esr") or shutil.which("firefox")
        assert program, "no Firefox: see `make system`"
        flags = [
            "--headless",
            "--marionette",
            "--remote-allow-system-access",
            "--no-remote",
            "--width",
            "1280",
            "--height",
            "900",
        ]
        command = [program, *flags, "--profile", str(self.profile)]
        env = clean_environment() | {"HOME": str(self.profile), "MOZ_CRASHREPORTER_DISABLE": "1"}
        self._process = Process("firefox", command, folder=self.profile, env=env)
        self._process.wait_until(lambda: port_file.exists() and port_file.read_text().strip() != "", timeout_s=180)
        self._marionette = Marionette(int(port_file.read_text()))
        self._pages.clear()
        if not self._is_installed():
            package = packed(self.extension, self.profile / "holdstill.xpi")
            self.marionette.call(
                "Addon:Install", path=str(package), temporary=False, allowPrivateBrowsing=self._is_let_into_private
            )
        self._desk = self.open(f"moz-extension://{UUID}/ui/options.html").handle
        ready = """const [build, buffer, pair] = ["#build", "#buffer", "#pair"].map((id) => document.querySelector(id));
            return build.textContent !== "" && !buffer.hidden && !pair.disabled;"""
        wait_for(lambda: bool(self.at_desk(ready)), 20, lambda: "the options page did not come up")
        return self

    def _is_installed(self) -> bool:
        return bool(self.marionette.run("return WebExtensionPolicy.getByID(args[0]) !== null", ADDON_ID, chrome=True))

    def stop(self) -> None:
        if self._marionette is not None:
            with contextlib.suppress(MarionetteError, NotReady, OSError):
                self._marionette.call("Marionette:Quit", flags=["eForceQuit"])
                if self._process is not None:
                    self._process.wait(timeout_s=15)
        self.kill()

    def kill(self) -> None:
        """kill -9 of every process of this browser: no handler runs, nothing is flushed."""
        if self._marionette is not None:
            self._marionette.close()
            self._marionette = None
        if self._process is not None:
            self._process.kill()
            self._process = None

    def open(self, url: str, *, in_private: bool = False) -> FirefoxPage:
        """A new tab in front (or a new window of private browsing), its page loaded with everything."""
        kind: dict[str, Any] = {"type": "window", "private": True} if in_private else {"type": "tab"}
        handle = self.marionette.call("WebDriver:NewWindow", focus=True, **kind)["handle"]
        self.marionette.call("WebDriver:SwitchToWindow", handle=handle, focus=True)
        page = FirefoxPage(handle, url)
        self.go(page, url)
        return page

    def go(self, page: FirefoxPage, url: str) -> None:
        """Loads another address in the page's tab."""
        self.show(page)
        self.marionette.call("WebDriver:Navigate", url=url)

    def show(self, page: FirefoxPage) -> None:
        self.marionette.call("WebDriver:SwitchToWindow", handle=page.handle, focus=True)

    def close(self, page: FirefoxPage) -> None:
        self.marionette.call("WebDriver:SwitchToWindow", handle=page.handle, focus=False)
        self.marionette.call("WebDriver:CloseWindow")
        self.marionette.call("WebDriver:SwitchToWindow", handle=self._desk, focus=False)

    def evaluate(self, page: FirefoxPage, script: str, *arguments: Any) -> Any:
        """What the body of an async function returns in the page; the tab in front stays in front."""
        self.marionette.call("WebDriver:SwitchToWindow", handle=page.handle, focus=False)
        return self.marionette.run(script, *arguments)

    def at_desk(self, script: str, *arguments: Any) -> Any:
        """The same in a page of the extension, with the extension's rights."""
        return self.evaluate(FirefoxPage(self._desk, ""), script, *arguments)

    def click_toolbar(self, page: FirefoxPage) -> None:
        """Clicks the toolbar button while the page is in front: opens the popup, as a person's click does."""
        self.show(page)
        self.marionette.run(CLOSE_POPUP, chrome=True)  # a click into a page closes it; here nobody clicked
        self.marionette.run(CLICK_TOOLBAR, ADDON_ID, chrome=True)

    def press_shortcut(self, page: FirefoxPage) -> None:
        """Presses the extension's shortcut, by the key that the browser bound for it."""
        self.show(page)
        self.marionette.run(CLOSE_POPUP, chrome=True)
        self.marionette.run(PRESS_SHORTCUT, chrome=True)

    def end_background(self) -> None:
        """Ends the extension's event page in the middle of whatever it does; the next event starts it again."""
        state = self.marionette.run(END_BACKGROUND, ADDON_ID, chrome=True)
        assert state == "stopped", state

    def pair(self, server_url: str, code: str) -> str:
        """Pairs through the extension's own options page; gives what the page then says. Raises: BrowserTimeout."""
        self.at_desk(
            """const [url, code] = args;
            document.querySelector("#server-url").value = url;
            document.querySelector("#pairing-code").value = code;
            document.querySelector("#pair").click();""",
            server_url,
            code,
        )
        said = ["", ""]

        def answered() -> bool:
            said[:] = self.at_desk(
                'const said = document.querySelector("#pair-status"); return [said.dataset.kind ?? "", said.innerText.trim()];'
            )
            return said[0] != ""

        wait_for(answered, PAIRING_S, lambda: f"not paired; the options page says: {said!r}")
        if said[0] != "done":
            raise BrowserTimeout(f"not paired; the options page says: {said!r}")
        return said[1]

    def consent(self, *, sites: str = "all", hosts: str = "", megabytes: int = 64) -> None:
        """Switches on, in the options page, that what pages load is kept."""
        self.at_desk(
            """const [sites, hosts, megabytes] = args;
            const set = (id, value) => {
              const field = document.querySelector(id);
              if (field.type === "checkbox") field.checked = value; else field.value = value;
              field.dispatchEvent(new Event("change", { bubbles: true }));
            };
            set("#buffer-megabytes", String(megabytes));
            set("#buffer-list", hosts);
            set("#buffer-sites", sites);
            set("#buffer-consent", true);""",
            sites,
            hosts,
            megabytes,
        )
        wanted = {"sites": sites, "list": hosts.split(), "megabytes": megabytes}

        def stored() -> bool:
            consent = self.stored_consent()
            return bool(consent.get("givenAt")) and {name: consent[name] for name in wanted} == wanted

        wait_for(stored, 10, lambda: f"not the consent that was given: {self.stored_consent()}")

    def withdraw(self) -> None:
        """Takes the consent back."""
        self.at_desk('const box = document.querySelector("#buffer-consent"); if (box.checked) box.click();')
        wait_for(lambda: not self.stored_consent().get("givenAt"), 10, lambda: "the consent is still stored")

    def stored_consent(self) -> dict[str, Any]:
        return dict(self.at_desk('return (await browser.storage.local.get("buffer")).buffer ?? {};'))

    def pairing(self) -> dict[str, Any]:
        """What the extension pinned at pairing: the log's and the service's verifier keys, its own key id."""
        return dict(self.at_desk(READ_STORE, "pairing")[0])

    @property
    def token(self) -> str:
        """The device's token, as the extension keeps it."""
        return str(self.pairing()["token"])

    def items(self) -> list[dict[str, Any]]:
        """The captures as the extension keeps them, oldest first, with both verified receipts once it has them."""
        return sorted(self.at_desk(READ_STORE, "items"), key=lambda item: item["createdAt"])

    def wait_for_item(self, reached: Callable[[dict[str, Any]], bool], *, timeout_s: float = 60) -> dict[str, Any]:
        """The newest capture once `reached(item)` is true. Raises: BrowserTimeout with its state and reason."""
        found: list[dict[str, Any]] = []

        def there() -> bool:
            found[:] = self.items()
            if bool(found) and reached(found[-1]):
                return True
            time.sleep(0.1)
            return False

        wait_for(
            there, timeout_s, lambda: f"captures: {[(item['state'], item['reason']) for item in found]}; runs: {self.runs()}"
        )
        return found[-1]

    def artifact(self, item: dict[str, Any], name: str) -> bytes:
        """An artifact of a capture that has not been sent yet, as the extension keeps it."""
        sha256 = next(one["sha256"] for one in item["artifacts"] if one["name"] == name)
        return base64.b64decode(self.at_desk(READ_PAYLOAD, f"{item['captureId']}/{sha256}"))

    def runs(self) -> list[dict[str, Any]]:
        """How the captures of this browser session stand, as the popup shows them."""
        stored = self.at_desk("return await browser.storage.session.get(null);")
        return [value for name, value in stored.items() if name.startswith("run:")]

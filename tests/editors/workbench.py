"""One real VS Code with the packaged extension, in headless Chromium, driven as its user would:
keys and menus in, what stands on the screen out."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from waiting import WAIT_S, until

HERE = Path(__file__).parent / "vscode"
SIZE = (1200, 700)
USER_SETTINGS = {
    "chat.commandCenter.enabled": False,
    "chat.disableAIFeatures": True,
    "editor.autoClosingBrackets": "never",
    "editor.autoClosingQuotes": "never",
    "editor.fontFamily": "DejaVu Sans Mono",
    "editor.minimap.enabled": False,
    "editor.quickSuggestions": {"other": "off", "comments": "off", "strings": "off"},
    "extensions.autoCheckUpdates": False,
    "extensions.autoUpdate": False,
    "files.autoSave": "off",
    "security.workspace.trust.enabled": False,
    "telemetry.telemetryLevel": "off",
    "update.mode": "none",
    "workbench.enableExperiments": False,
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "workbench.startupEditor": "none",
    "workbench.tips.enabled": False,
}
MENU_ROW = ".action-widget .monaco-list-row"
NO_MENU = ".monaco-editor-overlaymessage"  # No code actions available
MESSAGES = ":is(.notifications-toasts, .notifications-center)"
UNSEEN = "[id='status.notifications'] .codicon-bell-dot"
QUICK = ".quick-input-widget:not([style*='display: none'])"  # once shown, it stays in the page
QUICK_ROW = f"{QUICK} .quick-input-list .monaco-list-row"


class Server:
    """VS Code's own server, with the extension installed into folders of its own."""

    def __init__(
        self,
        program: str,
        vsix: Path,
        folder: Path,
        environment: Mapping[str, str],
        settings: Mapping[str, Any],
        options: Sequence[str] = (),
        user_settings: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        user, machine = folder / "data" / "User", folder / "data" / "Machine"
        for each in (user, machine):
            each.mkdir(parents=True)
        all_settings = USER_SETTINGS | dict(user_settings)
        (user / "settings.json").write_text(json.dumps(all_settings), encoding="utf-8")
        # Settings that name programs count only where the programs are.
        (machine / "settings.json").write_text(json.dumps(dict(settings)), encoding="utf-8")
        common = [program, "--server-data-dir", str(folder / "server")]
        common += ["--user-data-dir", str(folder / "data"), "--extensions-dir", str(folder / "ext")]
        install = [*common, "--install-extension", str(vsix)]
        subprocess.run(install, env=dict(environment), check=True, capture_output=True)
        self.port = _free_port()
        serve = ["--host", "127.0.0.1", "--port", str(self.port), "--without-connection-token"]
        serve += ["--accept-server-license-terms", "--telemetry-level", "off", *options]
        self.log = folder / "vscode.log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [*common, *serve],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until("VS Code's server", self._answers)

    def url(self, place: Path, payload: Mapping[str, str] | None = None) -> str:
        """The workbench with a folder open, or a workspace of several."""
        query = {"workspace" if place.is_file() else "folder": str(place)}
        if payload:
            query["payload"] = json.dumps(list(payload.items()))
        return f"http://127.0.0.1:{self.port}/?{urllib.parse.urlencode(query)}"

    def remote(self, path: Path) -> str:
        return f"vscode-remote://127.0.0.1:{self.port}{path}"

    def stop(self) -> None:
        """End it and the extension hosts and language servers that it started."""
        for signum in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self._process.pid, signum)
                self._process.wait(10)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                pass

    def _answers(self) -> bool:
        assert self._process.poll() is None, self.log.read_text(errors="replace")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/version", timeout=5):
                return True
        except OSError:
            return False


class Browser:
    """Chromium behind tests/editors/vscode/driver.cjs."""

    def __init__(self, node: str, chromium: str, *, size: tuple[int, int] = SIZE) -> None:
        self._process = subprocess.Popen(
            [node, str(HERE / "driver.cjs"), chromium, *map(str, size), str(WAIT_S * 1000)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._numbers = itertools.count()

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def ask(self, request: str, **parameters: Any) -> Any:
        assert self._process.stdin and self._process.stdout
        message = {"id": next(self._numbers), "request": request, **parameters}
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline() or '{"error": "the browser is gone"}')
        if "error" in answer:
            raise AssertionError(f"{request} {parameters}: {answer['error']}")
        return answer["value"]

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()


class Workbench:
    """The window."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.started = False

    # -- in -----------------------------------------------------------------------------------

    def start(self, url: str) -> None:
        self.browser.ask("open", url=url)
        self.started = True
        self.wait(".monaco-workbench")
        self.wait(".explorer-folders-view .monaco-list-row")

    def open(self, name: str) -> None:
        """A file, from the explorer."""
        rows = ".explorer-folders-view .monaco-list-row"
        self.wait(rows, name)
        self.browser.ask("click", selector=rows, text=name, double=True)
        self.wait(f".tab.active[data-resource-name='{name}']")
        self.wait(".monaco-editor .view-lines")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.browser.ask("press", key=key)

    def type(self, text: str) -> None:
        self.browser.ask("type", text=text)

    def goto(self, line: int) -> None:
        """Put the cursor at the end of a line, counted from 0."""
        self.press("Control+g")
        self.wait(f"{QUICK} input")
        self.type(f"{line + 1}:200")
        self.press("Enter")
        self.gone(QUICK)

    def command(self, title: str) -> None:
        """From the palette, which lists what could be chosen when it was opened."""

        def opened() -> bool:
            self.press("F1")
            self.wait(f"{QUICK} input")
            self.type(title)
            for _ in range(20):
                if title in self._first_row():
                    return True
                time.sleep(0.25)
            self.press("Escape")
            self.gone(QUICK)
            return False

        self.until(f"{title} in the palette", opened)
        self.press("Enter")
        self.until("the palette to go", lambda: title not in self._first_row())

    def menu_with(self, entry: str) -> list[str]:
        """Open the light bulb's menu until it has an entry, and return all of them.

        A fix for a text just typed comes a moment later.
        """

        def opened() -> list[str]:
            self.press("Control+.")
            for _ in range(40):  # newer browsers now and then show nothing for the first press
                if self.count(f"{MENU_ROW}, {NO_MENU}"):
                    break
                time.sleep(0.25)
            entries = [" ".join(text.split()) for text in self.texts(MENU_ROW)]
            if any(each.startswith(entry) for each in entries):
                return entries
            self.press("Escape")
            self.gone(f"{MENU_ROW}, {NO_MENU}")
            return []

        return self.until(f"{entry!r} in the menu", opened)

    def choose(self, entry: str) -> None:
        """By the keyboard, as the menu swallows clicks."""
        for _ in range(15):
            focused = self.texts(f"{MENU_ROW}.focused")
            if any(entry in " ".join(text.split()) for text in focused):
                self.press("Enter")
                return
            self.press("ArrowDown")
        raise AssertionError(f"no entry {entry!r} in {self.texts(MENU_ROW)}")

    def said(self, text: str, part: str = ".notification-list-item") -> None:
        """Wait for a message; one that nobody answered for a while is behind the bell."""

        def there() -> bool:
            shown = f"{MESSAGES} {part}"
            if self.count(shown, text) == 0 and self.count(UNSEEN) > 0:
                self.browser.ask("away")  # what the mouse points at may be explained over the bell
                self.click(UNSEEN)
                self.browser.ask("away")
            return self.count(shown, text) > 0

        self.until(f"the message {text!r}", there)

    def answer(self, button: str) -> None:
        """Press a button of a message, which may hide itself just then."""
        selector = f"{MESSAGES} .monaco-button"

        def pressed() -> bool:
            self.said(button, ".monaco-button")
            try:
                self.click(selector, button, timeout=5000)
            except AssertionError:
                return False
            return True

        self.until(f"a press on {button!r}", pressed)
        self.gone(selector, button)

    def click(self, selector: str, text: str | None = None, **options: Any) -> None:
        extra = {} if text is None else {"text": text}
        self.browser.ask("click", selector=selector, **extra, **options)

    # -- out ----------------------------------------------------------------------------------

    def texts(self, selector: str) -> list[str]:
        return self.browser.ask("texts", selector=selector)

    def count(self, selector: str, text: str | None = None) -> int:
        extra = {} if text is None else {"text": text}
        return self.browser.ask("count", selector=selector, **extra)

    def shown(self) -> str:
        """The text of the editors on the screen, line by line; lines stand in any order."""
        return "\n".join(self.texts(".editor-instance .view-lines .view-line"))

    def shows(self, line: str) -> bool:
        """A whole line stands on the screen."""
        return line in self.shown().split("\n")

    def marks(self) -> list[str]:
        """Texts that decorations add behind lines."""
        return [mark.strip() for mark in self.browser.ask("marks")]

    def lenses(self) -> list[str]:
        found = [" ".join(text.split()) for text in self.texts(".codelens-decoration")]
        return [part for text in found for part in text.split(" | ") if part]

    def rows(self) -> str:
        """What the palette, or any other such list, offers."""
        return " ".join(self.texts(QUICK_ROW))

    def status(self) -> str:
        found = self.texts("[id='whetstone.whetstone.whetstone.status']")
        return " ".join(" ".join(found).split())

    def picture(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.browser.ask("screenshot", path=str(path))

    # -- waiting ------------------------------------------------------------------------------

    def wait(self, selector: str, text: str | None = None) -> None:
        what = selector if text is None else f"{selector} with {text!r}"
        self.until(what, lambda: self.count(selector, text) > 0)

    def gone(self, selector: str, text: str | None = None) -> None:
        self.until(f"{selector} to be gone", lambda: self.count(selector, text) == 0)

    def until(self, what: str, condition: Callable[[], Any]) -> Any:
        return until(what, condition, seen=self._seen)

    def _seen(self) -> str:
        """What helps to understand why something did not come."""
        words = [f"status: {self.status()}", *self.texts(MESSAGES), *self.browser.ask("said")[-20:]]
        return "\n".join(words)

    def _first_row(self) -> str:
        return " ".join(self.texts(f"{QUICK_ROW}.focused"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def playwright_version() -> str:
    package = json.loads((HERE / "package.json").read_text(encoding="utf-8"))
    found = re.fullmatch(r"[\d.]+", package["dependencies"]["playwright-core"])
    assert found, "playwright-core is pinned to one version"
    return found.group()

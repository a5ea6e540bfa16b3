"""`whetstone prefs browse`, as a process of its own: who may read, and what they see."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from builders import problem, proposal, replace

from whetstone.preferences import Outcome, PreferenceStore

EVIL = "</pre><script>alert(1)</script>"
FIXED = replace(f"    x = 'y{EVIL}'")


@dataclass
class Browser:
    process: subprocess.Popen[str]
    port: int
    token: str
    data: Path
    cookie: str = ""

    def get(
        self, path: str, *, host: str | None = None, method: str = "GET", cookie: bool = True
    ) -> tuple[int, dict[str, str], str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        headers = {"Host": host or f"127.0.0.1:{self.port}"}
        if cookie:
            headers["Cookie"] = self.cookie
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        body = answer.read().decode()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, body


@pytest.fixture(scope="module")
def missing() -> None:
    try:
        import datasette  # noqa: F401
    except ImportError:
        if os.environ.get("CI") == "true":
            pytest.fail("datasette is not installed; make test installs it")
        pytest.skip("datasette is not installed: pip install -e '.[browse]'")


def start(data: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "whetstone", "prefs", "browse", "--no-open", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "WHETSTONE_DATA": str(data)},
    )  # fmt: skip


@pytest.fixture(scope="module")
def browser(missing: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    data = tmp_path_factory.mktemp("data")
    with PreferenceStore.open(data / "preferences.db") as store:
        shown = proposal(FIXED, of=problem(f"    x = '{EVIL}' # \u202e"), model_id=f"m{EVIL}")
        store.record_suggestion(shown, client=EVIL)
        store.settle(shown.id, Outcome.ACCEPTED, candidate_id=shown.candidates[0].id)
    process = start(data)
    assert process.stdout is not None
    found = re.search(r"http://127\.0\.0\.1:(\d+)/\?token=(\S+)", process.stdout.readline())
    assert found is not None
    browser = Browser(process, int(found[1]), found[2], data)
    end = time.monotonic() + 60
    while True:  # it listens from the start, and answers when datasette is ready
        try:
            _, headers, _ = browser.get(f"/?token={browser.token}", cookie=False)
            break
        except OSError:
            assert time.monotonic() < end
            time.sleep(0.1)
    browser.cookie = headers["set-cookie"].split(";")[0]
    yield browser
    process.kill()
    process.communicate()


def test_without_the_address_nothing_is_shown(browser: Browser) -> None:
    for path in ("/", "/pairs", "/preferences.json", "/preferences/pairs", "/style.css"):
        assert browser.get(path, cookie=False)[0] == 403
    assert browser.get("/?token=wrong", cookie=False)[0] == 403
    browser.cookie, kept = browser.cookie + "x", browser.cookie
    assert browser.get("/")[0] == 403
    browser.cookie = kept


def test_the_address_gives_a_cookie_and_leaves_the_address_bar(browser: Browser) -> None:
    status, headers, _ = browser.get(f"/pairs?token={browser.token}", cookie=False)
    assert (status, headers["location"]) == (303, "/pairs")
    assert "HttpOnly" in headers["set-cookie"] and "SameSite=Lax" in headers["set-cookie"]


def test_an_address_with_two_slashes_leads_to_no_other_machine(browser: Browser) -> None:
    _, headers, _ = browser.get(f"//example.org/?token={browser.token}", cookie=False)
    assert headers["location"] == "/example.org/"


def test_another_name_for_this_machine_is_refused(browser: Browser) -> None:
    assert browser.get("/", host="evil.example")[0] == 403
    assert browser.get("/", host=f"localhost:{browser.port}")[0] == 200


def test_it_listens_on_loopback_alone(browser: Browser) -> None:
    with socket.socket() as other, pytest.raises(OSError):
        other.settimeout(2)
        other.connect(("127.0.0.2", browser.port))


@pytest.mark.parametrize("path", ["/", "/suggestions", "/pairs", "/preferences/candidates"])
def test_untrusted_text_is_text(browser: Browser, path: str) -> None:
    status, headers, body = browser.get(path)
    assert status == 200
    assert EVIL not in body and "\u202e" not in body
    assert "&lt;script&gt;alert(1)" in body
    assert "script-src 'self'" in headers["content-security-policy"]
    assert "'unsafe-inline'" not in headers["content-security-policy"].split("style-src")[0]
    assert headers["x-content-type-options"] == "nosniff"


def test_pairs_are_diffs(browser: Browser) -> None:
    _, _, body = browser.get("/pairs?source=accepted")
    assert 'class="row old"' in body and 'class="row new"' in body and "<mark>" in body


def test_a_suggestion_shows_all_of_it(browser: Browser) -> None:
    _, _, listed = browser.get("/suggestions?code=F821&outcome=accepted")
    [link] = set(re.findall(r"/suggestions/[0-9a-f]+", listed))
    status, _, body = browser.get(link)
    assert status == 200 and "the one" in body and "parses: yes" in body
    assert browser.get("/suggestions/0123")[0] == 404
    assert (
        re.findall(r"/suggestions/[0-9a-f]+", browser.get("/suggestions?outcome=expired")[2]) == []
    )


def test_nothing_can_be_written(browser: Browser) -> None:
    assert browser.get("/preferences", method="POST")[0] == 405
    _, _, body = browser.get("/preferences.json?sql=delete+from+pairs")
    assert "must be a SELECT" in body
    with PreferenceStore.open(browser.data / "preferences.db") as store:
        assert store.stats().triplets >= 1


def test_what_is_written_meanwhile_is_seen(browser: Browser) -> None:
    with PreferenceStore.open(browser.data / "preferences.db") as store:
        shown = proposal(replace("    return later"))
        store.record_suggestion(shown, client="test")
        store.settle(shown.id, Outcome.ACCEPTED, candidate_id=shown.candidates[0].id)
        assert "return <mark>later</mark>" in browser.get("/pairs")[2]
    assert shown.id in browser.get("/preferences/suggestions.json?_shape=array")[2]


def test_the_start_page_is_for_the_owner_alone_and_goes_away(missing: None, tmp_path: Path) -> None:
    process = start(tmp_path)
    assert process.stdout is not None
    process.stdout.readline(), process.stdout.readline()
    [door] = tmp_path.glob("browse-*.html")
    assert door.stat().st_mode & 0o077 == 0
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=300)
    assert (process.returncode, errors) == (0, "")
    assert not door.exists()


def test_ctrl_c_while_it_serves_ends_cleanly(browser: Browser) -> None:
    process = start(browser.data)
    assert process.stdout is not None
    port = int(re.search(r":(\d+)/", process.stdout.readline())[1])  # type: ignore[index]
    other = Browser(process, port, "", browser.data)
    end = time.monotonic() + 60
    while True:
        try:
            assert other.get("/")[0] == 403
            break
        except OSError:
            assert time.monotonic() < end
            time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=300)
    assert (process.returncode, errors) == (0, "")


def test_a_taken_port_is_told(browser: Browser) -> None:
    process = start(browser.data, "--port", str(browser.port))
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 2 and f"--port {browser.port}: cannot listen there" in errors


def test_without_datasette_it_says_what_to_install(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['datasette'] = None\n"
        "from whetstone.cli import main; main(['prefs', 'browse', '--no-open'])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True,
        env={**os.environ, "WHETSTONE_DATA": str(tmp_path)},
    )  # fmt: skip
    assert found.returncode == 2 and "pip install 'whetstone-fix[browse]'" in found.stderr

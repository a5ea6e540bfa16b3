"""Against a real HTTP server on this machine, which can break, lie, redirect and forget."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from whetstone.errors import ModelError, UsageError, WhetstoneError
from whetstone.models import Registry
from whetstone.models.cli import models
from whetstone.models.pull import carry_out, plan_pull
from whetstone.models.reference import CATALOGUE, HubFile, LocalFile, model_name, parse_reference
from whetstone.models.transfer import Remote, fetch

Make = Callable[..., Path]


@dataclass
class Upstream:
    """What the server has, how it misbehaves, and what it was asked."""

    files: dict[str, bytes] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)  # answered before anything else
    breaks: list[int] = field(default_factory=list)  # body bytes sent before hanging up
    ranges: bool = True
    lengths: bool = True
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    url: str = ""

    def put(self, path: str, data: bytes, tag: str | None = None) -> str:
        self.files[path] = data
        self.tags[path] = hashlib.md5(data).hexdigest() if tag is None else tag
        return self.url + path

    def put_hub(self, repository: str, files: dict[str, bytes], **changes: Any) -> None:
        listing = []
        for name, data in files.items():
            self.put(f"/cdn/{name}", data)
            self.redirects[f"/{repository}/resolve/main/{name}"] = f"/cdn/{name}?signature=s3cret"
            digest = hashlib.sha256(data).hexdigest()
            item = {"type": "file", "path": name, "size": len(data), "oid": "0" * 40}
            item["lfs"] = {"oid": digest, "size": len(data), "pointerSize": 134}
            listing.append({**item, **changes})
        listing.append({"type": "directory", "path": "x.gguf"})
        path = f"/api/models/{repository}/tree/main"
        self.put(path, json.dumps(listing).encode())

    def bodies(self) -> list[str]:
        return [path for path, _ in self.seen if not path.startswith("/api")]


class _Handler(BaseHTTPRequestHandler):
    upstream: Upstream

    def log_message(self, *_: Any) -> None: ...

    def do_GET(self) -> None:
        up = self.upstream
        path = self.path.split("?")[0]
        up.seen.append((path, {key.lower(): value for key, value in self.headers.items()}))
        if up.statuses:
            self._end(up.statuses.pop(0))
        elif path in up.redirects:
            self.send_response(302)
            self.send_header("Location", up.redirects[path])
            self.send_header("X-Repo-Commit", "c0ffee")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif path not in up.files:
            self._end(404)
        else:
            self._file(up.files[path], up.tags[path])

    def _end(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _file(self, data: bytes, tag: str) -> None:
        start, wanted = 0, self.headers.get("Range")
        condition = self.headers.get("If-Range")
        if wanted and self.upstream.ranges and condition in (None, f'"{tag}"'):
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(data):
                self._end(416, Content_Range=f"bytes */{len(data)}")
                return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        if tag:
            self.send_header("ETag", f'"{tag}"')
        if self.upstream.lengths:
            self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        stop = len(data)
        if self.upstream.breaks and not self.path.startswith("/api"):
            stop = min(stop, start + self.upstream.breaks.pop(0))
        self.wfile.write(data[start:stop])
        self.close_connection = True


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        """A client that hangs up in the middle is what some of the tests are about."""


@pytest.fixture
def upstream(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Upstream]:
    state = Upstream()
    handler = type("Handler", (_Handler,), {"upstream": state})
    server = _Server(("127.0.0.1", 0), handler)
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", state.url)
    monkeypatch.setenv("WHETSTONE_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def big(gguf_bytes: Callable[..., bytes]) -> bytes:
    return gguf_bytes(data_bytes=1_500_000, fill=5)


def _fetch(remote: Remote, folder: Path) -> Any:
    return fetch(remote, folder, sleep=lambda _: None)


# -- what a name means ------------------------------------------------------------------------


@pytest.mark.parametrize("name", CATALOGUE)
def test_catalogue_names_are_official_repositories(name: str) -> None:
    reference = parse_reference(name, quantization="q8_0", endpoint="https://hub")
    assert isinstance(reference, HubFile)
    size = name.rpartition("-")[2]
    assert reference.repository == f"Qwen/Qwen2.5-Coder-{size.upper()}-Instruct-GGUF"
    assert reference.file == f"qwen2.5-coder-{size}-instruct-q8_0.gguf"
    assert reference.file_url(reference.file) == (
        f"https://hub/{reference.repository}/resolve/main/{reference.file}"
    )


def test_paths_addresses_and_repositories(tmp_path: Path) -> None:
    def parse(text: str) -> Any:
        return parse_reference(text, quantization="q4_k_m", endpoint="https://hub")

    assert parse(str(tmp_path / "x.gguf")) == LocalFile(path=tmp_path / "x.gguf")
    assert parse("./a/b.gguf") == LocalFile(path=Path("a/b.gguf"))
    assert parse("me/model-GGUF") == HubFile(endpoint="https://hub", repository="me/model-GGUF")
    assert parse("me/m:sub/f.gguf").file == "sub/f.gguf"
    for verb in ("blob", "resolve"):
        found = parse(f"https://hub/me/m/{verb}/v1/a%20b.gguf")
        assert (found.repository, found.revision, found.file) == ("me/m", "v1", "a b.gguf")
    assert parse("https://elsewhere/me/m/blob/main/f.gguf").url.startswith("https://elsewhere")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("qwen2.5-coder-3", "Did you mean qwen2.5-coder-3b"),
        ("folder/none.gguf", "no such file"),
        ("ftp://host/x.gguf", "only https"),
        ("file:///etc/passwd", "only https"),
        ("me/m:../../x.gguf", "not a file inside"),
        ("", "no such file"),
    ],
)
def test_what_means_nothing(text: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_reference(text, quantization="q4_k_m", endpoint="https://hub")
    assert words in str(caught.value)


def test_names_made_from_files() -> None:
    assert model_name("a/My Model Q4_K_M.GGUF") == "my-model-q4_k_m"
    with pytest.raises(ModelError, match="--name"):
        model_name("§.gguf")


# -- fetching ---------------------------------------------------------------------------------


def test_a_file_comes_whole(upstream: Upstream, big: bytes, tmp_path: Path) -> None:
    url = upstream.put("/m.gguf", big)
    seen: list[tuple[int, int | None]] = []
    fetched = fetch(
        Remote(url=url), tmp_path, progress=lambda done, total: seen.append((done, total))
    )
    assert fetched.path.read_bytes() == big
    assert fetched.sha256 == hashlib.sha256(big).hexdigest()
    assert seen[0] == (0, len(big)) and seen[-1] == (len(big), len(big))


def test_a_break_in_the_middle_is_resumed_at_once(
    upstream: Upstream, big: bytes, tmp_path: Path
) -> None:
    url = upstream.put("/m.gguf", big)
    upstream.breaks = [400_000, 300_000]
    fetched = _fetch(Remote(url=url), tmp_path)
    assert fetched.path.read_bytes() == big
    assert fetched.sha256 == hashlib.sha256(big).hexdigest()
    assert fetched.new_bytes == len(big)  # nothing came twice
    asked = [headers.get("range") for _, headers in upstream.seen]
    assert asked == [None, "bytes=400000-", "bytes=700000-"]


def test_a_later_call_goes_on(upstream: Upstream, big: bytes, tmp_path: Path) -> None:
    url = upstream.put("/m.gguf", big)
    upstream.breaks = [400_000, 0, 0, 0, 0]
    with pytest.raises(ModelError, match="go on from the 400,000 bytes"):
        _fetch(Remote(url=url), tmp_path)
    upstream.breaks = []
    fetched = _fetch(Remote(url=url), tmp_path)
    assert fetched.path.read_bytes() == big
    assert fetched.sha256 == hashlib.sha256(big).hexdigest()
    assert fetched.new_bytes == len(big) - 400_000


def test_a_file_that_changed_upstream_is_fetched_anew(
    upstream: Upstream, big: bytes, tmp_path: Path
) -> None:
    url = upstream.put("/m.gguf", big)
    upstream.breaks = [400_000, 0, 0, 0, 0]
    with pytest.raises(ModelError):
        _fetch(Remote(url=url), tmp_path)
    upstream.breaks = []
    changed = big[:-1] + b"!"
    upstream.put("/m.gguf", changed)
    fetched = _fetch(Remote(url=url), tmp_path)
    assert fetched.path.read_bytes() == changed
    assert fetched.sha256 == hashlib.sha256(changed).hexdigest()


@pytest.mark.parametrize("kind", ["no validator", "no ranges", "another url", "no note"])
def test_a_part_that_may_not_belong_is_not_used(
    upstream: Upstream, big: bytes, tmp_path: Path, kind: str
) -> None:
    url = upstream.put("/m.gguf", big, tag="" if kind == "no validator" else None)
    upstream.breaks = [400_000, 0, 0, 0, 0]
    with pytest.raises(ModelError):
        _fetch(Remote(url=url), tmp_path)
    upstream.breaks = []
    upstream.ranges = kind != "no ranges"
    (note,) = tmp_path.glob("*.json")
    if kind == "no note":
        note.write_text("{")
    if kind == "another url":
        note.write_text(note.read_text().replace("/m.gguf", "/n.gguf"))
    part = note.with_suffix(".part")
    part.write_bytes(b"X" * part.stat().st_size)  # would be seen in the result
    assert _fetch(Remote(url=url), tmp_path).path.read_bytes() == big


def test_a_damaged_part_is_caught_by_the_checksum(
    upstream: Upstream, big: bytes, tmp_path: Path
) -> None:
    url = upstream.put("/m.gguf", big)
    remote = Remote(url=url, size=len(big), sha256=hashlib.sha256(big).hexdigest())
    upstream.breaks = [400_000, 0, 0, 0, 0]
    with pytest.raises(ModelError):
        _fetch(remote, tmp_path)
    upstream.breaks = []
    (part,) = tmp_path.glob("*.part")
    part.write_bytes(b"X" * part.stat().st_size)
    with pytest.raises(ModelError, match=r"sha256 .*expected .*deleted"):
        _fetch(remote, tmp_path)
    assert not part.exists()
    assert _fetch(remote, tmp_path).path.read_bytes() == big


def test_a_complete_part_is_not_fetched_again(
    upstream: Upstream, big: bytes, tmp_path: Path
) -> None:
    url = upstream.put("/m.gguf", big)
    digest = hashlib.sha256(big).hexdigest()
    known = Remote(url=url, size=len(big), sha256=digest)
    for remote in (Remote(url=url), known):
        first = _fetch(remote, tmp_path)
        again = _fetch(remote, tmp_path)
        assert (again.new_bytes, again.sha256) == (0, digest)
        first.discard()
    assert list(tmp_path.glob("*.part")) == []


def test_without_a_length_the_end_is_the_end(
    upstream: Upstream, big: bytes, tmp_path: Path
) -> None:
    upstream.lengths = False
    url = upstream.put("/m.gguf", big)
    assert _fetch(Remote(url=url), tmp_path).path.read_bytes() == big


def test_what_is_not_a_gguf_is_noticed_at_its_first_bytes(
    upstream: Upstream, tmp_path: Path
) -> None:
    url = upstream.put("/m.gguf", b"<html>" + b"x" * 5_000_000)
    counted: list[int] = []
    with pytest.raises(ModelError, match="not a GGUF"):
        fetch(Remote(url=url), tmp_path, progress=lambda done, _: counted.append(done))
    assert counted == [0]
    assert list(tmp_path.glob("*.part")) == []


@pytest.mark.parametrize(
    ("statuses", "words"),
    [([404], "404.*no such file"), ([403], "HF_TOKEN"), ([401], "HF_TOKEN"), ([410], "410"),
     ([503] * 9, "503.*same command again")],
)  # fmt: skip
def test_refusals(
    upstream: Upstream, big: bytes, tmp_path: Path, statuses: list[int], words: str
) -> None:
    upstream.statuses = statuses
    with pytest.raises(ModelError, match=words):
        _fetch(Remote(url=upstream.put("/m.gguf", big)), tmp_path)


def test_a_busy_server_is_asked_again(upstream: Upstream, big: bytes, tmp_path: Path) -> None:
    upstream.statuses = [503, 429]
    assert _fetch(Remote(url=upstream.put("/m.gguf", big)), tmp_path).size == len(big)


def test_nobody_there(upstream: Upstream, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="same command again"):
        _fetch(Remote(url="http://127.0.0.1:9/m.gguf"), tmp_path)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.invalid/m.gguf",
        "file:///etc/passwd",
        "http://127.0.0.1.example.invalid/m",
        "https://user:pw@host/m",
        "https://[::1/m",
        "https://host:99999/m",
    ],
)
def test_addresses_that_are_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(ModelError) as caught:
        _fetch(Remote(url=url), tmp_path)
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize(
    "target", ["http://example.invalid/m.gguf", "file:///etc/passwd", "ftp://127.0.0.1/m.gguf"]
)
def test_redirections_that_are_refused(upstream: Upstream, tmp_path: Path, target: str) -> None:
    upstream.redirects["/m.gguf"] = target
    with pytest.raises((ModelError, WhetstoneError)):
        _fetch(Remote(url=upstream.url + "/m.gguf"), tmp_path)


def test_redirections_end(upstream: Upstream, tmp_path: Path) -> None:
    for number in range(9):
        upstream.redirects[f"/{number}"] = f"/{number + 1}"
    with pytest.raises(ModelError, match="redirects too often"):
        _fetch(Remote(url=upstream.url + "/0"), tmp_path)
    assert len(upstream.seen) == 6


def test_the_token_stays_with_its_host(upstream: Upstream, big: bytes, tmp_path: Path) -> None:
    upstream.put("/m.gguf", big)
    other = upstream.url.replace("127.0.0.1", "localhost")
    upstream.redirects["/a"] = "/b"
    upstream.redirects["/b"] = f"{other}/m.gguf"
    remote = Remote(url=upstream.url + "/a", token="hf_secret")
    assert "hf_secret" not in repr(remote)
    assert _fetch(remote, tmp_path).size == len(big)
    sent = [(path, headers.get("authorization")) for path, headers in upstream.seen]
    assert sent == [("/a", "Bearer hf_secret"), ("/b", "Bearer hf_secret"), ("/m.gguf", None)]


def test_a_full_disk_is_told_before_the_fetch(
    upstream: Upstream, big: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = upstream.put("/m.gguf", big)
    usage = SimpleNamespace(free=len(big))
    monkeypatch.setattr("whetstone.models.files.shutil.disk_usage", lambda _: usage)
    with pytest.raises(ModelError, match=r"bytes are needed.*disk is full"):
        _fetch(Remote(url=url), tmp_path)
    (part,) = tmp_path.glob("*.part")
    assert part.stat().st_size == 0


def test_a_second_fetch_of_the_same_file_waits_its_turn(
    upstream: Upstream, big: bytes, tmp_path: Path
) -> None:
    url = upstream.put("/m.gguf", big)

    def inside(done: int, _: int | None) -> None:
        if done == 0:
            with pytest.raises(ModelError, match="another process"):
                _fetch(Remote(url=url), tmp_path)

    assert fetch(Remote(url=url), tmp_path, progress=inside).size == len(big)


# -- the whole way ----------------------------------------------------------------------------


def _catalogue_files(data: bytes) -> dict[str, bytes]:
    return {
        "qwen2.5-coder-3b-instruct-q4_k_m.gguf": data,
        "qwen2.5-coder-3b-instruct-q8_0.gguf": data + b"8",
    }


_REPOSITORY = "Qwen/Qwen2.5-Coder-3B-Instruct-GGUF"


def test_the_command_pulls_checks_and_serves(upstream: Upstream, big: bytes, starter: Path) -> None:
    upstream.put_hub(_REPOSITORY, _catalogue_files(big))
    result = CliRunner().invoke(models, ["pull", "qwen2.5-coder-3b"])
    assert result.exit_code == 0, result.output
    digest = hashlib.sha256(big).hexdigest()
    assert f"sha256 {digest} (as announced)" in result.stdout
    assert f"{len(big) / 1e6:.1f} MB" in result.stderr and digest in result.stderr
    assert "s3cret" not in result.output
    entry = Registry().active()
    assert (entry.name, entry.sha256) == ("qwen2.5-coder-3b", digest)
    assert entry.training_base == "Qwen/Qwen2.5-Coder-3B-Instruct"
    assert entry.data["revision"] == "c0ffee"
    assert [path.suffix for path in (Registry().root / "downloads").iterdir()] == [".lock"]


def test_pulling_again_fetches_nothing(upstream: Upstream, big: bytes, starter: Path) -> None:
    upstream.put_hub(_REPOSITORY, _catalogue_files(big))
    runner = CliRunner()
    runner.invoke(models, ["pull", "qwen2.5-coder-3b", "--no-use"])
    assert Registry().active().name == "starter"
    before = len(upstream.bodies())
    result = runner.invoke(models, ["pull", "qwen2.5-coder-3b", "--json"])
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert (answer["new_bytes"], answer["active"], answer["sha256_confirmed"]) == (0, True, True)
    assert len(upstream.bodies()) == before
    assert Registry().active().name == "qwen2.5-coder-3b"


def test_another_quantization_has_its_own_name(
    upstream: Upstream, big: bytes, starter: Path
) -> None:
    upstream.put_hub(_REPOSITORY, _catalogue_files(big))
    plan = plan_pull("qwen2.5-coder-3b", quantization="q8_0")
    assert plan.name == "qwen2.5-coder-3b-q8_0"
    assert plan.size == len(big) + 1


def test_a_wrong_checksum_changes_nothing(upstream: Upstream, big: bytes, starter: Path) -> None:
    upstream.put_hub(_REPOSITORY, _catalogue_files(big), lfs={"oid": "a" * 64})
    result = CliRunner().invoke(models, ["pull", "qwen2.5-coder-3b"])
    assert isinstance(result.exception, ModelError)
    assert "a" * 64 in str(result.exception)
    assert [entry.name for entry in Registry().list()] == ["starter"]
    assert Registry().active().name == "starter"


def test_a_truncated_model_is_not_registered(
    upstream: Upstream, gguf_bytes: Callable[..., bytes], starter: Path
) -> None:
    short = gguf_bytes(data_bytes=100)
    url = upstream.put("/short.gguf", short)
    with pytest.raises(ModelError, match="truncated"):
        carry_out(plan_pull(url), Registry())
    assert [entry.name for entry in Registry().list()] == ["starter"]
    assert list((Registry().root / "downloads").glob("*.part")) == []


def test_a_repository_is_searched_for_the_quantization(upstream: Upstream, big: bytes) -> None:
    names = ["m-Q4_K_M.gguf", "m-Q4_K_S.gguf", "m-Q8_0.gguf", "mmproj-m-Q8_0.gguf",
             "m-Q2_K-00001-of-00002.gguf"]  # fmt: skip
    upstream.put_hub("me/m-GGUF", dict.fromkeys(names, big))
    assert plan_pull("me/m-GGUF").source.endswith("/m-Q4_K_M.gguf")
    assert plan_pull("me/m-GGUF", quantization="q8_0").name == "m-q8_0"
    assert plan_pull("me/m-GGUF:m-Q4_K_S.gguf").name == "m-q4_k_s"
    for reference in ("me/m-GGUF:none.gguf", "me/m-GGUF"):
        with pytest.raises(ModelError, match=r"Choose one .*m-Q8_0\.gguf"):
            plan_pull(reference, quantization="q2_k")
    with pytest.raises(ModelError, match="404"):
        plan_pull("me/none")
    upstream.put_hub("me/empty", {})
    with pytest.raises(ModelError, match="no GGUF files"):
        plan_pull("me/empty")


def test_the_users_checksum_is_held_against_the_hubs(upstream: Upstream, big: bytes) -> None:
    upstream.put_hub("me/m", {"m-q4_k_m.gguf": big})
    with pytest.raises(ModelError, match="the hub's sha256"):
        plan_pull("me/m", sha256="b" * 64)
    with pytest.raises(UsageError, match="64 hexadecimal"):
        plan_pull("me/m", sha256="b" * 63)


def test_a_local_file(upstream: Upstream, make_gguf: Make, starter: Path) -> None:
    path = make_gguf("Mine.gguf")
    result = CliRunner().invoke(models, ["pull", str(path), "--training-base", "me/mine"])
    assert result.exit_code == 0, result.output
    entry = Registry().active()
    assert (entry.name, entry.training_base, entry.owned) == ("mine", "me/mine", True)
    result = CliRunner().invoke(models, ["pull", str(path), "--link", "--name", "linked"])
    assert Registry().active().path == path
    with pytest.raises(ModelError, match="expected bbbb"):
        carry_out(plan_pull(str(path), name="x", sha256="b" * 64), Registry())
    assert upstream.seen == []


def test_a_taken_name_is_told_before_the_fetch(
    upstream: Upstream, big: bytes, make_gguf: Make, starter: Path
) -> None:
    Registry().add(make_gguf(), name="m")
    url = upstream.put("/m.gguf", big)
    with pytest.raises(ModelError, match="--name"):
        carry_out(plan_pull(url), Registry())
    assert upstream.seen == []


def test_the_other_commands(upstream: Upstream, make_gguf: Make, starter: Path) -> None:
    run = CliRunner().invoke
    Registry().add(make_gguf(), name="a", parent="starter@12345678")
    assert "a@" in run(models, ["use", "a"]).stdout
    listed = json.loads(run(models, ["list", "--json"]).stdout)
    assert listed["active"] == "a"
    assert [(m["name"], m["active"]) for m in listed["models"]] == [("starter", False), ("a", True)]
    assert "starter@12345678" in run(models, ["list"], env={"COLUMNS": "200"}).stdout
    assert json.loads(run(models, ["verify", "--json"]).stdout)[1]["ok"] is True
    assert isinstance(run(models, ["remove", "a", "--yes"]).exception, ModelError)
    assert json.loads(run(models, ["rollback", "--json"]).stdout)["name"] == "starter"
    Registry().get("a").path.write_bytes(b"GGUF")
    failed = run(models, ["verify"])
    assert isinstance(failed.exception, ModelError) and "starter@" in failed.stdout
    assert isinstance(run(models, ["remove", "a"]).exception, UsageError)
    assert "a removed" in run(models, ["remove", "a", "--yes"]).stdout

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from whetstone.errors import SandboxError
from whetstone.problem import Document
from whetstone.sandbox import Level, Limits, RunResult, test_in_copy
from whetstone.sandbox import workspace as module

try_in_copy = test_in_copy  # a name that pytest does not collect
del test_in_copy

BUGGY = "def size(items):\n    return len(itms)\n"
FIXED = "def size(items):\n    return len(items)\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "pkg").mkdir(parents=True)
    (root / "pkg" / "__init__.py").write_text("")
    (root / "pkg" / "sizes.py").write_text(BUGGY)
    (root / "test_sizes.py").write_text(
        "from pkg.sizes import size\ndef test_size():\n    assert size('abc') == 3\n"
    )
    return root


def _document(project: Path) -> Document:
    path = project / "pkg" / "sizes.py"
    return Document(text=path.read_text(), path=path)


def _try(project: Path, new_text: str, *command: str, **options: object) -> RunResult:
    arguments = command or (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    return try_in_copy(
        _document(project), new_text, arguments, project, Limits(timeout_s=30), **options
    )  # type: ignore[arg-type]


def _snapshot(root: Path) -> dict[str, tuple[bytes, int]]:
    files = [path for path in root.rglob("*") if path.is_file()]
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def test_the_right_candidate_passes_and_the_file_stays_as_it_is(
    level: Level, project: Path
) -> None:
    before = _snapshot(project)
    assert _try(project, FIXED).passed
    failed = _try(project, BUGGY)
    assert failed.status == 1
    assert "itms" in failed.stdout
    assert _snapshot(project) == before


def test_output_names_the_users_own_file(level: Level, project: Path) -> None:
    result = _try(project, "raise ValueError\n", sys.executable, "-c", "import pkg.sizes")
    assert f'File "{project / "pkg" / "sizes.py"}", line 1' in result.stderr


def test_what_the_command_writes_is_gone(level: Level, project: Path) -> None:
    code = (
        "import os\n"
        "open('pkg/sizes.py', 'w').write('gone')\n"
        "open('new', 'w')\n"
        "os.remove('test_sizes.py')\n"
    )
    assert _try(project, FIXED, sys.executable, "-c", code).passed
    assert (project / "pkg" / "sizes.py").read_text() == BUGGY
    assert sorted(path.name for path in project.iterdir()) == ["pkg", "test_sizes.py"]


def test_absolute_paths_of_the_workspace_mean_the_copy(walled: None, project: Path) -> None:
    target = project / "pkg" / "sizes.py"
    code = f"p = {str(target)!r}; print(open(p).read()); open(p, 'w').write('gone')"
    result = _try(project, FIXED, sys.executable, "-c", code)
    assert result.passed and FIXED in result.stdout
    assert target.read_text() == BUGGY


def test_an_editable_install_means_the_copy(
    level: Level, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `pip install -e .` leaves it: a line in site-packages with the user's own folder."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(f"import sys; sys.path.append({str(project)!r})\n")
    monkeypatch.setenv("PYTHONPATH", str(site))
    elsewhere = "import os; os.chdir('/'); import pkg.sizes; print(pkg.sizes.size('ab'))"
    script = "run.py"
    (project / "tools").mkdir()
    (project / "tools" / script).write_text(elsewhere)
    if level == "full" and str(tmp_path).startswith("/tmp"):
        monkeypatch.setattr("whetstone.sandbox.walls._COVERED", ("/run",))  # `site` lies in /tmp
    result = _try(project, FIXED, sys.executable, f"tools/{script}")
    assert (result.stdout, result.stderr) == ("2\n", "")


def test_secrets_history_and_caches_are_not_there(level: Level, project: Path) -> None:
    for name in (".env", "server.pem", "pkg/id_rsa", ".git/config", "__pycache__/x.pyc",
                 "private.secret", "kept.txt"):  # fmt: skip
        path = project / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("hunter2")
    code = (
        "import os\n"
        "for root, dirs, files in os.walk('.'):\n"
        "    for name in files: print(os.path.join(root, name))\n"
    )
    result = _try(
        project,
        FIXED,
        sys.executable,
        "-c",
        code,
        ignore_globs=(".env", "*.pem", "id_rsa*", "*.secret"),
    )
    assert sorted(result.stdout.split()) == [
        "./kept.txt", "./pkg/__init__.py", "./pkg/sizes.py", "./test_sizes.py",
    ]  # fmt: skip


def test_links_stay_inside(level: Level, project: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("hunter2")
    (project / "out").symlink_to(outside)
    (project / "out_file").symlink_to(outside / "secret")
    (project / "up").symlink_to("..")
    (project / "loop").symlink_to("loop")
    (project / "inside").symlink_to(project / "pkg")  # absolute: must mean the copy
    (project / "pkg" / "again.py").symlink_to("sizes.py")
    os.mkfifo(project / "pipe")
    code = (
        "import os\n"
        "print(sorted(os.listdir('.')))\n"
        "print(open('pkg/again.py').read() == open('inside/sizes.py').read())\n"
        "open('inside/sizes.py', 'w').write('gone')\n"
    )
    result = _try(project, FIXED, sys.executable, "-c", code)
    assert result.stdout.splitlines() == ["['inside', 'pkg', 'test_sizes.py']", "True"], result
    assert (project / "pkg" / "sizes.py").read_text() == BUGGY


def test_a_linked_document_is_tested_where_it_really_is(level: Level, project: Path) -> None:
    (project / "link.py").symlink_to("pkg/sizes.py")
    document = Document(text=BUGGY, path=project / "link.py")
    command = [sys.executable, "-c", "from pkg.sizes import size; size('')"]
    assert try_in_copy(document, FIXED, command, project).passed
    assert (project / "pkg" / "sizes.py").read_text() == BUGGY


def test_the_workspaces_own_environment_is_used_and_not_copied(
    level: Level, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", "--symlinks", str(project / ".venv")],
        check=True,
    )
    tool = project / ".venv" / "bin" / "mytest"
    tool.write_text("#!/bin/sh\nexec python -c 'import sys; print(sys.prefix)'\n")
    tool.chmod(0o755)
    result = _try(project, FIXED, "mytest")
    assert (result.stdout.strip(), result.stderr) == (str(project / ".venv"), "")


def test_encodings_are_kept(level: Level, project: Path) -> None:
    text = "# -*- coding: latin-1 -*-\nNAME = 'é'\n"
    code = "import pkg.sizes; print(len(open('pkg/sizes.py', 'rb').read()), len(pkg.sizes.NAME))"
    result = _try(project, text, sys.executable, "-c", code)
    assert result.stdout.split() == [str(len(text)), "1"]


def test_a_document_outside_or_without_a_name(level: Level, project: Path) -> None:
    for path, words in ((None, "Save it"), (Path("/etc/x.py"), "outside the workspace")):
        with pytest.raises(SandboxError, match=words):
            try_in_copy(Document(text="", path=path), "", ["true"], project)


def test_a_new_file_can_be_tested(level: Level, project: Path) -> None:
    document = Document(text="", path=project / "new" / "file.py")
    assert try_in_copy(document, "X = 1\n", [sys.executable, "new/file.py"], project).passed


@pytest.mark.parametrize(("limit", "value"), [("MAX_FILES", 3), ("MAX_BYTES", 100)])
def test_too_large_a_workspace_says_what_to_do(
    level: Level, project: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    for number in range(4):
        (project / f"{number}.txt").write_text("x" * 50)
    monkeypatch.setattr(module, limit, value)
    with pytest.raises(SandboxError, match="ignore_globs"):
        _try(project, FIXED)


def test_a_full_disk(level: Level, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("whetstone.sandbox.workspace.shutil.copy2", full)
    with pytest.raises(SandboxError, match="no room"):
        _try(project, FIXED)


def test_a_workspace_around_the_temporary_folder(
    level: Level, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the user works in /tmp itself: the copy must not copy itself."""
    inside = project / "temporary"
    inside.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(inside))
    code = "from pkg.sizes import size; assert size('') == 0"
    (project / "run.py").write_text(textwrap.dedent(code))
    result = _try(project, FIXED, sys.executable, "run.py")
    assert result.passed, result.stderr
    assert list(inside.iterdir()) == []

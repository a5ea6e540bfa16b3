from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from whetstone.errors import ModelError
from whetstone.models import Registry

Make = Callable[..., Path]


def test_without_a_choice_the_starter_is_active(registry: Registry, starter: Path) -> None:
    entry = registry.active()
    assert (entry.name, entry.path, entry.prompt_format) == ("starter", starter, "compact")
    assert entry.model_id == f"starter@{entry.sha256[:8]}"
    assert registry.active_stamp() == ()
    assert not registry.root.exists()


def test_a_missing_starter_says_how_to_get_a_model(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("whetstone.models.starter.resources.files", lambda _: tmp_path)
    with pytest.raises(ModelError, match=r"models pull .*trainer starter"):
        registry.active()
    broken: list[str] = []
    assert registry.list(broken=broken) == []
    assert len(broken) == 1


def test_add_copies_and_keeps_the_active_model(
    registry: Registry, starter: Path, make_gguf: Make
) -> None:
    source = make_gguf()
    entry = registry.add(
        source, name="a", parent="starter@1", metrics={"exact": 0.6}, training_base="x"
    )
    source.unlink()
    assert entry.path.is_relative_to(registry.root)
    assert registry.get("a") == entry
    assert (entry.metrics, entry.parent, entry.training_base) == ({"exact": 0.6}, "starter@1", "x")
    assert (entry.parameters, entry.quantization, entry.promoted) == (128, "F32", False)
    assert registry.active().name == "starter"
    registry.verify(entry)


def test_the_folder_can_be_moved(registry: Registry, make_gguf: Make, tmp_path: Path) -> None:
    registry.add(make_gguf(), name="a")
    registry.use("a")
    registry.root.rename(tmp_path / "elsewhere")
    moved = Registry(tmp_path / "elsewhere").active()
    assert moved.path.is_relative_to(tmp_path / "elsewhere")


def test_use_promote_and_roll_back(registry: Registry, starter: Path, make_gguf: Make) -> None:
    registry.add(make_gguf(fill=1), name="a")
    registry.add(make_gguf(fill=2), name="b")
    stamps = [registry.active_stamp()]
    registry.use("a")
    stamps.append(registry.active_stamp())
    promoted = registry.promote("b", "61 % against 58 %")
    stamps.append(registry.active_stamp())
    assert promoted.promoted and registry.active() == promoted
    assert promoted.reason == "61 % against 58 %"
    start = time.process_time()  # others may keep the processor, which is not its fault
    assert registry.rollback().name == "a"
    assert time.process_time() - start < 1
    stamps.append(registry.active_stamp())
    assert registry.active().name == "a"
    assert registry.rollback().name == "starter"
    with pytest.raises(ModelError, match="no earlier model"):
        registry.rollback()
    assert len(set(stamps)) == len(stamps)
    assert [item.name for item in registry.history()] == ["a", "b", "a", "starter"]


def test_using_the_active_model_again_does_not_hide_the_one_before(
    registry: Registry, starter: Path, make_gguf: Make
) -> None:
    registry.add(make_gguf(), name="a")
    registry.use("a")
    registry.use("a")
    assert registry.rollback().name == "starter"


def test_rollback_steps_over_removed_and_damaged_models(
    registry: Registry, starter: Path, make_gguf: Make
) -> None:
    for number, name in enumerate("abc"):
        registry.add(make_gguf(fill=number), name=name)
        registry.use(name)
    registry.remove("a")
    registry.get("b").path.write_bytes(b"GGUF")
    assert registry.rollback().name == "starter"


def test_lineage(registry: Registry, make_gguf: Make) -> None:
    first = registry.add(make_gguf(fill=1), name="a")
    second = registry.add(make_gguf(fill=2), name="b", parent=first.model_id)
    registry.add(make_gguf(fill=3), name="c", parent=second.model_id)
    assert [entry.name for entry in registry.lineage("c")] == ["c", "b", "a"]


def test_the_same_content_again_is_no_change_and_other_content_is_refused(
    registry: Registry, make_gguf: Make
) -> None:
    first = registry.add(make_gguf(fill=1), name="a")
    assert registry.add(make_gguf(fill=1), name="a") == first
    with pytest.raises(ModelError, match="another model of this name"):
        registry.add(make_gguf(fill=2), name="a")
    assert registry.get("a") == first
    assert [file.name for file in (registry.root / "files").iterdir()] == [first.path.name]


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a b", ".a", "-a", "a" * 101, "a.", "é"])
def test_names_that_are_refused(registry: Registry, make_gguf: Make, name: str) -> None:
    with pytest.raises(ModelError, match="cannot name a model"):
        registry.add(make_gguf(), name=name)


def test_the_starter_is_nobodys(registry: Registry, starter: Path, make_gguf: Make) -> None:
    with pytest.raises(ModelError, match="embedded"):
        registry.add(make_gguf(), name="starter")
    with pytest.raises(ModelError, match="cannot be removed"):
        registry.remove("starter")


def test_bad_files_are_not_added(registry: Registry, make_gguf: Make, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="truncated"):
        registry.add(make_gguf(data_bytes=10), name="a")
    with pytest.raises(ModelError, match="no such model file"):
        registry.add(tmp_path / "none.gguf", name="a")
    assert not registry.root.exists()


def test_a_changed_file_is_noticed_and_rollback_works(
    registry: Registry, starter: Path, make_gguf: Make
) -> None:
    entry = registry.add(make_gguf(), name="a")
    registry.use("a")
    data = bytearray(entry.path.read_bytes())
    data[-1] ^= 1
    entry.path.write_bytes(data)
    os.utime(entry.path, ns=(1, 1))
    with pytest.raises(ModelError, match=r"sha256 .*rollback"):
        registry.active()
    with pytest.raises(ModelError, match="sha256"):
        registry.verify(entry)
    assert registry.rollback().name == "starter"


def test_a_missing_or_truncated_active_file(
    registry: Registry, starter: Path, make_gguf: Make
) -> None:
    entry = registry.add(make_gguf(), name="a")
    registry.use("a")
    entry.path.write_bytes(entry.path.read_bytes()[:-100])
    with pytest.raises(ModelError, match="truncated"):
        registry.active()
    entry.path.unlink()
    with pytest.raises(ModelError, match="no such model file"):
        registry.active()


def test_a_file_used_where_it_lies_is_never_deleted(
    registry: Registry, starter: Path, make_gguf: Make
) -> None:
    source = make_gguf()
    entry = registry.add(source, name="a", copy=False)
    assert entry.path == source
    assert registry.get("a").path == source
    registry.remove("a")
    assert source.exists()


def test_a_moved_file_is_taken(registry: Registry, make_gguf: Make) -> None:
    source = make_gguf()
    inode = source.stat().st_ino
    entry = registry.add(source, name="a", move=True)
    assert not source.exists()
    assert entry.path.stat().st_ino == inode


def test_remove_refuses_the_active_one(registry: Registry, starter: Path, make_gguf: Make) -> None:
    entry = registry.add(make_gguf(), name="a")
    registry.use("a")
    with pytest.raises(ModelError, match="active model"):
        registry.remove("a")
    registry.use("starter")
    registry.remove("a")
    assert not entry.path.exists()
    with pytest.raises(ModelError, match=r"Known: starter"):
        registry.remove("a")


def test_damaged_entries_are_reported_and_can_be_removed(
    registry: Registry, starter: Path, make_gguf: Make
) -> None:
    entry = registry.add(make_gguf(), name="a")
    (registry.root / "entries" / "a.json").write_text("{")
    broken: list[str] = []
    assert [found.name for found in registry.list(broken=broken)] == ["starter"]
    assert "a.json" in broken[0]
    with pytest.raises(ModelError, match="damaged"):
        registry.use("a")
    registry.remove("a")
    assert not entry.path.exists()


def test_an_entry_cannot_point_an_owned_file_outside(
    registry: Registry, starter: Path, make_gguf: Make
) -> None:
    registry.add(make_gguf(), name="a")
    path = registry.root / "entries" / "a.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "path": "../../precious"}))
    with pytest.raises(ModelError, match="damaged"):
        registry.get("a")


def test_a_damaged_pointer_names_the_file(registry: Registry, starter: Path) -> None:
    registry.root.mkdir()
    (registry.root / "active.json").write_text('{"current": 3}')
    with pytest.raises(ModelError, match=r"active\.json.*Delete this file"):
        registry.active()


def test_resolve(registry: Registry, starter: Path, make_gguf: Make) -> None:
    source = make_gguf("my model.gguf", metadata={"whetstone.prompt_format": "compact"})
    registry.add(source, name="a")
    assert registry.resolve(None).name == "starter"
    assert registry.resolve("a").name == "a"
    by_path = registry.resolve(str(source))
    assert (by_path.name, by_path.path, by_path.prompt_format) == ("my-model", source, "compact")
    with pytest.raises(ModelError, match="no such model"):
        registry.resolve("b")
    with pytest.raises(ModelError, match="no such model file"):
        registry.resolve(str(source.with_name("b.gguf")))


def test_a_full_disk_leaves_everything_as_it_was(
    registry: Registry, starter: Path, make_gguf: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.add(make_gguf(fill=1), name="a")
    registry.use("a")
    before = sorted(path for path in registry.root.rglob("*"))
    with monkeypatch.context() as patch:
        patch.setattr(
            "whetstone.models.files.shutil.disk_usage", lambda _: SimpleNamespace(free=100)
        )
        with pytest.raises(ModelError, match="disk is full"):
            registry.add(make_gguf(fill=2), name="b")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:  # room was there when asked, and is gone in between
        patch.setattr("os.fsync", full)
        with pytest.raises(ModelError, match="disk is full"):
            registry.add(make_gguf(fill=2), name="b")
        with pytest.raises(ModelError, match="disk is full"):
            registry.use("starter")
    assert registry.active().name == "a"
    assert sorted(path for path in registry.root.rglob("*")) == before


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root writes anywhere")
def test_a_read_only_folder(registry: Registry, starter: Path, make_gguf: Make) -> None:
    registry.add(make_gguf(), name="a")
    registry.root.chmod(0o500)
    try:
        with pytest.raises(ModelError, match="WHETSTONE_DATA"):
            registry.use("a")
        assert registry.active().name == "starter"
    finally:
        registry.root.chmod(0o700)


_WRITER = """
import sys
from pathlib import Path
from whetstone.models import Registry
registry = Registry(Path(sys.argv[1]))
for turn in range(1000000):
    name = f"{sys.argv[3]}-{turn}"
    registry.add(Path(sys.argv[2]), name=name)
    registry.use(name)
    print(name, flush=True)
"""


def test_kill_in_the_middle_of_changes_leaves_a_sound_registry(
    registry: Registry, starter: Path, make_gguf: Make
) -> None:
    source = make_gguf(data_bytes=400_000)
    arguments = [sys.executable, "-c", _WRITER, str(registry.root), str(source)]
    writers = [
        subprocess.Popen([*arguments, name], stdout=subprocess.PIPE, text=True) for name in "xy"
    ]
    said: list[str] = []
    for writer in writers:  # both are at work before they are killed
        assert writer.stdout is not None
        said.append(writer.stdout.readline().strip())
    time.sleep(0.3)
    for writer in writers:
        writer.kill()
        assert writer.stdout is not None
        said += writer.stdout.read().split("\n")[:-1]
        writer.wait()
    broken: list[str] = []
    entries = registry.list(broken=broken)
    assert broken == []
    assert {name for name in said if name} <= {entry.name for entry in entries}
    for entry in entries[1:]:
        registry.verify(entry)
    assert registry.active().name in {entry.name for entry in entries}
    chosen = [item.name for item in registry.history()]
    assert registry.rollback().name in {*chosen, "starter"}

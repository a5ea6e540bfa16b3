"""A stored reference is used for exactly what it was made for."""

from __future__ import annotations

from pathlib import Path

import torch

from trainer.dpo.reference import Reference, reference_key

ROWS = [{"prompt": [1], "chosen": [2], "rejected": [3]}]


def make() -> Reference:
    return Reference(
        chosen=torch.tensor([-1.0, -2.0, -3.0]),
        rejected=torch.tensor([-4.0, -5.0, -6.0]),
        offsets=torch.tensor([0, 2, 3, 6]),
        kept_ids=torch.arange(12).reshape(6, 2),
        kept_logprobs=-torch.arange(12.0).reshape(6, 2),
    )


def test_examples_in_any_order() -> None:
    part = make().of(torch.tensor([2, 0]))
    assert part["reference_chosen"].tolist() == [-3.0, -1.0]
    assert part["kept_ids"][:, 0].tolist() == [6, 8, 10, 0, 2]


def test_it_comes_back_for_its_own_key_only(tmp_path: Path) -> None:
    path = tmp_path / "reference.safetensors"
    assert Reference.load(path, "a") is None
    make().save(path, "a")
    again = Reference.load(path, "a")
    assert again is not None and torch.equal(again.kept_logprobs, make().kept_logprobs)
    assert Reference.load(path, "b") is None
    path.write_bytes(path.read_bytes()[:50])  # cut off by a kill
    assert Reference.load(path, "a") is None
    assert path.stat().st_mode & 0o077 == 0  # it tells what the user's code was about


def test_the_key_changes_with_everything_it_depends_on(tmp_path: Path) -> None:
    base, adapter = tmp_path / "base", tmp_path / "adapter"
    for folder, name in ((base, "model.safetensors"), (adapter, "adapter_model.safetensors")):
        folder.mkdir()
        (folder / name).write_bytes(b"1")
    keys = [reference_key(base, adapter, ROWS, "float32")]
    assert keys[0] == reference_key(base, adapter, ROWS, "float32")
    keys.append(reference_key(base, adapter, ROWS, "bfloat16"))
    keys.append(reference_key(base, adapter, [{**ROWS[0], "rejected": [4]}], "float32"))
    (adapter / "adapter_model.safetensors").write_bytes(b"2")
    keys.append(reference_key(base, adapter, ROWS, "float32"))
    (base / "model.safetensors").write_bytes(b"22")
    keys.append(reference_key(base, adapter, ROWS, "float32"))
    assert len(set(keys)) == 5

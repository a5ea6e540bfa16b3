"""TRL's own trainers take the exported files as they are: a step on a model of a few thousand
random weights shows it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from builders import proposal, replace

from whetstone.preferences import Outcome, PreferenceStore
from whetstone.preferences.exchange import export_pairs

trl = pytest.importorskip("trl")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with a random Qwen2 and a tokenizer of single bytes."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

    folder = tmp_path_factory.mktemp("model")
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>"
    ).save_pretrained(folder)
    config = Qwen2Config(
        vocab_size=260,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
    )
    Qwen2ForCausalLM(config).save_pretrained(folder)
    return str(folder)


def settings(kind: type, folder: Path) -> Any:
    return kind(
        output_dir=str(folder / "out"),
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        max_steps=1,
        per_device_train_batch_size=2,
        max_length=4096,
        report_to=[],
        save_strategy="no",
        disable_tqdm=True,
    )


def load(file: Path, cache: Path) -> Any:
    from datasets import load_dataset

    kind = "json" if file.suffix == ".jsonl" else "parquet"
    return load_dataset(kind, data_files=str(file), split="train", cache_dir=str(cache))


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_dpo_takes_the_triplets(
    store: PreferenceStore, model: str, tmp_path: Path, suffix: str
) -> None:
    for _ in range(2):
        shown = proposal(replace("    return length"))
        store.record_suggestion(shown, client="test")
        store.settle(shown.id, Outcome.ACCEPTED, candidate_id=shown.candidates[0].id)
    pairs = store.pairs()
    export_pairs(pairs, tmp_path / f"pairs.{suffix}")
    trainer = trl.DPOTrainer(
        model=model,
        args=settings(trl.DPOConfig, tmp_path),
        train_dataset=load(tmp_path / f"pairs.{suffix}", tmp_path / "cache"),
    )
    trainer.train()
    row, tokenizer = trainer.train_dataset[0], trainer.processing_class
    assert tokenizer.decode(row["prompt_ids"]) == pairs[0].prompt("chat")
    assert tokenizer.decode(row["chosen_ids"]) == pairs[0].chosen_text("chat") + "<|im_end|>"
    assert tokenizer.decode(row["rejected_ids"]) == pairs[0].rejected_text("chat") + "<|im_end|>"


def test_kto_takes_the_unpaired(store: PreferenceStore, model: str, tmp_path: Path) -> None:
    from trl.trainer.kto_config import KTOConfig
    from trl.trainer.kto_trainer import KTOTrainer

    for _ in range(2):
        for outcome, lines in ((Outcome.REJECTED, None), (Outcome.SUPERSEDED, ("    return 1",))):
            shown = proposal(*([replace("    return length")] if lines is None else []))
            store.record_suggestion(shown, client="test")
            store.settle(shown.id, outcome, user_lines=lines)
    export_pairs(store.pairs(kind="unpaired"), tmp_path / "single.jsonl")
    dataset = load(tmp_path / "single.jsonl", tmp_path / "cache")
    assert dataset["label"] == [False, True, False, True]
    KTOTrainer(model=model, args=settings(KTOConfig, tmp_path), train_dataset=dataset).train()

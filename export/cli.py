"""`python -m export`, and `trainer export`: a Hugging Face folder becomes a verified GGUF file."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from whetstone.errors import WhetstoneError

# Named here and not imported, so that --help answers without loading torch.
_TYPES = ("f32", "f16", "bf16", "q8_0", "q6_k", "q5_k_m", "q4_k_m")


@click.command("export")
@click.argument("hf_dir", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--quantization", type=click.Choice(_TYPES), default="q8_0", show_default=True)
@click.option("--name", help="What the file calls itself; default: the folder's name.")
@click.option(
    "--verify/--no-verify",
    default=True,
    show_default=True,
    help="Compare token ids and logits with the model it was made from.",
)
@click.option(
    "--texts",
    type=click.File("r", encoding="utf-8", errors="replace"),
    metavar="FILE",
    help="Typical prompts, separated by lines of ---: columns that they use much are rounded "
    "more carefully (importance matrix), if the file comes out closer to F16 on every third.",
)
@click.option(
    "--table/--no-table",
    default=True,
    show_default=True,
    help="What each type costs and keeps: all types, or for models of 1 GB and more the one that "
    "is written and the next larger.",
)
@click.option(
    "--adapter",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="PEFT_DIR",
    help="Write this LoRA adapter of the model in HF_DIR, and not the model.",
)
@click.option(
    "--over",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="GGUF",
    help="With --adapter: the file it will be put over, to verify them together. [default: the "
    "model unquantized]",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
def export_command(
    hf_dir: Path, out: Path, quantization: str, name: str | None, verify: bool, as_json: bool,
    texts: Any, table: bool, adapter: Path | None, over: Path | None,
) -> None:  # fmt: skip
    """Write the Hugging Face model in HF_DIR (Qwen2, Qwen3, Llama 3) as the GGUF file OUT."""
    if adapter is not None:
        _export_adapter(hf_dir, adapter, out, over, name=name, verify=verify, as_json=as_json)
        return
    from export.choice import importance_that_pays
    from export.quantize import export_gguf

    importance, note = None, ""
    if texts is not None:
        importance, note = importance_that_pays(
            hf_dir, out, quantization, split_texts(texts.read())
        )
    report = export_gguf(hf_dir, out, quantization=quantization, name=name, importance=importance)
    facts: dict[str, object] = {
        "path": str(report.path),
        "quantization": report.quantization,
        "size": report.size,
        "types": report.types,
        "fell_back": list(report.fell_back),
        "importance": importance is not None,
    }
    if verify:
        from export.verify import verify_export

        verification = verify_export(hf_dir, out, quantization=quantization)
        facts["verification"] = verification.to_json()
    rows = _compared(hf_dir, out, quantization, importance) if table else []
    facts["table"] = [row.to_json() for row in rows]
    if as_json:
        click.echo(json.dumps(facts, indent=2))
    else:
        click.echo(f"{out}: {report.size:,} bytes, {quantization} ({report.types})")
        if report.fell_back:
            click.echo(
                f"{len(report.fell_back)} matrices have rows that {quantization} cannot hold and "
                f"were kept in a larger type: {', '.join(report.fell_back[:4])} ..."
            )
        if note:
            click.echo(note)
        if verify:
            click.echo(verification.summary)
        if rows:
            from export.comparison import table as as_text

            click.echo(as_text(rows, quantization))
    if verify:
        verification.raise_for_failure()


def _export_adapter(
    hf_dir: Path, adapter: Path, out: Path, over: Path | None, *,
    name: str | None, verify: bool, as_json: bool,
) -> None:  # fmt: skip
    from export.lora import write_adapter

    report = write_adapter(hf_dir, adapter, out, name=name)
    facts: dict[str, object] = {
        "path": str(out), "size": report.size, "rank": report.rank, "modules": report.modules,
    }  # fmt: skip
    verification = _verified_over(hf_dir, adapter, out, over) if verify else None
    if verification is not None:
        facts["verification"] = verification.to_json()
    if as_json:
        click.echo(json.dumps(facts, indent=2))
    else:
        click.echo(
            f"{out}: {report.size:,} bytes, a LoRA adapter of rank {report.rank} on "
            f"{report.modules} matrices"
        )
        if verification is not None:
            click.echo(verification.summary)
    if verification is not None:
        verification.raise_for_failure()


def _verified_over(hf_dir: Path, adapter: Path, out: Path, over: Path | None) -> Any:
    from export.quantize import full_file, quantization_of
    from export.verify import LoraFiles, verify_export

    lora = LoraFiles(folder=adapter, path=out)
    if over is not None:
        return verify_export(hf_dir, over, quantization=quantization_of(over), lora=lora)
    with full_file(hf_dir, out) as full:
        return verify_export(hf_dir, full, quantization=quantization_of(full), lora=lora)


def split_texts(text: str) -> list[str]:
    """Texts of a file in which a line of three hyphens ends each."""
    return [part for part in text.split("\n---\n") if part.strip()]


def _compared(hf_dir: Path, out: Path, quantization: str, importance: Any) -> Any:
    from export.comparison import compare_types, types_worth_comparing
    from export.quantize import full_file

    weights = sum(path.stat().st_size for path in hf_dir.glob("*.safetensors"))
    with full_file(hf_dir, out) as full:
        types = types_worth_comparing(quantization, weights)
        return compare_types(full, types, importance=importance)


def main() -> None:
    """Run the command; a WhetstoneError becomes one line and its exit status."""
    try:
        export_command(prog_name="python -m export")
    except WhetstoneError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_status)

"""`python -m export`, and `trainer export`: a Hugging Face folder becomes a verified GGUF file."""

from __future__ import annotations

import json
import sys
from pathlib import Path

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
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
def export_command(
    hf_dir: Path, out: Path, quantization: str, name: str | None, verify: bool, as_json: bool
) -> None:  # fmt: skip
    """Write the Qwen2 model in HF_DIR as the GGUF file OUT."""
    from export.quantize import export_gguf

    report = export_gguf(hf_dir, out, quantization=quantization, name=name)
    facts: dict[str, object] = {
        "path": str(report.path),
        "quantization": report.quantization,
        "size": report.size,
        "types": report.types,
        "fell_back": list(report.fell_back),
    }
    if verify:
        from export.verify import verify_export

        verification = verify_export(hf_dir, out, quantization=quantization)
        facts["verification"] = verification.to_json()
    if as_json:
        click.echo(json.dumps(facts, indent=2))
    else:
        click.echo(f"{out}: {report.size:,} bytes, {quantization} ({report.types})")
        if report.fell_back:
            click.echo(
                f"{len(report.fell_back)} matrices have rows that {quantization} cannot hold and "
                f"were kept in a larger type: {', '.join(report.fell_back[:4])} ..."
            )
        if verify:
            click.echo(verification.summary)
    if verify:
        verification.raise_for_failure()


def main() -> None:
    """Run the command; a WhetstoneError becomes one line and its exit status."""
    try:
        export_command(prog_name="python -m export")
    except WhetstoneError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_status)

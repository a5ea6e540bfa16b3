"""`python -m trainer`, for schedulers that know no console scripts."""

from __future__ import annotations

from trainer.cli import main

if __name__ == "__main__":
    main(prog_name="trainer")

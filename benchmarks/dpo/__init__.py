"""Our preference training beside TRL's DPOTrainer; `python -m benchmarks.dpo --help`."""

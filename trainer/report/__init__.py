"""`trainer report`: one page about one training run."""

"""`python -m whetstone` is the `whetstone` command."""

from whetstone.cli import main

main()

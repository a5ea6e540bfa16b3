"""Tests of the user's workspace, run in the sandbox: which there are, how they end, what they run.

find.py      the tests of a file, from its syntax tree
python.py    which Python runs them
consent.py   the user's word that they may run, kept in the user's own folder
bench.py     one copy of the workspace in which tests run again and again
watch.py     a test command of any kind, with the lines that it ran
repair.py    from a failing test to fixes that make it pass and break no other
inside/      what of this runs in the sandbox
"""

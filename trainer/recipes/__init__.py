"""Experiments by one command: LoRA SFT, then DPO, beside an SFT control; `trainer recipe run`.

*.toml       one recipe each
config.py    read into frozen values
base.py      the model to begin with: the starter, a hub repository, a folder, or a small one
folder.py    what is done already: a killed run goes on
scores.py    a model on all suites
steps.py     the training steps of one seed
run.py       all steps in their order
results.py   statistics over the suites
report.py    table, plots
"""

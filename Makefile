# make demo   see it work: a buggy file, proven fixes, the choices stored
# make test   the whole suite, with the linters
# make test-editors   fetch real editors, and drive each through the whole story
PYTHON ?= python3
BIN := .venv/bin
SHELL := /bin/sh
# The tests start hundreds of servers and trainers, which would compile their modules each time.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test test-editors editors lint setup setup-train clean
help:
	@sed -n 's/^# make/make/p' Makefile

setup:
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
	  echo "error: $(PYTHON) was not found. Debian, Ubuntu: sudo apt install python3 python3-venv"; exit 1; }
	@$(PYTHON) scripts/bootstrap.py serve

setup-train:
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
	  echo "error: $(PYTHON) was not found. Debian, Ubuntu: sudo apt install python3 python3-venv"; exit 1; }
	@$(PYTHON) scripts/bootstrap.py train

demo: setup
	@$(BIN)/python -m demo $(ARGS)

# make lint   ruff, mypy and the import rules alone
lint: setup-train
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# In the order of the folders: files of few tests take minutes, and xdist would put those last.
test: lint
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

# make editors   fetch the editors alone, to $WHETSTONE_EDITORS (~/.cache/whetstone-editors)
editors:
	@$(PYTHON) scripts/editors/fetch.py

test-editors: setup-train editors
	$(BIN)/python -m pytest -n 2 --dist loadfile tests/editors $(ARGS)

# make clean  remove .venv and every cache of this folder
clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache *.egg-info

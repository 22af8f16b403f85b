# Two commands do everything on a fresh machine (python3, make and git): `make demo` and `make test`.
# Each makes .venv when it is missing, with the `stagescore` command and every extra in it.
# CONSTRAINTS=constraints-ci.txt pins the versions that CI runs with.

PYTHON ?= python3
CONSTRAINTS ?=
VENV := .venv
BIN := $(VENV)/bin
DEMO := demo

.DELETE_ON_ERROR:
.PHONY: demo test test-slow check format clean

demo: $(VENV)/.installed
	$(BIN)/stagescore data import csv --annotations examples/invented_dives.csv --out $(DEMO)
	$(BIN)/stagescore data floors $(DEMO) --plot $(DEMO)/labels.png
	@echo
	@echo "Invented dives, imported and checked. Look at $(DEMO)/labels.png and $(DEMO)/check.json."

test: $(VENV)/.installed
	$(BIN)/python -m pytest -m "not slow"

test-slow: $(VENV)/.installed
	$(BIN)/python -m pytest -m slow

check: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_layout.py

format: $(VENV)/.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(VENV)/.installed: pyproject.toml constraints-ci.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "stagescore needs Python 3.11 or newer; name one with: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(if $(CONSTRAINTS),-c $(CONSTRAINTS)) -e '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) $(DEMO) build .pytest_cache .mypy_cache .ruff_cache

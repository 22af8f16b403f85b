# Two commands do everything on a fresh machine (python3, make and git): `make demo` and `make test`.
# Each makes .venv when it is missing, with the `stagescore` command and every extra in it.
# CHECK_SHAPES=1 make test also checks the shapes in signatures, which takes half as long again; CI does.
# CONSTRAINTS=constraints-ci.txt pins the versions that CI runs with.

PYTHON ?= python3
CONSTRAINTS ?=
VENV := .venv
BIN := $(VENV)/bin
DEMO := demo
DEMO_DIVE := Simulated_r0000/3
DEMO_NUMBER := 307C
DEMO_HEIGHT := 3

.DELETE_ON_ERROR:
.PHONY: demo test test-slow check format clean

demo: $(VENV)/.installed
	$(BIN)/stagescore simulate $(DEMO)/dives --dives 16 --seed 1 --size 256x144 --resume
	$(BIN)/stagescore data check manifest --annotations $(DEMO)/dives
	rm -rf $(DEMO)/scores
	$(BIN)/stagescore score $(DEMO)/dives/frames/$(DEMO_DIVE) --dive-number $(DEMO_NUMBER) --height $(DEMO_HEIGHT) \
	  --out $(DEMO)/scores
	$(BIN)/stagescore data import csv examples/invented_dives.csv --out $(DEMO)/labels --quiet
	$(BIN)/stagescore data floors $(DEMO)/labels --plot $(DEMO)/labels.png
	$(BIN)/stagescore bench sheets --out $(DEMO)
	@echo
	@echo "Open $(DEMO)/scores/$(notdir $(DEMO_DIVE))/report.html: a simulated dive, scored and explained."
	@echo "Sixteen simulated dives are in $(DEMO)/dives. Look at $(DEMO)/sheet.jpg, $(DEMO)/faults.jpg,"
	@echo "$(DEMO)/splash.jpg, and at $(DEMO)/labels.png, drawn from 240 invented rows of labels."

test: $(VENV)/.installed
	$(BIN)/python -m pytest -n auto --dist loadfile --durations=15 -m "not slow"

test-slow: $(VENV)/.installed
	$(BIN)/python -m pytest -n auto --dist loadfile --durations=25 -m slow

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
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(if $(CONSTRAINTS),-c $(CONSTRAINTS)) -e '.[dev,plots,pose,train]'
	@touch $@

clean:
	rm -rf $(VENV) $(DEMO) build .pytest_cache .mypy_cache .ruff_cache

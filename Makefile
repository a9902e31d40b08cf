# Two commands on a fresh machine with Python 3.11+, git and make:
#   make demo    install, and run the main job on real flights
#   make test    install, and run everything that CI runs

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := hpo algorithms state_store studies

.DEFAULT_GOAL := help
.PHONY: help demo test install lint type tests bench chaos clean

help:  ## show the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /	/' | expand -t 12

$(VENV)/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; point PYTHON at one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test]'
	@touch $@

install: $(VENV)/installed  ## make .venv with the package and its tests' needs

demo: install  ## the main job on real data: 336,776 flights, read once
	$(BIN)/hpo demo

lint: install
	$(BIN)/ruff check --quiet .
	$(BIN)/lint-imports --no-cache

type: install
	$(BIN)/mypy

tests: install
	$(BIN)/python -m pytest -n auto

test: lint type tests  ## everything that CI runs

bench: install  ## the figures of benchmarks/README.md, on this machine
	$(BIN)/python -m benchmarks

chaos: install  ## kill -9 at many more points than the tests do
	HPO_CHAOS=60 $(BIN)/python -m pytest -n auto tests/test_pass_faults.py tests/test_store_faults.py

clean:  ## remove .venv and what tools left behind
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis

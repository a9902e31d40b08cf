# Two commands on a fresh machine with Python 3.11+, git and make:
#   make demo    install, and run the main job on real flights
#   make test    install, and run everything that CI runs

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := hpo algorithms state_store studies

# what the tests start hundreds of times is compiled once
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help options docs figures site demo test install lint type tests check fuzz bench chaos soak examples release-check clean

help:  ## show the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /	/' | expand -t 16

$(VENV)/python-found:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; point PYTHON at one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	@touch $@

$(VENV)/installed: pyproject.toml constraints.txt | $(VENV)/python-found
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test]'
	@touch $@

install: $(VENV)/installed  ## make .venv with the package and its tests' needs

$(VENV)/demo-installed: pyproject.toml constraints.txt | $(VENV)/python-found
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[demo]'
	@touch $@

demo: $(VENV)/demo-installed  ## the main job on real data: 336,776 flights, read once
	$(BIN)/hpo demo

lint: install
	$(BIN)/ruff check --quiet .
	$(BIN)/lint-imports --no-cache

type: install
	$(BIN)/mypy

tests: install
	OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal

test: lint type tests  ## everything that CI runs

CORE := tests/differential/test_oracles.py tests/test_trusted_numbers.py tests/test_claim.py tests/test_exactness.py \
  tests/test_laws.py tests/test_core_models.py tests/test_core_pass.py tests/test_core_selection.py \
  tests/test_core_tuner.py tests/test_core_weights.py tests/test_encoder.py tests/test_folds.py tests/test_twins.py

options: install  ## write the options of StudySpec into the signature of hpo.tune
	PYTHONPATH=. $(BIN)/python tools/options.py

docs: install  ## write the table of algorithms and the sources that pages show
	PYTHONPATH=. $(BIN)/python tools/pages.py

figures: install  ## the figures of the code beside what they should be, for docs/design.md
	PYTHONPATH=.:tests $(BIN)/python tools/figures.py

site: install  ## build the documentation in build/site; warnings are errors
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

examples: install  ## run the notebooks of examples/ and keep what they print
	PYTHONWARNINGS="ignore:IProgress not found" $(BIN)/jupyter execute --inplace examples/*.ipynb

release-check: install  ## build the wheel, install it into a fresh environment of each Python that is here, run the demo
	$(BIN)/python tools/release.py

check: lint type  ## lint, types, layers and the core of the tests: within three minutes
	OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto --dist worksteal $(CORE)

fuzz: install  ## random tables against scikit-learn, and 20,000 damaged journals and indexes: make fuzz EXAMPLES=20000
	PYTHONPATH=tests $(BIN)/python -m differential.fuzz $(if $(SECONDS),--seconds $(SECONDS)) \
	  $(if $(EXAMPLES),--examples $(EXAMPLES)) $(if $(SEED),--seed $(SEED))
	HPO_MUTANTS=20000 $(BIN)/python -m pytest -q -rP tests/test_journal_damage.py tests/test_journal_index.py -k mutant

bench: install  ## the figures of benchmarks/README.md, on this machine
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python -m benchmarks

chaos: install  ## kill -9 at many more points than the tests do, and processes that race; says what was killed, kept and lost
	HPO_CHAOS=60 $(BIN)/python -m pytest -n auto -rP tests/test_pass_faults.py tests/test_engine_kills.py \
	  tests/test_store_faults.py \
	  tests/test_kill_studies.py tests/test_shared_studies.py tests/test_store_gc.py tests/test_record.py

MINUTES ?= 20
soak: install  ## twenty minutes of ingest, watch, tuning and readers side by side: memory, descriptors and store stay flat
	$(BIN)/python benchmarks/soak.py --minutes $(MINUTES)

clean:  ## remove .venv and what tools left behind
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis

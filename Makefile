# What a person or a CI machine does with this tree. Needs make, a C++ compiler and Python 3.11, 3.12 or 3.13;
# everything else goes into .venv, from lock files with digests. `make help` lists the targets.

SHELL := /bin/sh
MAKEFLAGS += --no-builtin-rules --no-print-directory
.SUFFIXES:
.DEFAULT_GOAL := help

PYTHON         ?=
PYTEST_WORKERS ?= 2
PYTEST_ARGS    ?=
UPGRADE        ?=
DEMO_PROBE     ?= samples/probes/obama.jpg
DEMO_OUT       ?= demo-out
BENCH_DATA     ?= ../shared/data
BENCH_WORK     ?= build/bench
BENCH_ARGS     ?=
ACCURACY_ARGS  ?=

VENV := .venv
PY   := $(VENV)/bin/python

.PHONY: help demo test check lint fmt bench accuracy lock clean distclean setup setup-dev

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile
	@echo "  PYTHON=python3.12 chooses the interpreter of a new .venv; PYTEST_ARGS='-k word' narrows the tests"

demo: setup  ## search the sample footage for a face and print the hits
	@$(PY) samples/render.py --out samples/footage
	@$(VENV)/bin/retrofr search samples/footage --probe $(DEMO_PROBE) --format table --out $(DEMO_OUT) --force
	@echo "The report lies in $(DEMO_OUT)/: report.html opens in a browser, hits.csv in a spreadsheet; run.json says what was run."

test: check  ## install, then lint, types, layers and tests: what CI runs

check: lint  ## the same, for people
	OMP_NUM_THREADS=1 $(PY) -m pytest -n $(PYTEST_WORKERS) --dist loadgroup $(PYTEST_ARGS)

lint: setup-dev  ## ruff, mypy --strict and the import layers
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy --strict retrofr cli
	$(VENV)/bin/lint-imports --no-logo --no-cache

fmt: setup-dev  ## format, and mend what ruff can mend by itself
	$(PY) -m ruff check --fix-only .
	$(PY) -m ruff format .

bench: setup-dev  ## speed beside its floor and beside others, 100 minutes; BENCH_ARGS=--quick: 10 minutes
	@$(PY) benchmarks/speed.py --data $(BENCH_DATA) --work $(BENCH_WORK) $(BENCH_ARGS)

accuracy: setup-dev  ## every figure of accuracy, 10 to 20 minutes; says so where the test material is absent
	@$(PY) benchmarks/accuracy.py --data $(BENCH_DATA) $(ACCURACY_ARGS)

# Says what is missing on this machine, does nothing where nothing has changed, and lets one run at a time in.
VENV_SCRIPT = $(or $(PYTHON),python3) .ci/setup_venv.py $(if $(PYTHON),--this-python)

setup:  ## .venv with what retrofr runs on
	@$(VENV_SCRIPT) run

setup-dev:  ## .venv with the tools of development as well
	@$(VENV_SCRIPT) dev

# Pins are kept unless UPGRADE is given. No index and no address is written, so that any mirror serves.
COMPILE = $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-annotate --no-header $(if $(UPGRADE),--upgrade)

lock: setup  ## renew the lock files; UPGRADE=1 takes the newest versions
	$(COMPILE) --group bootstrap -o requirements-bootstrap.lock
	$(COMPILE) pyproject.toml -c requirements-bootstrap.lock -o requirements.lock
	$(COMPILE) pyproject.toml --group test --group lint -c requirements-bootstrap.lock -c requirements.lock \
		-o requirements-dev.lock

clean:  ## remove what was built, rendered and cached; .venv stays
	rm -rf build dist *.egg-info $(DEMO_OUT) samples/footage .pytest_cache .mypy_cache .ruff_cache \
		.import_linter_cache .hypothesis
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean  ## clean, and .venv as well
	rm -rf $(VENV)

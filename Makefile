# On a fresh machine: make, Python 3.11 or later with venv, and nothing else.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --no-warn-script-location
SOURCES := symgrad derivations tests $(wildcard benchmarks docs/*.py)
DEMO := derivations/d2l_mlp_bias.py --wrt W1 b1 W2 b2

.PHONY: demo test fuzz mutation check supply docs benchmark format clean
.DEFAULT_GOAL := demo

demo: .venv/package.stamp  ## derive, print and verify a one-hidden-layer network, and write it to out/
	@$(BIN)/symgrad derive $(DEMO) -o out/
	@JAX_PLATFORMS=cpu $(BIN)/symgrad verify $(DEMO)

test: .venv/tools.stamp
	@JAX_PLATFORMS=cpu $(BIN)/python -m pytest -q -n 2 --dist worksteal

MINUTES ?= 20
fuzz: .venv/tools.stamp  ## random programs under every oracle, in two processes: make fuzz MINUTES=20
	@$(BIN)/python -m tests.fuzz --minutes $(MINUTES)

mutation: .venv/tools.stamp  ## every rule sabotaged in every way, and how many of the mutants the tests kill
	@$(BIN)/python -m tests.mutation

check: .venv/tools.stamp
	@$(BIN)/ruff format --check $(SOURCES)
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/mypy
	@$(BIN)/lint-imports

supply:  ## the wheel in an empty environment, on the oldest versions, on every Python that is installed
	@PYTHON=$(PYTHON) .ci/supply

docs: .venv/docs.stamp .venv/tools.stamp  ## the site, into docs/_build/html
	@$(BIN)/python docs/make_operations.py
	@JAX_PLATFORMS=cpu $(BIN)/python docs/make_forms.py
	@$(BIN)/python docs/make_fragments.py
	@JAX_PLATFORMS=cpu $(BIN)/python docs/make_consoles.py
	@JAX_PLATFORMS=cpu $(BIN)/python docs/make_gallery.py
	@$(BIN)/sphinx-build -q -E -W --keep-going -b html docs docs/_build/html
	@echo "wrote docs/_build/html/index.html"

benchmark: .venv/benchmark.stamp  ## exported code against jax.jit, torch, autograd and an expert's NumPy: the tables of the docs
	@$(BIN)/python benchmarks/first_order.py
	@$(BIN)/python benchmarks/second_order.py
	@$(BIN)/python benchmarks/small.py

format: .venv/tools.stamp
	@$(BIN)/ruff check --fix-only --quiet $(SOURCES)
	@$(BIN)/ruff format $(SOURCES)

clean:
	rm -rf .venv out docs/_build docs/gallery .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

# The package with jax beside it; the versions are those of requirements-dev.txt.
.venv/package.stamp: pyproject.toml requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "symgrad needs Python 3.11 or later: make PYTHON=python3.12")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing symgrad into .venv"
	@$(PIP) --constraint requirements-dev.txt --editable '.[verify]'
	@touch $@

.venv/tools.stamp: .venv/package.stamp
	@echo "installing the test tools into .venv"
	@$(PIP) --requirement requirements-dev.txt
	@touch $@

.venv/docs.stamp: .venv/package.stamp requirements-docs.txt
	@echo "installing the tools for the site into .venv"
	@$(PIP) --requirement requirements-docs.txt
	@touch $@

.venv/benchmark.stamp: .venv/tools.stamp requirements-benchmark.txt
	@echo "installing what the exported code is timed against into .venv"
	@$(PIP) --requirement requirements-benchmark.txt
	@touch $@

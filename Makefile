# README's two commands are `make demo` and `make test`; both set up everything they need.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable

.PHONY: setup demo test goldens cassettes lint types docs wheel soak clean

setup: $(VENV)/.installed-dev

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info; v < (3, 11) and sys.exit("Ravelar needs Python 3.11 or newer, found %d.%d; name one: make PYTHON=python3.11 ..." % v[:2])'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed-base: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) .
	@touch $@

$(VENV)/.installed-%: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) '.[$*]'
	@touch $@

demo: $(VENV)/.installed-base
	$(BIN)/ravelar score examples/mixed.jsonl --out demo-rewards.jsonl --overwrite

test: setup
	$(BIN)/pytest

# Renders every prompt again from fixed inputs; the difference shows what models will read from now on.
goldens: setup
	$(BIN)/python -P tests/agents/goldens.py

# Lists the recorded exchanges that must be answered again, since their prompt has changed.
cassettes: setup
	$(BIN)/python -P tests/cassettes.py

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# mypy sees the folders as the one package `ravelar` through a tree of links.
types: setup
	rm -rf .cache/types && mkdir -p .cache/types/ravelar
	ln -s $(CURDIR)/api/* $(CURDIR)/agents $(CURDIR)/benchmark $(CURDIR)/graphs $(CURDIR)/tools $(CURDIR)/training .cache/types/ravelar/
	cd .cache/types && MYPYPATH=$(CURDIR)/.cache/types $(CURDIR)/$(BIN)/mypy --config-file $(CURDIR)/pyproject.toml

docs: $(VENV)/.installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --site-dir .cache/site

wheel: setup
	.ci/check_wheel.sh $(BIN)/python

# Half an hour of mixed load on the sandbox, workers killed at random; the report goes to standard output.
soak: setup
	$(BIN)/python -m ravelar.benchmark.sandbox_soak --minutes 30

clean:
	rm -rf .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist *.egg-info

# README's two commands are `make demo` and `make test`; both set up everything they need.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
EXTRAS ?= dev

.PHONY: setup demo test lint types wheel clean

setup: $(VENV)/.installed-$(EXTRAS)

$(VENV)/.installed-$(EXTRAS): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Ravelar needs Python 3.11 or newer, found " + sys.version.split()[0])'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[$(EXTRAS)]'
	touch $@

demo: EXTRAS = base
demo:
	@$(MAKE) --no-print-directory setup EXTRAS=dev
	$(BIN)/ravelar score examples/mixed.jsonl --out demo-rewards.jsonl --overwrite

test: setup
	$(BIN)/pytest

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# mypy sees the folders as the one package `ravelar` through a tree of links.
types: setup
	rm -rf .cache/types && mkdir -p .cache/types/ravelar
	ln -s $(CURDIR)/api/* $(CURDIR)/agents $(CURDIR)/benchmark $(CURDIR)/graphs $(CURDIR)/tools $(CURDIR)/training .cache/types/ravelar/
	cd .cache/types && MYPYPATH=$(CURDIR)/.cache/types $(CURDIR)/$(BIN)/mypy --config-file $(CURDIR)/pyproject.toml

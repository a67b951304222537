# README's two commands are `make demo` and `make test`; both set up everything they need.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable

.PHONY: setup setup-docs demo test goldens cassettes cards lint package public-names studio screenshots types docs wheel \
	audit licences constraints pythons soak load study mutants clean

setup: $(VENV)/.installed-dev
setup-docs: $(VENV)/.installed-docs

# With a new pip: the one that Python 3.11 brings takes twice as long.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info; v < (3, 11) and sys.exit("Ravelar needs Python 3.11 or newer, found %d.%d; name one: make PYTHON=python3.11 ..." % v[:2])'
	$(PYTHON) -m venv --upgrade-deps $(VENV)

$(VENV)/.installed-base: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) .
	@touch $@

$(VENV)/.installed-%: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) '.[$*]'
	@touch $@

demo: $(VENV)/.installed-base
	$(BIN)/ravelar score examples/mixed.jsonl --out demo-rewards.jsonl --overwrite

# Serves both graphs to LangGraph Studio; starts again when the code changes, and keeps its state in .langgraph_api/.
studio: $(VENV)/.installed-studio,acquire,openai
	$(BIN)/ravelar studio --folder . --reload

# The quick tests; SLOW=1 runs all. In two processes: PROCESSES=1 for one.
PROCESSES ?= 2
PYTEST := $(BIN)/pytest --numprocesses $(PROCESSES) --dist loadgroup

test: setup
	$(PYTEST) $(if $(SLOW),--slow)

# Pictures of the local page, of real runs; needs Chromium.
screenshots: setup
	$(BIN)/python -P tests/ui/screenshots.py

# Renders every prompt again from fixed inputs; the difference shows what models will read from now on.
goldens: setup
	$(BIN)/python -P tests/agents/goldens.py

# Writes the public names and their signatures again; each difference there is a promise changed (docs/versioning.md).
public-names: setup
	$(BIN)/python -P tests/api/public_names.py

# Lists the recorded exchanges that must be answered again, since their prompt has changed.
cassettes: setup
	$(BIN)/python -P tests/cassettes.py

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# Who reads sources without installing them sees the folders as the one package `ravelar` through a tree of links.
package:
	rm -rf .cache/package && mkdir -p .cache/package/ravelar
	ln -s $(CURDIR)/api/* $(CURDIR)/agents $(CURDIR)/benchmark $(CURDIR)/graphs $(CURDIR)/tools $(CURDIR)/training .cache/package/ravelar/

types: setup package
	cd .cache/package && MYPYPATH=$(CURDIR)/.cache/package $(CURDIR)/$(BIN)/mypy --num-workers 2 --config-file $(CURDIR)/pyproject.toml
	cd .cache/package && MYPYPATH=$(CURDIR)/.cache/package $(CURDIR)/$(BIN)/mypy --num-workers 2 --config-file $(CURDIR)/pyproject.toml \
		$(CURDIR)/tests/api/a_users_program.py $(filter-out %/trl_grpo.py,$(wildcard $(CURDIR)/examples/*.py)) # TRL is not typed

# Writes the cards of the built-in tools to docs/cards.md.
cards: setup
	$(BIN)/python -P tests/cards_page.py

docs: setup-docs package
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --site-dir .cache/site

# Builds, compares, installs and tries wheel and sdist; `make wheel DIST=dist` keeps them.
wheel: setup
	.ci/check_wheel.sh $(BIN)/python $(DIST)

# Known weaknesses of what is pinned; status 2 where they can't be looked up. pip-audit has an environment of its own.
audit: .cache/audit/bin/pip-audit
	@$< --version && $(PYTHON) .ci/audit.py $<

.cache/audit/bin/pip-audit:
	$(PYTHON) -m venv .cache/audit
	.cache/audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit

# Licences of what is pinned: copyleft and unknown ones; `make licences PAGE=docs/licences.md` writes the whole list.
licences: setup
	@$(BIN)/python -P .ci/licences.py $(if $(PAGE),--page $(PAGE))

# Resolves everything anew in an empty environment and pins what came of it; then run all tests, and look at the change.
constraints:
	.ci/constraints.sh $(PYTHON)

# The quick tests on each other Python that is found, in environments of their own: docs/release.md says what came of it.
pythons:
	.ci/pythons.sh

# Half an hour of mixed load on the sandbox, workers killed at random; the report goes to standard output.
soak: setup
	$(BIN)/python -m ravelar.benchmark.sandbox_soak --minutes 30

# The reward service beside plain functions, then its memory over ten minutes. docs/long-runs.md has results of all these.
load: setup
	$(BIN)/ravelar bench serve
	$(BIN)/ravelar bench serve --minutes 10

# All runs of the training study, some hours; a run that was stopped goes on. The report goes beside the rows.
study: setup
	$(BIN)/ravelar train study --out .cache/study --resume
	$(BIN)/ravelar train study --report --out .cache/study

# Changes gates, evidence, calibration, scoring and statistics, bit by bit, in a copy of the commit; the tests must
# notice. SAMPLE=30 tries at most so many changes of each module. A run that was stopped goes on.
mutants: setup $(VENV)/.installed-mutants
	$(BIN)/python -P .ci/mutants/run.py $(if $(SAMPLE),--sample $(SAMPLE)) $(if $(SEED),--seed $(SEED))
	$(BIN)/python .ci/mutants/report.py .cache/mutants --page docs/mutants.md

clean:
	rm -rf .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist *.egg-info

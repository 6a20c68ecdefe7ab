# apsi: `make help` lists what there is
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo test test-slow monitor check docs format bench clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

install: $(INSTALLED)  ## make .venv and install apsi with everything it needs

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install -q -e ".[dev]" -c constraints.txt
	@touch $@

demo: $(INSTALLED)  ## the main job on the sample photos, in minutes: prepare, train, evaluate, report
	$(RUN) run.py experiment=demo

test: $(INSTALLED)  ## the test suite, under 5 minutes on two cores
	$(RUN) -m pytest

monitor: $(INSTALLED)  ## Prometheus on this machine beside runs that were started with metrics_port=0
	$(RUN) deploy/monitor.py

test-slow: $(INSTALLED)  ## the tests that take minutes
	$(RUN) -m pytest -m slow -n 0

check: docs  ## format, lint, types, and that the site builds
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

docs: $(INSTALLED)  ## the pages of docs/ as a site, to be read without a network: site/index.html
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --strict --quiet

format: $(INSTALLED)  ## format and fix what can be fixed
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

bench: $(INSTALLED)  ## the speed claims; each prints JSON on its last line
	@for script in benchmarks/*.py; do echo "== $$script"; $(RUN) $$script || exit 1; done

clean:  ## remove .venv, prepared data, the site and caches; outputs stay
	rm -rf $(VENV) data site .mypy_cache .ruff_cache .pytest_cache .hypothesis

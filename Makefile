# Everything needs Python >= 3.11 and make; the rest is installed into .venv from the locks.
# `make up ARGS="--profile suncatcher_81 --satellites 1000"` hands its arguments to `orbitwin up`.

SHELL  := /bin/sh
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
            if $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
            then echo $$p; break; fi; done)
ARGS   ?= --profile suncatcher_81
VENV   := .venv
BIN    := $(VENV)/bin
UV     ?= uv
PACKAGES := orbitwin producers processors storage dashboards compose

.PHONY: help up test lint docs lock clean
.DELETE_ON_ERROR:

help:
	@echo "make up      the live twin, until Ctrl-C (installs itself into $(VENV) the first time)"
	@echo "make test    lint, then every test"
	@echo "make lint    ruff, mypy, import-linter"
	@echo "make docs    the pages and dashboards that are made from the code, anew"
	@echo "make lock    requirements/*.txt anew from pyproject.toml (needs uv)"
	@echo "make clean   remove $(VENV) and caches; a twin's data stays"

up: $(VENV)/.run
	@exec $(BIN)/orbitwin up $(ARGS)

test: lint
	@$(BIN)/python -m pytest -q --numprocesses 2

lint: $(VENV)/.test
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

docs: $(VENV)/.test
	@$(BIN)/python -m orbitwin.settings_reference > docs/settings.md
	@$(BIN)/python -m orbitwin.cli.reference > docs/cli.md
	@$(BIN)/python -m orbitwin.reference docs/vehicles
	@$(BIN)/python -m storage.reference > docs/tables.md
	@$(BIN)/python -m compose.questions > docs/sql.md.new && mv docs/sql.md.new docs/sql.md
	@$(BIN)/python -m dashboards

# --- the environment: a stamp a lock, so that a later start does nothing ------------------------

$(BIN)/python:
	@if [ -z "$(PYTHON)" ]; then \
	  echo "orbitwin needs Python 3.11 or newer, and none was found on PATH." >&2; \
	  echo "Install one, or name it: make up PYTHON=/path/to/python3.11" >&2; exit 1; fi
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "orbitwin needs Python 3.11 or newer; $(PYTHON) is not that. Name another:" \
	    "make up PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "$(PYTHON) has no venv module: install it (on Debian and Ubuntu the package" \
	    "python3-venv), then run make again." >&2; exit 1; }
	@echo "Creating $(VENV) with $$($(PYTHON) -V)"
	@$(PYTHON) -m venv $(VENV)

INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check

$(VENV)/.run: requirements/run.txt pyproject.toml | $(BIN)/python
	@echo "Installing the locked packages of $< into $(VENV)"
	@$(INSTALL) --require-hashes -r $<
	@$(INSTALL) --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q $(PACKAGES)
	@touch $@

$(VENV)/.test: requirements/test.txt $(VENV)/.run | $(BIN)/python
	@echo "Installing the locked packages of $< into $(VENV)"
	@$(INSTALL) --require-hashes -r $<
	@touch $@

# --- locks: hashes, and no address of any index --------------------------------------------------

COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
          --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

lock:
	@command -v $(UV) >/dev/null || { echo "make lock needs uv: pipx install uv" >&2; exit 1; }
	@$(COMPILE) pyproject.toml requirements/build.in --extra local --extra test \
	  $(LOCK_ARGS) -o requirements/test.txt
	@$(COMPILE) pyproject.toml requirements/build.in --extra local \
	  -c requirements/test.txt $(LOCK_ARGS) -o requirements/run.txt

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

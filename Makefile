# make studio     install what is missing and run the studio        PORT=8000 HOST=127.0.0.1 ARGS=--no-demo
# make test       the whole suite; its browser tests want a Chromium        ARGS="-k review"
# make check      style, types, the law of imports, missing migrations
# make soak       the long kill and fuzz runs
# make bench      list the benchmarks; ARGS=queue runs one
# make pins       write requirements*.txt anew from what is installed

SHELL := /bin/bash
.DEFAULT_GOAL := studio
.PHONY: studio install dev test check soak bench pins

# A Python that is new enough; PYTHON=/path/to/python3.12 chooses another.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v $$p; break; }; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input

studio: install
	@exec $(BIN)/python manage.py studio $(if $(HOST),--host $(HOST)) $(if $(PORT),--port $(PORT)) $(ARGS)

install: .venv/.installed

dev: .venv/.installed-dev

.venv/.installed: requirements.txt | .venv/bin/python
	@echo "Installing what the studio needs (the first time takes some minutes) …"
	$(PIP) install --quiet -r requirements.txt
	@touch $@

.venv/.installed-dev: requirements-dev.txt .venv/.installed
	$(PIP) install --quiet -r requirements-dev.txt
	@touch $@

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Seedbed needs Python 3.11 or newer, and none was found on PATH. \
	Install one (Debian: apt install python3 python3-venv), or name it: make studio PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "$(PYTHON) cannot make a virtual environment. \
	On Debian and Ubuntu: apt install python3-venv"; exit 1; }

PYTEST := $(BIN)/python -m pytest

# Browser tests have processes of their own: Playwright and Django's guard against asynchronous calls do not mix. Each has a
# server and a Chromium; without a Chromium they are skipped and say so. The others wait a part of their time, so that three share
# two cores, a file at a time: what is made once for a file is made once; whole studios come first, since nothing is as slow. Status 5 means that ARGS left nothing to run.
test: dev
	@failed=0; \
	$(PYTEST) tests/browser -m "not soak" -n 2 --dist worksteal $(ARGS) || { [ $$? = 5 ] || failed=1; }; \
	$(PYTEST) tests/studio tests --ignore=tests/browser -m "not soak" -n 3 --dist loadscope --no-loadscope-reorder $(ARGS) || { [ $$? = 5 ] || failed=1; }; \
	exit $$failed

check: dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run

soak: dev
	@failed=0; \
	$(PYTEST) tests/browser -m soak $(ARGS) || { [ $$? = 5 ] || failed=1; }; \
	$(PYTEST) tests --ignore=tests/browser -m soak $(ARGS) || { [ $$? = 5 ] || failed=1; }; \
	exit $$failed

bench: dev
	$(BIN)/python -m tests.bench $(ARGS)

pins: dev
	$(BIN)/python .ci/pins

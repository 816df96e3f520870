# Everything is done by `make run` and `make test`; `make install` is the step they share.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: run test install install-test lint types imports tests clean

run: install
	@$(BIN)/python -m bot run

test: lint types imports tests

install: .venv/installed

install-test: .venv/installed-test

lint: install-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install-test
	$(BIN)/mypy

imports: install-test
	$(BIN)/lint-imports

tests: install-test
	$(BIN)/pytest

clean:
	rm -rf .venv

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed. Name it: make run PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv .venv </dev/null

.venv/installed: .venv/bin/python pyproject.toml constraints.txt
	@echo "Installing into .venv; the first time takes some minutes" >&2
	@$(PIP) install --quiet --constraint constraints.txt --editable . </dev/null >&2
	@touch $@

.venv/installed-test: .venv/installed
	@$(PIP) install --quiet --constraint constraints.txt --editable ".[test]" </dev/null >&2
	@touch $@

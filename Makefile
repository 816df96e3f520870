# Everything is done by `make run` and `make test`; `make install` is the step they share.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

# `make evaluate EVAL_DATA=folder [AGAINST=earlier.json]` asks questions whose answers are known.
EVAL_FILES := golden.jsonl kazqad.kk.jsonl xquad.en.json xquad.ru.json

# `make bench` measures what an index of ARTICLES generated articles costs: for 10,000, the better part of an hour.
ARTICLES ?= 10000

.PHONY: run test transcripts evaluate evaluation-data bench install install-test lint types \
	imports tests clean

run: install
	@$(BIN)/python -m bot run

test: lint types imports tests

# Writes docs/: conversations with the bot in four languages, and a picture of them.
transcripts: install-test
	@$(BIN)/python tests/transcripts.py

evaluate: evaluation-data install
	@$(BIN)/python -m bot evaluate $(EVAL_FILES:%="$(EVAL_DATA)"/%) \
		--save evaluation/run.json --plot evaluation/run.png $(if $(AGAINST),--against "$(AGAINST)")

evaluation-data:
	@for file in $(EVAL_FILES); do test -f "$(EVAL_DATA)/$$file" || { \
		echo "Set EVAL_DATA to the folder of $(EVAL_FILES); '$(EVAL_DATA)/'$$file is missing." \
			"The sources: XQuAD by google-deepmind, KazQAD by IS2AI (its validation split);" \
			"golden.jsonl holds your own questions, see 'python -m bot evaluate --help'." >&2; \
		exit 1; }; done

bench: install
	@$(BIN)/python -m benchmarks.reindex $(ARTICLES) $(if $(KEEP),--keep "$(KEEP)") \
		$(if $(SAVE),--save "$(SAVE)")

install: .venv/installed

install-test: .venv/installed-test

lint: install-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install-test
	$(BIN)/mypy

imports: install-test
	$(BIN)/lint-imports

# Many tests wait for other processes, so two at once take little more than half the time.
tests: install-test
	$(BIN)/pytest -n 2 --dist loadfile

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

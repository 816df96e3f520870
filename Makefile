# Everything is done by `make run` and `make test`; `make install` is the step they share.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

# Some containers set this; each of the tests' many processes would then compile what it imports.
export PYTHONDONTWRITEBYTECODE :=

# `make evaluate EVAL_DATA=folder [AGAINST=earlier.json]` asks questions whose answers are known.
EVAL_FILES := golden.jsonl kazqad.kk.jsonl xquad.en.json xquad.ru.json

# `make bench-reindex` measures what an index of ARTICLES generated articles costs: for 10,000, the
# better part of an hour.
ARTICLES ?= 10000

# `make bench-scale` measures corpora of so many passages in both stores, two or three hours for these,
# and begins none that MINUTES would not be enough for; GO_ON=1 keeps what an earlier run has saved.
SIZES ?= 1000 10000 100000 1000000
MINUTES ?= 180

# `make soak` lasts so long; SOAK_SEED=number repeats what a run did.
SOAK_MINUTES ?= 10

CASES ?= 10000

.PHONY: audit fuzz run test transcripts evaluate evaluation-data bench bench-reindex bench-scale soak flood install \
	install-test lint types imports tests clean

run: install
	@$(BIN)/python -m bot run

# Tests also wait for things; the checks are done in that time, and count for less than a test.
test: install-test
	@$(MAKE) --no-print-directory --jobs 2 tests lint types imports

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

# Ours beside LangChain, txtai, Chroma and LlamaIndex, some 20 minutes; with EVAL_DATA=folder R@1 is
# of the mixed set. QUICK=1 only shows that it works. The peers have a place of their own.
bench: install-test .venv-bench/installed
	@PYTHONPATH=tests EVAL_DATA="$(EVAL_DATA)" $(BIN)/python -m benchmarks.compare \
		--peers .venv-bench/bin/python $(if $(QUICK),--quick) \
		--save "$(or $(SAVE),evaluation/bench.json)" --plot "$(or $(PLOT),evaluation/bench.png)"

# The bot, with people who ask and everything that goes wrong with Telegram, kills included.
soak: install-test
	@PYTHONPATH=tests $(BIN)/python -m benchmarks.soak --minutes $(SOAK_MINUTES) \
		$(if $(SOAK_SEED),--seed $(SOAK_SEED)) $(if $(SAVE),--save "$(SAVE)")

# 10,000 updates from 1,000 chats.
flood: install
	@$(BIN)/python -m benchmarks.flood

bench-reindex: install
	@$(BIN)/python -m benchmarks.reindex $(ARTICLES) $(if $(KEEP),--keep "$(KEEP)") \
		$(if $(SAVE),--save "$(SAVE)")

# QUICK=1 only shows that it works.
bench-scale: install-test
	@PYTHONPATH=tests $(BIN)/python -m benchmarks.scale $(if $(QUICK),--quick,$(SIZES)) \
		--minutes $(MINUTES) $(if $(GO_ON),--go-on) --save "$(or $(SAVE),evaluation/scale.json)" \
		--plot "$(or $(PLOT),evaluation/scale.png)"

install: .venv/installed

install-test: .venv/installed-test

lint: install-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive bot embeddings knowledge benchmarks

# What it has read is kept for the next time, where there is one.
types: install-test
	nice $(BIN)/mypy $(if $(CI),--cache-dir=/dev/null)

imports: install-test
	$(BIN)/lint-imports

# Many tests wait for other processes, so two at once take little more than half the time. Threads of
# theirs that wait for each other where every core is busy take many times what they do alone.
tests: export OMP_NUM_THREADS = 1
tests: install-test
	@# Tests run make themselves, which has nothing to do with this one.
	env -u MAKEFLAGS -u MAKELEVEL $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

# Known weaknesses in what is installed; says so where nobody can be asked for them.
audit: lint .venv/installed-audit
	@$(BIN)/python tests/audit.py constraints.txt

# Each parser and the whole bot, fed with CASES made-up inputs; `make test` does a few hundred.
fuzz: install-test
	@$(BIN)/python tests/fuzz.py $(CASES)

clean:
	rm -rf .venv .venv-bench

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed. Name it: make run PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv .venv </dev/null
	@# The pip that Python 3.11 brings takes half a minute longer to find out what to install.
	@$(PIP) install --quiet pip==25.3 </dev/null >&2

.venv/installed: .venv/bin/python pyproject.toml constraints.txt
	@echo "Installing into .venv; the first time takes some minutes" >&2
	@$(PIP) install --quiet --constraint constraints.txt --editable . </dev/null >&2
	@touch $@

# Nothing is compiled but what is imported, which saves a minute; a bot that may not write to its own
# folder, as under systemd, needs all of it compiled.
.venv/installed-test: .venv/bin/python pyproject.toml constraints.txt
	@echo "Installing into .venv what tests need as well; the first time takes some minutes" >&2
	@$(PIP) install --no-compile --quiet --constraint constraints.txt --editable ".[test]" </dev/null >&2
	@touch $@

.venv/installed-audit: .venv/installed-test
	@$(PIP) install --quiet --constraint constraints.txt --editable ".[audit]" </dev/null >&2
	@touch $@

.venv-bench/installed: .venv/bin/python pyproject.toml benchmarks/constraints.txt
	@echo "Installing what ours is compared with into .venv-bench; that takes some minutes" >&2
	@$(PYTHON) -m venv .venv-bench </dev/null
	@.venv-bench/bin/python -m pip --disable-pip-version-check install --quiet \
		--constraint benchmarks/constraints.txt --editable ".[bench]" </dev/null >&2
	@touch $@

# AI2. Python 3.11 or newer and make are all that has to be there.

PYTHON ?= python3
BIN := .venv/bin
UV := 0.13.9
# Compiled modules are kept, whatever the caller's shell says: without them every start takes twice as long.
unexport PYTHONDONTWRITEBYTECODE

SOAK_SECONDS ?= 600

.PHONY: help install up test coverage soak lint format types layers sql conformance crash migrations concurrency histories \
	schemathesis prism client \
	bench card lock clean
.DEFAULT_GOAL := help

## make help: this list
help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## make install: the virtual environment, from the lock file; nothing where it is up to date
install: .venv/installed

.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)")'
	@echo "Installing into .venv; the first time takes a minute or two."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV)
	$(BIN)/uv pip sync --python $(BIN)/python --require-hashes requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

## make up: start everything, here, until Ctrl-C (make up PROFILE=core starts less; see README.md)
up: install
	@$(BIN)/ai2 up $(if $(PROFILE),--profile $(PROFILE))

## make test: every check and every test, in two processes with a PostgreSQL each
test: install
	@$(MAKE) --no-print-directory --jobs 2 lint types layers sql
	$(BIN)/pytest --numprocesses 2 --dist loadfile

## make coverage: the same tests, traced: which lines none of them reaches (at least 85 % are), in twice the time
coverage: install
	$(BIN)/pytest --numprocesses 2 --dist loadfile --cov --cov-report=term

## make soak: broken files at every parser, ten minutes for each format (SOAK_SECONDS=60: one)
soak: install
	SOAK_SECONDS=$(SOAK_SECONDS) $(BIN)/pytest -s -p no:cacheprovider tests/soak

## make lint: the style of the Python
lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

## make format: lay the Python out, and mend what can be mended without a person
format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

## make types: the types
types: install
	$(BIN)/mypy

## make layers: who may import whom
layers: install
	$(BIN)/lint-imports

## make sql: the style of the SQL
sql: install
	$(BIN)/sqlfluff lint --processes 2 dbt_project/models

## make conformance: the score of the cases under tests/conformance, which any importer can be held to
conformance: install
	$(BIN)/python -m tests.conformance

## make crash: kill -9 at 51 random points of an import of 100,000 rows: all or nothing, and the next run completes it
crash: install
	AI2_CRASH_POINTS=17 AI2_CRASH_ROWS=100000 $(BIN)/pytest -q -s -p no:logging -o timeout=1800 tests/crash

## make migrations: down and up on 1,000,000 transactions in use, and the version before on the newer schema
migrations: install
	AI2_MIGRATION_ROWS=1000000 $(BIN)/pytest -q -s tests/migrations

## make concurrency: many at once: 1,000 keys repeated, 10,000 transfers, pages while rows arrive, servers killed
concurrency: install
	AI2_CONCURRENCY=whole $(BIN)/pytest -q -s -o timeout=3000 tests/concurrency

## make histories: 200 random histories of each model bank: after the last sync, books and bank agree to the cent
histories: install
	AI2_BANK_HISTORIES=200 $(BIN)/pytest -q -s -o timeout=3600 tests/connections/test_bank_histories.py

## make schemathesis: every operation of the API asked everything, in three roles (SCHEMATHESIS_EXAMPLES=20: sooner)
schemathesis: install
	$(BIN)/python -m tests.described

## make prism: our Plaid client against Plaid's own description, where it lies beside AI2_TEST_DATA, served by Prism
prism: install
	AI2_PRISM=1 $(BIN)/pytest -q -s tests/connections/test_plaid_prism.py

## make client: a typed Python client of the API, made from its description, into dist/
client: install
	$(BIN)/python -m clients.python dist

## make bench: the numbers of benchmarks/README.md, measured here
bench: install
	$(BIN)/python -m benchmarks

## make card: the model card, docs/reference/model-card.md, from the MLflow that `make up` runs here
card: install
	$(BIN)/ai2 model-card --out docs/reference/model-card.md

## make lock: choose the newest versions that pyproject.toml allows, and pin them with their hashes
lock: install
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--extra dev --upgrade --quiet pyproject.toml -o requirements.lock

## make clean: forget the virtual environment and the caches; data in .ai2 stays
clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage

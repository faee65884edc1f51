# Dali: every target installs what it needs, once. `make help` lists them.

.DEFAULT_GOAL := help
SHELL := /bin/sh

VENV := .venv
BIN := $(VENV)/bin
# What is installed is remembered by the checksum of its lock: the same lock is never installed twice.
RUN_STAMP := $(VENV)/.runtime-$(shell cksum < requirements.lock | cut -d ' ' -f 1)
DEV_STAMP := $(VENV)/.development-$(shell cksum < requirements-dev.lock | cut -d ' ' -f 1)
# The development lock holds all of the runtime lock, so either will do to run.
RUNTIME := $(if $(wildcard $(DEV_STAMP)),$(DEV_STAMP),$(RUN_STAMP))

PIP_INSTALL = $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --no-input --require-hashes -r

.PHONY: help demo run test check fmt bench lock

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

demo: $(RUNTIME) ## run a real job of the built-in provider and keep serving
	@$(BIN)/python manage.py demo $(DEMOFLAGS)

run: $(RUNTIME) ## serve on PORT (8000), with what is missing made first
	@$(BIN)/python manage.py serve

test: $(DEV_STAMP) ## run the tests (those that need services or a browser run where these are), or some: TESTFLAGS=tests/dali
	@$(BIN)/python -m pytest $(if $(findstring tests/,$(TESTFLAGS)),,--cov --cov-report=term:skip-covered) $(TESTFLAGS)

check: $(DEV_STAMP) ## format, lint, layers, types, migrations, settings and schema
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/mypy
	@$(BIN)/python manage.py makemigrations --check --dry-run
	@$(BIN)/python manage.py describe_settings --check
	@env DALI_SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(60))') \
		DALI_PUBLIC_ORIGIN=https://dali.example.com DALI_ALLOWED_HOSTS=dali.example.com \
		DATABASE_URL=postgresql://dali@127.0.0.1/dali REDIS_URL=redis://127.0.0.1:6379/0 \
		$(BIN)/python manage.py check --deploy --fail-level WARNING
	@$(BIN)/python manage.py spectacular --validate --fail-on-warn --file /dev/null

fmt: $(DEV_STAMP) ## put the code into shape
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(DEV_STAMP) ## measure against the practical limits, one table each
	@$(BIN)/python -m tests.bench

lock: $(DEV_STAMP) ## choose versions anew and write both lock files
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--no-emit-index-url --no-emit-find-links --extra dev pyproject.toml -o requirements-dev.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--no-emit-index-url --no-emit-find-links -c requirements-dev.lock pyproject.toml -o requirements.lock

$(BIN)/python:
	@python=$$(for name in $(PYTHON) python3.11 python3 python3.12 python3.13; do \
		"$$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null \
			&& echo "$$name" && break; done); \
	if [ -z "$$python" ]; then \
		echo "Dali needs Python 3.11 (3.12 and 3.13 will do): install it, or name it as in 'make $(MAKECMDGOALS) PYTHON=/path/to/python3.11'." >&2; \
		exit 1; \
	fi; \
	echo "Making $(VENV) with $$("$$python" --version)."; \
	"$$python" -m venv $(VENV)

$(RUN_STAMP): | $(BIN)/python
	@echo "Installing what Dali runs on (once) ..."
	@$(PIP_INSTALL) requirements.lock
	@rm -f $(VENV)/.runtime-* && touch $@

$(DEV_STAMP): | $(BIN)/python
	@echo "Installing what Dali is developed with (once) ..."
	@$(PIP_INSTALL) requirements-dev.lock
	@rm -f $(VENV)/.development-* && touch $@

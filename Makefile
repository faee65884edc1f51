# Dali. Every target first installs what it needs, once. `make help` lists the targets.

.DEFAULT_GOAL := help
SHELL := /bin/sh

VENV := .venv
BIN := $(VENV)/bin
# The environment belongs to one set of lock files. It is built again if it is unfinished, if the lock files have changed or
# if its Python is gone.
LOCKS := $(shell cat requirements.lock requirements-dev.lock | cksum | cut -d ' ' -f 1)
MADE := $(VENV)/.made-$(LOCKS)
RUN_STAMP := $(VENV)/.runtime-$(LOCKS)
DEV_STAMP := $(VENV)/.development-$(LOCKS)
# Holds the id of the installing process. If that process is gone, the environment is incomplete.
UNFINISHED := $(VENV)/.unfinished
ifeq ($(shell { test -e $(MADE) && test ! -e $(UNFINISHED) && $(BIN)/python -c 'import pip'; } 2>/dev/null && echo whole),whole)
# The development lock contains the whole runtime lock, so either one is enough to run.
RUNTIME := $(if $(wildcard $(DEV_STAMP)),$(DEV_STAMP),$(RUN_STAMP))
else
RUNTIME := $(RUN_STAMP)
.PHONY: $(MADE) $(RUN_STAMP) $(DEV_STAMP)
endif

COMPILE = $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	--no-emit-index-url --no-emit-find-links --only-binary :all:

.PHONY: help demo run test test-rest test-all check fmt bench lock

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' Makefile

demo: $(RUNTIME) ## run a real job with the built-in provider, then keep serving
	@$(BIN)/python manage.py demo $(DEMOFLAGS)

run: $(RUNTIME) ## serve on PORT (default 8000); migrate and seed first if needed
	@$(BIN)/python manage.py serve

# Tests run in parallel processes; `TESTFLAGS=-n0` runs them in one.
PYTEST = $(BIN)/python -m pytest -n auto

test: $(DEV_STAMP) ## run the tests that start no server; a part: TESTFLAGS=tests/dali
	@$(PYTEST) --dist worksteal -m "not rest" $(TESTFLAGS)

test-rest: $(DEV_STAMP) ## run the tests that start servers, kill processes or drive a browser
	@$(PYTEST) --dist loadgroup --no-loadscope-reorder -m rest $(TESTFLAGS)

test-all: test test-rest ## run all tests

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

fmt: $(DEV_STAMP) ## format the code and apply automatic fixes
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(DEV_STAMP) ## run the benchmarks, one table each
	@$(BIN)/python -m tests.bench

lock: $(DEV_STAMP) ## resolve versions again and write the lock files
	@$(COMPILE) --extra dev --extra uvicorn -o requirements-dev.lock
	@$(COMPILE) -c requirements-dev.lock -o requirements.lock
	@$(COMPILE) -c requirements-dev.lock --extra uvicorn -o requirements-uvicorn.lock

$(MADE):
	@if kill -0 "$$(cat $(UNFINISHED) 2>/dev/null)" 2>/dev/null; then \
		echo "Another make is installing into $(VENV). Wait until it has finished." >&2; \
		exit 1; \
	fi; \
	python=$$(for name in $(PYTHON) python3.11 python3; do \
		"$$name" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null \
			&& echo "$$name" && break; done); \
	if [ -z "$$python" ]; then \
		echo "Dali needs Python 3.11: install it, or pass its path: 'make $(MAKECMDGOALS) PYTHON=/path/to/python3.11'." >&2; \
		exit 1; \
	fi; \
	echo "Creating $(VENV) with $$("$$python" --version)."; \
	rm -rf $(VENV) && "$$python" -m venv $(VENV) && touch $@ || { rm -rf $(VENV); exit 1; }

# Nothing is resolved here: the lock file names every distribution, and `pip check` proves that it is complete. Only wheels
# are installed, because a build from source would resolve its own requirements.
INSTALL = @echo $$$$ > $(UNFINISHED); \
	$(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --no-input \
		--no-deps --only-binary :all: --require-hashes -r $(1) || exit 1; \
	found=$$($(BIN)/python -m pip check --disable-pip-version-check) || { echo "$$found" >&2; exit 1; }; \
	touch $@ && rm $(UNFINISHED)

$(RUN_STAMP): | $(MADE)
	@echo "Installing the runtime dependencies (once) ..."
	$(call INSTALL,requirements.lock)

$(DEV_STAMP): | $(MADE)
	@echo "Installing the development dependencies (once) ..."
	$(call INSTALL,requirements-dev.lock)

# Holdstill. `make` alone prints what there is. Nothing here asks a question, and nothing here is slow the second time.
SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV   := .venv
BIN    := $(VENV)/bin
PY     := $(BIN)/python
NPM    := npm
STAMPS := $(VENV)/.stamps
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
APT    := DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -qq
UNIT   := tests/trust tests/storage tests/test_architecture.py tests/test_supply.py tests/test_documents.py
# Where it is set, each start of a program compiles anew all that it imports: three seconds more for each of a hundred starts.
unexport PYTHONDONTWRITEBYTECODE
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export npm_config_fund := false
export npm_config_audit := false
export npm_config_update_notifier := false

.PHONY: help demo run test check bench verifier setup system node-version extension \
	lint lint-ruff lint-format lint-types lint-js test-js test-unit lock

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' Makefile | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

demo: setup extension ## the whole chain once: browser, capture, receipts, bundle, offline verification
	@$(PY) -m tests.e2e.demo

run: setup extension ## the service for daily use, on http://127.0.0.1:8443, with its data in ./data
	@$(BIN)/holdstill serve

test: setup extension ## everything: linters, unit, services, browsers, live processes
	@$(MAKE) -j3 --output-sync=target lint test-js
	@$(PY) -m pytest -n 2

check: setup extension ## the quick part: linters, types, floors, unit tests (under a minute)
	@$(MAKE) -j3 --output-sync=target test-unit lint test-js

bench: setup extension ## every benchmarks/bench_*.py, with its goals
	@$(PY) -m benchmarks.run

verifier: setup ## dist/holdstill-verify.pyz, the offline verifier in one file
	@$(PY) -m server.zipapp dist/holdstill-verify.pyz

# --- what the targets above need; each is quick when it has nothing to do ---

setup: system $(STAMPS)/python $(STAMPS)/node server/web/player/ui.js

# The longest first, here and in `check`: what starts last runs alone. The import floors are a test of tests/test_architecture.py.
lint: lint-types lint-js lint-ruff lint-format
lint-ruff:
	@$(BIN)/ruff check --quiet .
lint-format:
	@$(BIN)/ruff format --quiet --check .
lint-types:
	@$(BIN)/mypy --no-error-summary
lint-js:
	@$(NPM) run --silent check
test-js:
	@$(NPM) run --silent test
test-unit:
	@$(PY) -m pytest -q -m "not postgres and not seaweedfs and not browser and not live" $(UNIT)

extension: $(STAMPS)/node
	@$(NPM) run --silent build

LOCK := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links --python-version 3.11 \
	--custom-compile-command "make lock"
lock: # the lock files anew; the second is the first without the development tools, the others are programs that only tests run
	@$(LOCK) --group dev pyproject.toml -o requirements.lock
	@$(LOCK) pyproject.toml -c requirements.lock -o requirements-run.lock
	@$(LOCK) tests/e2e/pywb.in -o tests/e2e/pywb.lock
	@for one in tests/validators/*.in; do $(LOCK) $$one -o $${one%.in}.lock || exit 1; done

system: node-version
	@missing=""; \
	command -v chromium >/dev/null 2>&1 || missing="$$missing chromium"; \
	command -v firefox-esr >/dev/null 2>&1 || missing="$$missing firefox-esr"; \
	command -v openssl >/dev/null 2>&1 || missing="$$missing openssl"; \
	command -v age >/dev/null 2>&1 || missing="$$missing age"; \
	[ -d /usr/share/fonts/truetype/dejavu ] || missing="$$missing fonts-dejavu-core"; \
	[ -x $(PY) ] || { [ -n "$(PYTHON)" ] && $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; } || missing="$$missing python3 python3-venv"; \
	[ -z "$$missing" ] && exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
		echo "==> installing$$missing"; \
		$(APT) update && $(APT) install -y --no-install-recommends $$missing >/dev/null </dev/null; \
	else \
		echo "Holdstill needs these Debian packages:$$missing" >&2; \
		echo "Install them with:  apt-get install$$missing" >&2; exit 1; \
	fi

node-version:
	@v=$$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0); \
	if [ "$$v" -lt 20 ] || ! command -v npm >/dev/null 2>&1; then \
		echo "Holdstill needs Node.js 20 or newer with npm (found: $$(node --version 2>/dev/null || echo none))." >&2; exit 1; \
	fi

$(STAMPS)/venv: | system
	@p="$(PYTHON)"; [ -n "$$p" ] || p=python3; \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Holdstill needs Python 3.11 or newer (found: $$($$p --version 2>&1))." >&2; exit 1; }; \
	[ -x $(PY) ] || { echo "==> creating $(VENV)"; $$p -m venv $(VENV); }
	@mkdir -p $(STAMPS) && touch $@

# uv is itself pinned by hash in requirements.lock; without it pip installs the same list, only slower.
$(STAMPS)/python: requirements.lock pyproject.toml $(STAMPS)/venv
	@echo "==> installing the Python packages of requirements.lock"
	@awk '/^[a-z0-9]/ {on = /^uv==/} on' requirements.lock >$(STAMPS)/uv.txt
	@[ -x $(BIN)/uv ] || $(PY) -m pip install --quiet --require-hashes -r $(STAMPS)/uv.txt || true
	@if [ -x $(BIN)/uv ]; then \
		VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --require-hashes -r requirements.lock; \
	else \
		$(PY) -m pip install --quiet --require-hashes -r requirements.lock; \
	fi
	@$(PY) -m pip --version >/dev/null 2>&1 || $(PY) -m ensurepip >/dev/null
	@$(PY) -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

# The player for replays: AGPL files that stay as they are, beside this program, served from an origin of their own.
server/web/player/ui.js: tools/fetch-player.mjs | node-version
	@echo "==> fetching the replay player"
	@node tools/fetch-player.mjs server/web/player && touch $@

$(STAMPS)/node: package-lock.json package.json $(STAMPS)/venv
	@echo "==> installing the Node packages of package-lock.json"
	@$(NPM) ci --silent --no-progress </dev/null
	@touch $@

# Everything runs in the environments that `setup` makes; nothing else needs installing first.
PYTHON ?= python3
VENV := .venv/bin
SOURCES := runtime constructs tests requirements
NPM := requirements/npm
# jsii, which runs the CDK, takes this Node: the machine's own may be missing or past its end of life.
export JSII_NODE ?= $(CURDIR)/.venv/bin/node
# `make test ONLY=3.12` takes this Python and no other; by default all that the machine has.
ONLY ?=
# `make test MARKS='not once'` runs the tests with these marks alone, as pytest's -m does.
MARKS ?=

.DEFAULT_GOAL := help
.PHONY: $(shell sed -n 's/^\([a-z-]*\):.*/\1/p' $(MAKEFILE_LIST))

help: ## Show the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 17

setup: ## Make .venv and install the Node tools (quick when nothing changed)
	@$(call bootstrap,$(if $(ONLY),--python $(ONLY)))

setup-all: ## The same, and .venvs/<version> for every other supported Python here
	@$(call bootstrap,$(if $(ONLY),--python $(ONLY),--all-pythons))

demo: setup ## Synthesize the demo app, run it for real, show its traces
	@$(VENV)/lambda-otel demo -o .cache/demo

test: setup-all check ## Check, then run all tests on every supported Python here; ONLY=3.13 on one
	@set -e; marks="not matrix and not phoenix and not libraries$(if $(MARKS), and ($(MARKS)))"; \
	for python in $(VENV)/python $(if $(ONLY),,$$(ls -d .venvs/*/bin/python 2>/dev/null)); do \
	  echo "pytest on $$($$python --version)"; \
	  $$python -m pytest -n 2 -m "$$marks"; \
	  marks="$$marks and not once"; \
	done

# Installs some hundred packages from the index, the newest among them.
matrix: setup ## Run functions with each set of OpenTelemetry packages that their code may hold
	$(VENV)/python -m pytest -n 2 -m matrix tests/layer

# One worker runs all modes of a library: what it answers bare is found out once.
libraries: setup ## Run functions of third-party libraries in each mode beside the same ones bare
	$(VENV)/python -m pytest -n 2 --dist loadgroup -m libraries tests/libraries

oldest: setup ## Run the runtime's tests with the oldest OpenTelemetry that pyproject.toml declares
	@set -e; python=$$($(VENV)/python requirements/oldest.py); \
	$$python -m pytest -n 2 -m "not matrix and not newest" tests/runtime

phoenix: setup ## Send the forwarder's spans to a real receiver, arize-phoenix
	@test -x .cache/phoenix/bin/phoenix || { $(VENV)/python -m venv .cache/phoenix && \
	  .cache/phoenix/bin/pip install -q arize-phoenix==20.26.1; }
	$(VENV)/python -m pytest -n 0 -m phoenix tests/e2e

# BEFORE=FOLDER measures another layer in the same run: that of an older commit, as
# `lambda-otel layer -o FOLDER` builds it there.
bench: setup ## Measure tracing beside its peers; SAVE=--save keeps figures and plots
	$(VENV)/python -m tests.benchmarks $(SAVE) $(if $(BEFORE),--before $(BEFORE))
	@$(if $(SAVE),$(VENV)/python -m tests.costs)

# With nothing kept from before: what is built once for all runs is built in this one.
coverage: setup ## Say which branches no test takes; fail where a package is below 95 %
	@rm -rf .cache/coverage
	XDG_CACHE_HOME=$(CURDIR)/.cache/coverage UV_CACHE_DIR="$${UV_CACHE_DIR:-$$HOME/.cache/uv}" \
	  $(VENV)/python -m pytest -q -n 2 --cov --cov-report= --ignore=tests/benchmarks
	@$(VENV)/python -m tests.branches

bench-forwarder: setup ## Measure the forwarder against decoding and encoding
	@$(VENV)/python -m tests.benchmarks.forwarder

bench-lines: setup ## Measure what a log line is made of
	@$(VENV)/python -m tests.benchmarks.lines

bench-synth: setup ## Measure what telemetry adds to the synth of a fleet
	$(VENV)/python -m tests.benchmarks.synth

check: setup javascript ## Check formatting, lint and types
	$(VENV)/ruff format --check $(SOURCES)
	$(VENV)/ruff check $(SOURCES)
	$(VENV)/mypy $(SOURCES)
	$(VENV)/node requirements/npm/node_modules/pyright/index.js

PROPERTIES := constructs/lambda_otel_lite_cdk/_function_properties.py
types: setup ## Write the types of a function's properties, from the oldest aws-cdk-lib
	@set -e; mkdir -p .cache; python=$$($(VENV)/python requirements/oldest.py); \
	$$python requirements/function_properties.py > .cache/properties.py; \
	$(VENV)/ruff format --quiet .cache/properties.py; \
	mv .cache/properties.py $(PROPERTIES)

javascript: setup ## Lint the report's JavaScript and check its types
	$(VENV)/node $(NPM)/node_modules/oxlint/bin/oxlint --config $(NPM)/oxlintrc.json --deny-warnings \
	  constructs/lambda_otel_lite_cdk/cli/traces/page
	$(VENV)/node $(NPM)/node_modules/typescript/bin/tsc --project $(NPM)

format: setup ## Format the code and fix what lint can fix
	$(VENV)/ruff format $(SOURCES)
	$(VENV)/ruff check --fix $(SOURCES)

# Pins stay as they are while they satisfy their inputs; `make lock UPGRADE=--upgrade` renews them.
COMPILE = .cache/uv/bin/uv pip compile --quiet --universal --python-version 3.12 \
  --python $(VENV)/python --generate-hashes --no-header --no-emit-index-url $(UPGRADE)
lock: setup ## Write every lock file from its inputs
	$(COMPILE) pyproject.toml --extra cdk --extra otlp-http --extra dev -o requirements/dev.txt
	@set -e; for input in requirements/uv.in requirements/libraries.in requirements/elsewhere.in requirements/bench/*.in constructs/lambda_otel_lite_cdk/locks/*.in; do \
	  test ! -e "$$input" || $(COMPILE) "$$input" -o "$${input%.in}.txt"; \
	done
	$(VENV)/node $(VENV)/npm-cli.js install --package-lock-only --prefix $(NPM)

bench-decode: setup ## Measure the streaming of a million log lines
	@$(VENV)/python -m tests.benchmarks.decode_stream

docs: setup ## Write the tables of docs and HAZARDS, what docstrings say, and the site in .cache/docs
	@$(VENV)/python -m tests.documentation
	@$(VENV)/python -m tests.forwarder.documentation
	@$(VENV)/python -m tests.hazards
	@$(VENV)/python -m tests.costs
	@$(VENV)/python -m tests.reference

pictures: setup chromium ## Draw README's pictures of the demo again
	$(VENV)/python -m tests.pictures

# Debian's, where this is root on a machine with apt; elsewhere the tests that need it are skipped.
chromium: ## Install the Chromium that the report's tests and pictures need
	@set -e; test -z "$$CHROMIUM" || exit 0; \
	for name in chromium chromium-browser google-chrome; do \
	  ! command -v $$name >/dev/null || exit 0; \
	done; \
	if test "$$(id -u)" = 0 && command -v apt-get >/dev/null; then \
	  apt-get update -qq; \
	  DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends \
	    chromium fonts-noto-core >/dev/null; \
	else echo "chromium: install Chromium, or set CHROMIUM to its program" >&2; exit 2; fi

build: setup ## Build the wheel and the sdist into dist/
	rm -rf dist
	$(VENV)/python -m build --no-isolation

check-wheel: build ## Build, and try wheel and sdist in environments of their own
	$(VENV)/python -m pytest -q tests/packaging/test_distribution.py tests/packaging/test_wheel.py --built dist

clean: ## Remove everything that was made
	rm -rf .venv .venvs .cache dist cdk.out $(NPM)/node_modules
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage*

define bootstrap
command -v $(PYTHON) >/dev/null || { echo "setup: $(PYTHON) is missing; install Python 3.11 or newer" >&2; exit 2; }; \
$(PYTHON) requirements/bootstrap.py $(1)
endef

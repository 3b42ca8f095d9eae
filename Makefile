# Everything a contributor or CI runs. Needs Python >= 3.11, make and git; the rest is set up under .venv on first use.

PYTHON_DEV  := .venv/dev/bin/python
PYTHON_DEMO := .venv/demo/bin/python
WORKERS     ?= 2

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Kept out of the recipes: with it every start would compile every module again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help:  ## List these targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

.PHONY: demo
demo: venv-demo  ## Show the driver on two simulated arrays (KEEP=1 leaves everything running)
	@$(PYTHON_DEMO) -m deploy.demo

.PHONY: check
check: venv-dev  ## Linters, types, import contracts, house rules and unit tests: under a minute
	@$(MAKE) -k -j $(WORKERS) --output-sync=target check-tests check-types check-style check-imports

.PHONY: test
test: venv-dev  ## Every test but the slow ones: under five minutes
	@echo "Running every test"
	@$(PYTHON_DEV) -m pytest -q -n $(WORKERS) --dist loadfile --durations=10 -m "not slow" tests

.PHONY: test-crashes
test-crashes: venv-dev  ## The controller killed at every array call of every RPC: minutes
	@echo "Killing the controller at every array call"
	@$(PYTHON_DEV) -m pytest -q -n $(WORKERS) --dist worksteal -m slow tests/robustness

.PHONY: lint
lint: venv-dev  ## The part of check that runs no tests; FIX=1 lets ruff repair what it can
	@$(if $(FIX),$(PYTHON_DEV) -m ruff check --fix . && $(PYTHON_DEV) -m ruff format .)
	@$(MAKE) -k -j $(WORKERS) --output-sync=target check-types check-style check-imports

.PHONY: proto
proto: venv-dev  ## Generate csi/spec from proto/
	@echo "Generating csi/spec from proto/"
	@$(PYTHON_DEV) proto/generate.py

.PHONY: pins
pins: venv-dev  ## Resolve pyproject.toml again into requirements/*.txt
	@echo "Resolving pyproject.toml"
	@$(PYTHON_DEV) deploy/setup/pins.py

.PHONY: clean
clean:  ## Remove the virtual environments and every cache
	@echo "Removing .venv and the caches"
	@rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist build
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The parts of `check`, run side by side.
.PHONY: check-tests check-types check-style check-imports
check-tests:
	@echo "House rules and unit tests"
	@$(PYTHON_DEV) -m pytest -q -n $(WORKERS) tests/tidy tests/unit

check-types:
	@echo "Types"
	@$(PYTHON_DEV) -m mypy

check-style:
	@echo "Style"
	@$(PYTHON_DEV) -m ruff check . && $(PYTHON_DEV) -m ruff format --check .

check-imports:
	@echo "Import contracts"
	@.venv/dev/bin/lint-imports --no-logo

.PHONY: venv-dev venv-demo
venv-dev venv-demo: venv-%:
	@sh deploy/setup/venv.sh $*

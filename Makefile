# Everything a newcomer types. Only python3 (3.10 or newer) and make are assumed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
LOCKS := requirements.txt tests/requirements.txt
UV := uv==0.13.9

# Without its cache every process that a test starts would compile the function anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo serve check test test-slow simulation fuzz mutants bench bench-compare lint format lock package build-Remediator clean
.SUFFIXES:

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r name text; \
	do printf '  make %-13s %s\n' "$$name" "$$text"; done

demo: $(READY) ## watch alarms restart, and a schedule purge, instances of a local fake cloud
	@$(BIN)/python -m demo

serve: $(READY) ## leave the fake cloud and the function running, and print curl lines to try
	@$(BIN)/python -m demo --serve

check: lint ## the fast loop: linters, types, import contract and unit tests
	$(BIN)/python -m pytest -n auto tests/unit tests/test_architecture.py function

test: lint ## every linter and type check, and all tests but the slow ones, with branch coverage
	$(BIN)/python -m pytest -n auto -m 'not slow' --cov --cov-report=term

test-slow: $(READY) ## the tests that build packages, play the simulation or measure, and more examples
	$(BIN)/python -m pytest -n auto -m 'slow or hypothesis' --hypothesis-profile=thorough

simulation: $(READY) ## play hours of alarms against copies of the function, and print the tally
	@$(BIN)/python -m tests.simulation

fuzz: $(READY) ## throw events and faults at the function for a minute, and look for a second POST
	@$(BIN)/python -m tests.fuzz

mutants: $(READY) ## change what judges, bit by bit, and list the changes that no test notices
	@rm -rf mutants
	@$(BIN)/mutmut run >/dev/null
	@$(BIN)/mutmut results

bench: $(READY) ## measure what an event costs, beside its rivals, in about five minutes
	@$(BIN)/python -m benchmarks run

bench-compare: $(READY) ## set two runs side by side: make bench-compare OLD=a.json NEW=b.json
	@$(BIN)/python -m benchmarks compare $(OLD) $(NEW)

lint: $(READY) ## ruff, mypy and the import contract
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(READY) ## let ruff put the code in order
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# The hosts and paths of one machine stay out of the locks. Extras stay in: without them pip's hash
# mode rejects `coverage[toml]` as soon as a release newer than the pinned one exists.
COMPILE = $(VENV)-lock/bin/uv pip compile --quiet --upgrade --universal --python-version 3.10 \
	--no-strip-extras --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock'

lock: ## pin the newest versions pyproject.toml allows, with hashes, for Python 3.10 and later
	@$(PYTHON) -m venv --clear $(VENV)-lock
	@$(VENV)-lock/bin/python -m pip install --quiet --disable-pip-version-check $(UV)
	$(COMPILE) pyproject.toml --output-file requirements.txt
	$(COMPILE) --group test --constraint requirements.txt --output-file tests/requirements.txt
	@rm -rf $(VENV)-lock

package: $(READY) ## build the zip for FunctionGraph; TARGET=3.10 chooses the Python
	@$(BIN)/python -m deploy.package $(addprefix --python ,$(TARGET))

# `sam build` calls this in a copy of the tree, for the function of this name in template.yaml. No
# virtual environment is made there: the Python of Lambda's runtime builds for itself.
LAMBDA_PYTHON ?= 3.12
build-Remediator:
	@python$(LAMBDA_PYTHON) -m deploy.package --python $(LAMBDA_PYTHON) --lambda "$(ARTIFACTS_DIR)"

clean: ## remove the virtual environment and every cache
	rm -rf $(VENV) $(VENV)-lock mutants .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): $(LOCKS) tests/cloudevents2.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 10) or sys.exit("Python 3.10 or newer is needed, this is " + sys.version.split()[0] + "; try: make PYTHON=python3.12")'
	@echo 'Setting up $(VENV) (once, and again when a requirement changes)'
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes \
		$(addprefix --requirement ,$(LOCKS))
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
		--target $(VENV)/cloudevents2 --requirement tests/cloudevents2.txt
	@touch $@

# The commands of this repository; `make` alone lists them.
# Needed before: git, make, python3, and either Java 17 with Maven or (RUNTIME=docker) Docker. The rest is fetched.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

UV := .tools/bin/uv
BIN := .venv/bin
RUNTIME ?= local
PYTEST ?=
SYNC := $(UV) sync --frozen --all-groups --quiet
say = @printf '\033[1m== %s\033[0m\n' "$(1)"
export RUNTIME
# The tools of uv.lock before those of the machine: Node for the AsyncAPI parser is one of them.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help demo up down reset status check test test-long test-real simulate bench format docs install clean

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: install ## Start everything, settle ORDERS=1000 sample orders, audit, stop (RUNTIME=docker: in containers)
	@$(BIN)/weir demo --orders $(or $(ORDERS),1000)

up: install ## Start the cluster and leave it running
	@$(BIN)/weir up

down: install ## Stop the cluster; its data stays
	@$(BIN)/weir down

reset: install ## Stop the cluster and delete its data, having asked
	@$(BIN)/weir reset

status: install ## Show what runs, where, and whether it is ready
	@$(BIN)/weir status

check: install ## Format, lint, types, import contracts: the first part of `make test`
	$(call say,format)
	@$(BIN)/ruff format --check .
	$(call say,lint)
	@$(BIN)/ruff check .
	$(call say,types)
	@$(BIN)/mypy services shared deploy tests
	$(call say,import contracts)
	@$(BIN)/lint-imports --no-logo

test: check ## All that CI runs: check, then every test on the real engines (PYTEST='-k word' for some)
	$(call say,tests)
	@$(BIN)/pytest -m 'not long' $(PYTEST)

test-long: install ## Kill services 120 times under load, with every outage, for 20 minutes; then long tests and the bench (WEIR_CHAOS_SEED=…)
	@mkdir -p .weir
	@WEIR_CHAOS_RESULT='$(CURDIR)/.weir/chaos.json' $(BIN)/pytest -m long -s tests/chaos
	@$(BIN)/python -m tests.chaos.report .weir/chaos.json
	$(call say,interleavings of splits and refunds and chargebacks)
	@$(BIN)/pytest -m long tests/split
	$(call say,100 000 orders with progress and refunds and failures and chargebacks)
	@$(BIN)/pytest -m long -s tests/mixed
	$(call say,the bench itself)
	@$(BIN)/pytest -m long tests/bench

test-real: install ## Settle the real orders of FILE=orders.jsonl.gz and compare every seller (not in the repository)
	@test -n '$(FILE)' || { echo 'name the file: make test-real FILE=orders.jsonl.gz' >&2; exit 2; }
	@WEIR_REAL_FILE='$(abspath $(FILE))' $(BIN)/pytest tests/real

simulate: install ## Run SEEDS=4000 schedules of the simulation, or SEED=n again with its trace (BUG=name plants one)
	@$(BIN)/python -m tests.simulation $(if $(SEED),--seed $(SEED)) $(if $(SEEDS),--seeds $(SEEDS)) \
		$(if $(FIRST),--first $(FIRST)) $(if $(BUG),--bug $(BUG))

bench: install ## Measure speed on a cluster of its own (SCENARIO=capacity|floor|rate|… RATE= SECONDS= JSON=file)
	@$(BIN)/python -m tests.bench $(SCENARIO) $(if $(RATE),--rate $(RATE)) $(if $(SECONDS),--seconds $(SECONDS)) \
		$(if $(WARMUP),--warmup $(WARMUP)) $(if $(WINDOW),--window $(WINDOW)) $(if $(ORDERS),--orders $(ORDERS)) \
		$(if $(JSON),--json $(JSON)) $(if $(KEEP),--keep)

format: install ## Format the code and mend what the linter can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

docs: install ## Write the generated documents again
	@$(BIN)/python -m shared.messages.docs
	@$(BIN)/python -m shared.profiles.docs
	@$(BIN)/python -m ops.manual

install: .venv/.installed ## Fetch what is missing: uv, Python, every package of uv.lock

# Again when a dependency changes. uv keeps its downloads outside the clone, so a second clone is fast.
# Where no Python 3.13 is to be had, 3.12 is good enough.
.venv/.installed: uv.lock pyproject.toml $(wildcard shared/pyproject.toml services/*/pyproject.toml deploy/*/pyproject.toml) | $(UV)
	$(call say,installing the packages of uv.lock)
	@$(SYNC) || { echo 'trying with Python 3.12' >&2; $(SYNC) --python 3.12; }
	@touch $@

$(UV):
	$(call say,installing uv into .tools)
	@python3 -m venv .tools || { echo 'python3 with its venv package (Debian: python3-venv) is needed' >&2; exit 1; }
	@.tools/bin/pip install --quiet --disable-pip-version-check 'uv>=0.13,<0.14'

clean: ## Delete what was installed and generated in this clone; the cluster's data stays
	@rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

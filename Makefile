# What a newcomer types. `make help` lists it. Make hands variables of its command line on in the environment.
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SOURCES := bus producer consumers airflow_integration
TYPED := $(SOURCES) local_servers demo benchmarks scripts tests

.DEFAULT_GOAL := help
.PHONY: help demo test test-long lint bench docs clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(STAMP) ## run the shop project once in a private Airflow; KEEP=1 leaves its UI up, BUS=amqp://... takes RabbitMQ
	@$(BIN)/python -m demo.run

test: $(STAMP) ## all tests, with coverage and their number
	@scripts/install_system_packages.sh
	@scripts/run_tests.sh

test-long: $(STAMP) ## kills, ends by hand and the outcome matrix on real Airflow; HELIOGRAPH_FULL_MATRIX=1 for all pairs
	@scripts/install_system_packages.sh
	@$(BIN)/python -m pytest -v -m long

lint: $(STAMP) ## format, style, types, import rules, drift of the contract's schema files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(TYPED)
	$(BIN)/lint-imports
	$(BIN)/heliograph bus schema --out docs/contract --check

bench: $(STAMP) ## measure against dbt build alone; MODELS=100 LAYERS=5 SLEEP=0.5 THREADS=8
	@scripts/install_system_packages.sh
	@$(BIN)/python -m benchmarks.run

docs: $(STAMP) ## the documentation as a site in site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

clean: ## remove what the other targets made
	rm -rf $(VENV) .build site dist .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

$(STAMP): pyproject.toml constraints.txt scripts/make_venv.sh
	@scripts/make_venv.sh $(VENV)
	@touch $@

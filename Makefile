SHELL := bash
BIN := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help setup demo test check lint types layers generated generate measure clean

help: ## tell what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: ## install all that is missing: packages, Elasticsearch, .venv (root or passwordless sudo)
	@deploy/setup.sh

demo: setup ## start the stack, break the service, wait for the page that names the cause
	$(BIN)/busysignal demo

test: setup ## run the whole test suite against real servers
	$(BIN)/pytest -n 2 -m 'not alone'
	$(BIN)/pytest -m alone

check: lint types layers generated test ## everything that must hold; one fault from end to end is among the tests

lint: setup ## format and lint
	$(BIN)/ruff format --check
	$(BIN)/ruff check

types: setup ## strict types
	$(BIN)/mypy

layers: setup ## who may import whom
	$(BIN)/lint-imports

generated: setup ## what is committed is what the code renders
	$(BIN)/busysignal rules --check
	$(BIN)/busysignal rules --format prometheusrule --check
	$(BIN)/busysignal dashboards --check
	$(BIN)/busysignal signals --check
	$(BIN)/busysignal autoscaling --check
	$(BIN)/busysignal causes --check

generate: setup ## render them anew
	$(BIN)/busysignal rules
	$(BIN)/busysignal rules --format prometheusrule
	$(BIN)/busysignal autoscaling
	$(BIN)/busysignal dashboards
	$(BIN)/busysignal signals
	$(BIN)/busysignal causes

measure: setup ## run every benchmark beside its peers (long)
	@env VIRTUAL_ENV="$$PWD/.venv" $(BIN)/uv pip install -q --group bench
	@set -e; for path in benchmarks/[a-z]*.py; do \
	    echo "== $$path"; $(BIN)/python -m "benchmarks.$$(basename "$$path" .py)"; \
	done

clean: ## remove what tools and runs leave behind; .venv stays
	rm -rf .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache build runs
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

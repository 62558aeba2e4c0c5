# Two commands do everything on a fresh Debian machine: `make demo` and `make test`.
# Each sets up what it needs first: Debian packages (as root; otherwise it says which), .venv, locked Python packages.

# Debian keeps mosquitto, gpsd, ip and tc in sbin, which a user's PATH may lack.
export PATH := $(CURDIR)/.venv/bin:$(PATH):/usr/local/sbin:/usr/sbin:/sbin
ARGS ?=

.PHONY: help setup demo test check format docs schemas rules bench fuzz lock wheel clean
help:
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

setup: ## Debian packages, virtual environment, locked Python packages
	@tools/setup

demo: setup ## the main job on embedded defaults; ARGS="--for 150 --json" ends by itself
	@dosong-sim demo $(ARGS)

test: setup ## every test that fits in minutes; ARGS are pytest's
	@tools/test $(ARGS)

check: setup ## lint, format, types, import contracts, spelling, docs
	ruff check .
	ruff format --check .
	mypy
	lint-imports
	codespell
	$(MAKE) --no-print-directory docs

format: setup ## let ruff put the code into shape
	ruff check --fix .
	ruff format .

docs: setup ## the documentation, as HTML in docs/_build/html; warnings are errors
	sphinx-build -q -W --keep-going -n -b html docs docs/_build/html

schemas: setup ## write the JSON Schemas of all records to docs/reference/schemas
	python -m tools.schemas

rules: setup ## write the udev rules of the modem families to config/udev
	python -m tools.udev_rules >config/udev/.rules && mv config/udev/.rules config/udev/70-dosong-modems.rules

bench: setup ## what is measured beside what is true, 15 minutes; ARGS=--quick: 3
	python -m benchmarks $(ARGS)

fuzz: setup ## coverage-guided fuzzing of the AT engine and readers; ARGS="-max_total_time=600"
	@tools/setup fuzz
	@python -m tests.fuzz.fuzz_modem $(ARGS)

lock: setup ## resolve pyproject.toml anew into requirements/
	tools/lock

wheel: setup ## build the wheel into dist/
	python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

clean: ## remove what the targets above made, the environment included
	rm -rf .venv dist build docs/_build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# Two commands do everything on a fresh Debian machine: `make demo` and `make test`.
# Each sets up what it needs first: Debian packages (as root; otherwise it says which), .venv, locked Python packages.

# Debian keeps mosquitto, gpsd, ip and tc in sbin, which a user's PATH may lack.
export PATH := $(CURDIR)/.venv/bin:$(PATH):/usr/local/sbin:/usr/sbin:/sbin
ARGS ?=

.PHONY: help setup demo test faults soak province check format docs schemas rules bench bench-stats fuzz lock wheel clean spark
help:
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 13

setup: ## Debian packages, virtual environment, locked Python packages
	@tools/setup

demo: setup ## the main job on embedded defaults; ARGS="--for 150 --json" ends by itself
	@dosong-sim demo $(ARGS)

test: ## every test that fits in minutes; ARGS are pytest's
	@tools/setup faults
	@tools/test $(ARGS)

faults: ## 200 power cuts, 500 kills, every fault; docs/reference/reliability.md; ARGS="--cuts 20 --kills 50"
	@tools/setup faults
	@python -m tests.faults.campaign $(ARGS)

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

bench: setup ## what is measured beside what is true and beside others, 45 minutes; ARGS=--quick: 15
	@tools/setup bench
	python -m benchmarks $(ARGS)

bench-stats: setup ## how often verdicts are wrong; docs/reference/measured-statistics.md; 10 minutes, ARGS="--areas 500 --seed 1"
	python -m benchmarks verdict_errors --write $(ARGS)

soak: setup ## days of faults in two hours: is the probe as it was? ARGS="--for 300": 5 minutes
	@python -m tests.soak $(ARGS)

province: setup ## a province-year with planted truth beside its verdicts; docs/reference/measured-verdicts.md; ARGS="--scale small"
	@python -m tests.province $(ARGS)
spark: setup ## both engines over a large lake on a real cluster, with a worker killed; ARGS="--rows 1000000"
	@tools/setup spark
	@python -m tests.spark.campaign $(ARGS)

fuzz: setup ## coverage-guided fuzzing of the AT engine and readers; ARGS="-max_total_time=600"
	@tools/setup fuzz
	@python -m tests.fuzz.fuzz_modem $(ARGS)

lock: setup ## resolve pyproject.toml anew into requirements/
	tools/lock

wheel: setup ## build the wheel into dist/
	python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

clean: ## remove what the targets above made, the environment included
	rm -rf .venv dist build docs/_build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

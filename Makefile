# Each target first sets up what it needs (bin/setup): make and Python 3.11 or later are enough.
python := .venv/bin/python
# It would ask a registry at each start whether there is a newer one; uv.lock says which.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

.PHONY: help setup demo dev test lint fmt bench clean
.NOTPARALLEL:

help: ## this list
	@awk -F ': .*## ' '/^[a-z]+:.*## / { printf "make %-7s%s\n", $$1, $$2 }' Makefile

setup:
	@bin/setup

demo: setup ## a long agent job survives a killed worker, from start to end (KEEP=1 leaves it running)
	$(python) examples/demo.py

dev: setup ## server, worker and stores on this machine, until Ctrl-C
	.venv/bin/perdure dev

test: lint ## lint and types, then every test
	$(python) -m pytest

lint: setup ## ruff and pyright
	$(python) -m ruff check .
	$(python) -m ruff format --check .
	$(python) -m pyright

fmt: setup ## format, and fix what ruff can fix
	$(python) -m ruff check --fix .
	$(python) -m ruff format .

bench: setup ## the benchmarks
	$(python) benchmarks/bench.py

clean: ## remove what was installed and cached; the runs in .perdure stay
	rm -rf .venv .uv build dist perdure.egg-info .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Each target first sets up what it needs (bin/setup): make and Python 3.11 or later are enough.
python := .venv/bin/python
# It would ask a registry at each start whether there is a newer one; uv.lock says which.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1
# Each of many processes would compile all libraries anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo dev check test lint style types fmt coverage matrix release bench servers chaos screenshots clean
.NOTPARALLEL:

help: ## this list
	@awk -F ': .*## ' '/^[a-z]+:.*## / { printf "make %-9s%s\n", $$1, $$2 }' Makefile

setup:
	@bin/setup

demo: setup ## a long agent job survives a killed worker, from start to end (KEEP=1 leaves it running)
	$(python) examples/demo.py

dev: setup ## server, worker and stores on this machine, until Ctrl-C
	.venv/bin/perdure dev

# Side by side: pyright takes one core for most of the time, and many tests wait.
with_types = mkdir -p build; $(python) -m pyright >build/types.log 2>&1 & types=$$!; \
	$(python) -m pytest --dist loadfile --no-loadscope-reorder $(1); tests=$$?; \
	wait $$types; types=$$?; cat build/types.log; exit $$((tests || types))

check: style ## before a commit: lint and types, and beside them the tests that need no server, of each table a few rows
	@$(call with_types,-m "not server" --sample --rows 3 --numprocesses 2 --quiet)

test: style ## lint and types, and the tests (WHOLE=1: also what takes long, and at all places and seeds)
	@$(call with_types,$(if $(WHOLE),,--sample) --numprocesses 3)  # a server for each process

lint: style types ## ruff and pyright

style: setup
	$(python) -m ruff check .
	$(python) -m ruff format --check .

types: setup
	$(python) -m pyright

fmt: setup ## format, and fix what ruff can fix
	$(python) -m ruff check --fix .
	$(python) -m ruff format .

coverage: setup ## how much of the package the tests execute, their processes included (TESTS='-m "not server"')
	@rm -rf build/coverage
	-$(python) -m coverage run -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder $(TESTS)
	$(python) -m coverage combine --quiet
	$(python) -m coverage report --skip-covered --sort=cover

matrix: setup ## the tests on each Python and set of libraries, and on servers (PYTHONS=3.12 LIBRARIES=lowest BACKENDS=postgres)
	@PYTHONS="$(PYTHONS)" LIBRARIES="$(LIBRARIES)" BACKENDS="$(BACKENDS)" bin/matrix

# The peers of the benchmarks have an environment of their own, so that no other target sees them.
uv = $(shell uv --version >/dev/null 2>&1 && echo uv || echo .uv/bin/uv)

release: setup ## what would be published, in dist/: built, checked, installed alone and started
	@rm -rf dist build/release
	$(uv) build --quiet --python $(python) --out-dir dist
	$(uv) venv --quiet --python $(python) build/release
	$(uv) pip install --quiet --python build/release/bin/python dist/*.whl
	$(uv) tool run --quiet "twine>=6" check --strict dist/*
	cd build && release/bin/perdure --help >/dev/null && release/bin/python -c "import perdure; print(perdure.__version__)"
	@ls -l dist

bench: setup ## ours beside its peers: 5 minutes, on a quiet machine (OPTIONS=--quick: half a minute, shows that it works)
	@UV_PROJECT_ENVIRONMENT=build/bench UV_PYTHON_DOWNLOADS=never $(uv) sync --frozen --quiet --python $(python) \
		--no-default-groups --group bench
	build/bench/bin/python -m benchmarks $(OPTIONS)

servers: setup ## three workers on Postgres and Redis beside one on files: 4 minutes, on a quiet machine (OPTIONS=--quick)
	@PYTHONPATH=tests $(python) -m benchmarks.on_servers $(OPTIONS)

chaos: setup ## faults at random against a real installation, then a table (SECONDS=300 SEED=… ONLY=frozen,overlap RUNS=6 BACKENDS=postgres+redis)
	@PYTHONPATH=tests $(python) -P -m chaos --seconds $(or $(SECONDS),300) $(if $(SEED),--seed $(SEED)) \
		$(if $(ONLY),--only "$(ONLY)") $(if $(RUNS),--runs $(RUNS)) $(if $(BACKENDS),--back-ends "$(BACKENDS)")

screenshots: setup ## the pictures of the documents, made anew in docs/images (needs Chromium)
	@PYTHONPATH=tests $(python) -P -m support.screenshots
	ls -l docs/images

clean: ## remove what was installed and cached; the runs in .perdure stay
	rm -rf .venv .uv build dist perdure.egg-info .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

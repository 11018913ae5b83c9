# Every target does its own set-up in .venv from the hash-pinned lock files.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test fast lint check study docs reference snippet boundaries screenshots lock clean

demo: .venv/ready
	$(BIN)/yesladder demo

# As many files of tests at a time as there are processors.
PYTEST := $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

test: .venv/ready-dev
	$(PYTEST)

# What needs no browser, no server and no simulation study: for every few lines of a change.
fast: .venv/ready-dev
	$(PYTEST) -m "not slow and not browser and not server"

lint: .venv/ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# All that must be true before a change lands, on a machine that has Chromium.
check: lint docs test

# The simulation studies in full; `make test` runs them in a reduced, seeded form.
study: .venv/ready-dev .venv/study/ready
	YESLADDER_STUDY=full $(BIN)/python -m pytest -m slow -s

.venv/ready: requirements.lock setup.cfg pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "yesladder needs Python 3.11 or newer; this is " + sys.version + ". Try: make PYTHON=python3.12 demo")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

.venv/ready-dev: .venv/ready requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	touch $@

# GrowthBook's engine needs an older numpy, so it lives in an environment of its own.
.venv/study/ready: .venv/ready requirements-study.lock
	test -x .venv/study/bin/python || $(PYTHON) -m venv .venv/study
	.venv/study/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-study.lock
	touch $@

# The documentation as HTML, to be opened at docs/_build/index.html. A broken reference is an error; needs no network.
docs: .venv/ready-dev
	$(BIN)/sphinx-build -W -n -q -b html docs docs/_build
	@echo 'The documentation: docs/_build/index.html'

# After a change of commands, routes, keys, tables or imports: what the documentation shows of them.
reference: .venv/ready-dev
	$(BIN)/python docs/reference.py
	$(BIN)/python docs/rooms.py

# Only for who changes the browser's side: what is served of it.
snippet: .venv/ready-dev
	$(BIN)/python -m webapp.browser.minify

# Only for who changes how a planned test spends its level: the boundaries that are shipped, computed again.
boundaries: .venv/ready
	$(BIN)/python -c 'import numpy; from stats.boundaries import alpha_spending as a; numpy.save("stats/boundaries/boundaries_of_levels.npy", a.boundaries_of_levels())'

# Only for who changes how pages look: the documentation's pictures of them, with Chromium.
screenshots: .venv/ready-dev
	$(BIN)/python docs/screenshots.py

# Only for who changes the dependencies in setup.cfg: needs uv (pip install uv).
lock:
	echo 'gbstats==0.8.0' | uv pip compile -q - --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -o requirements-study.lock
	uv pip compile -q setup.cfg --extra build --extra dev --universal --python-version 3.11 --generate-hashes --no-header -o requirements-dev.lock
	uv pip compile -q setup.cfg --extra build --universal --python-version 3.11 --generate-hashes --no-header -c requirements-dev.lock -o requirements.lock

clean:
	rm -rf .venv demo-site build docs/_build *.egg-info

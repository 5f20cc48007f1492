# Everything a person runs. `make demo` and `make test` set up all they need in .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TORCH := $(shell sed -n 's/^torch==\([0-9.]*\).*/\1/p' requirements/torch.txt)

.PHONY: demo images test test-deps test-fast check generate golden bench lock clean

# --- environment -------------------------------------------------------------------------------

$(VENV)/installed: requirements/base.txt requirements/torch.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; try: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
ifdef TORCH_INDEX_URL
	$(BIN)/pip install --quiet --disable-pip-version-check --index-url $(TORCH_INDEX_URL) --no-deps torch==$(TORCH)
else
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/torch.txt
endif
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/base.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@

# --- what users run ----------------------------------------------------------------------------

demo: $(VENV)/installed
	@$(BIN)/python examples/demo/demo.py $(if $(FRESH),--fresh)

# make images REGISTRY=registry.example/mixatlas [TAG=1] [PUSH=1]; tools/images.sh names the rest.
images:
	@tools/images.sh

# --- what developers run -----------------------------------------------------------------------

# Kinds of tests that this machine cannot run are skipped; each says what it needs.
# Slow tests go two files at a time, each with servers of its own, in the order of their names:
# long ones are not left for the end. The real node is one a machine.
BY_FILE := --dist loadfile --no-loadscope-reorder --randomly-dont-reorganize
test: check test-fast
	$(BIN)/pytest -q -m slow -n 2 $(BY_FILE) tests --ignore tests/cluster
	$(BIN)/pytest -q -m slow tests/cluster

test-deps:
	@tools/test-deps.sh

test-fast: $(VENV)/installed
	$(BIN)/pytest -q -n auto -m "not slow" --doctest-modules operator trainer-image tests

check: $(VENV)/installed
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports

generate: $(VENV)/installed
	$(BIN)/python tools/generate.py

golden: generate
	$(BIN)/pytest -q tests/golden --rewrite-golden

bench: $(VENV)/installed
	@failed=; for script in benchmarks/*.py; do \
		echo "$$script"; $(BIN)/python $$script || failed="$$failed $$script"; \
	done; test -z "$$failed" || { echo "below their bars:$$failed"; exit 1; }

lock:
	UPGRADE=$(UPGRADE) requirements/lock.sh

clean:
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

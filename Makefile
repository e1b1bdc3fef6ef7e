# otmaps: everything a fresh clone needs, with make and Python >= 3.11 alone.

SHELL := bash
.SHELLFLAGS := -eu -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.NOTPARALLEL:
unexport PYTHONPATH PYTHONHOME # the environment alone decides what is imported

VENV := .venv
BIN := $(VENV)/bin
DEMO := build/demo

# Coverage joins two runs: numba's compiled code is invisible to it, so the tests of the
# kernels run without JIT first, and the whole suite runs second and holds the floor.
COVERAGE := --cov --cov-append --cov-report=
FLOOR := --cov-report=term --cov-fail-under=95
PYTEST := $(BIN)/python -m pytest -n 2
ARRAY_TESTS := tests/test_backends.py tests/test_torch.py tests/test_jax.py tests/test_gaussian.py tests/test_independent.py \
    tests/test_readme.py tests/test_torch_files.py

.PHONY: help test test-nojit test-arrays test-wheel demo docs lint format bench build clean distclean

help: ## say what there is to make
	@echo "make TARGET, where TARGET is one of"
	@grep -E '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST)) | while IFS= read -r line; do \
	    printf '  %-12s %s\n' "$${line%%:*}" "$${line##*## }"; done
	@echo "PYTHON=/path/to/python3 chooses the Python of the virtual environment $(VENV)."
	@echo "ARGS=\"...\" is passed on to pytest, otmaps demo, sphinx-build or asv."

test: ## run the tests, with coverage; ARGS="-k map" runs a selection without it
	@tools/venv.sh $(VENV) tests
ifeq ($(strip $(ARGS)),)
	@rm -f .coverage
	NUMBA_DISABLE_JIT=1 $(PYTEST) -q $(COVERAGE) -m kernels
	$(BIN)/python tools/warm.py maps & $(BIN)/python tools/warm.py laws && wait $$!
	$(PYTEST) $(COVERAGE) $(FLOOR)
else
	$(PYTEST) $(ARGS)
endif

test-nojit: ## run the whole suite on interpreted kernels (slow)
	@tools/venv.sh $(VENV) tests
	NUMBA_DISABLE_JIT=1 $(PYTEST) $(ARGS)

test-arrays: ## run the tests of arrays with torch, JAX and ONNX, in an environment of their own
	@tools/venv.sh $(VENV)-arrays tests arrays
	$(VENV)-arrays/bin/python -m pytest $(ARRAY_TESTS) $(ARGS)

demo: ## match the latents of two small image generators and write a page about it
	@tools/venv.sh $(VENV) demo
	$(BIN)/otmaps demo --output $(DEMO) $(ARGS)
	@echo "The page: $(CURDIR)/$(DEMO)/index.html"

docs: ## build the documentation site; ARGS="-D plot_gallery=0" leaves its examples unexecuted
	@tools/venv.sh $(VENV) docs
	rm -rf build/docs docs/generated
	$(BIN)/sphinx-build -W --keep-going -n -q -j auto -d build/doctrees docs build/docs $(ARGS)
	$(BIN)/python tools/check_links.py build/docs
	@echo "The site: $(CURDIR)/build/docs/index.html"

lint: ## check style, types and layers
	@tools/venv.sh $(VENV) lint
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: ## put the sources into the common style
	@tools/venv.sh $(VENV) lint
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

bench: ## run the benchmarks once, roughly; ARGS="--bench lookup" times a selection well
	@tools/venv.sh $(VENV) bench
	@$(BIN)/asv machine --yes --config benchmarks/asv.conf.json >/dev/null
	$(BIN)/asv run --config benchmarks/asv.conf.json --python=same --show-stderr \
	    $(or $(ARGS),--quick)

build: ## build sdist and wheel in dist/, the wheel from the sdist, and check both
	@tools/venv.sh $(VENV) release
	rm -rf dist
	$(BIN)/python -m build --no-isolation
	$(BIN)/twine check --strict dist/*

test-wheel: ## try the wheel of `make build` in a fresh environment with its dependencies
	@test -n "$(wildcard dist/*.whl)" || { echo "There is no wheel in dist/: run make build first."; exit 1; }
	rm -rf build/wheel
	$(BIN)/python -m venv build/wheel
	build/wheel/bin/python -m pip install --quiet dist/*.whl
	cd build/wheel && bin/python -P ../../tools/try_wheel.py && bin/otmaps doctor

clean: ## remove what was built, except the virtual environment
	rm -rf build docs/auto_examples docs/generated docs/sg_execution_times.rst
	rm -rf dist htmlcov .coverage .coverage.* .hypothesis .import_linter_cache \
	    .mypy_cache .pytest_cache .ruff_cache benchmarks/.asv
	find benchmarks otmaps tests tools -name __pycache__ -prune -exec rm -rf {} +

distclean: clean ## remove the virtual environments too
	rm -rf $(VENV) $(VENV)-arrays

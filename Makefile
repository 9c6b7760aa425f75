# The only commands one has to know. Everything happens inside .venv; nothing is done twice.
#
#   make demo    set up what the tour needs, run it, write decan-tour/index.html
#   make test    set up the tools, run every check and every test
#   make setup   all libraries, editable, with the tools
#   make lint    ruff, mypy, import contracts
#   make docs    the documentation, docs/_build/index.html
#   make bench   benchmarks beside their peers, into docs/performance_table.md
#   make clean   remove what the above have made
#
# TORCH_INDEX=URL takes PyTorch from another index (a CPU or CUDA build).

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/stamps
PACKAGES := $(sort $(wildcard packages/*))
BENCHMARKS := $(sort $(wildcard shared/benchmarks/bench_*.py packages/*/benchmarks/bench_*.py))
SETTINGS := constraints.txt shared/pyproject.toml $(wildcard packages/*/pyproject.toml)

PIP := $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --constraint constraints.txt
EDITABLE := --no-build-isolation
TEST_TOOLS := import-linter ipykernel mypy nbclient numpydoc pandas-stubs pip pytest-xdist ruff scipy-stubs types-tqdm
DOCS_TOOLS := myst-nb numpydoc pydata-sphinx-theme Sphinx sphinx-design

# Real data of the libraries, where they lie beside the checkout.
DECAN_DATA ?= $(abspath $(wildcard ../shared/data))
export DECAN_DATA

.PHONY: setup demo test lint docs bench clean
.DELETE_ON_ERROR:

setup: $(STAMPS)/test

demo: $(STAMPS)/base
	$(BIN)/decan tour

test: $(STAMPS)/test lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist loadfile

lint: $(STAMPS)/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(STAMPS)/docs
	$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build

bench: $(STAMPS)/bench
	$(BIN)/python -m decan.core.benchmark --out docs/performance_table.md $(BENCHMARKS)

clean:
	rm -rf $(VENV) docs/_build docs/api docs/jupyter_execute dist decan-tour decan-results
	find . -name __pycache__ -prune -exec rm -rf {} +

# torch first, so that a build chosen by TORCH_INDEX is kept by all that follows.
$(STAMPS)/torch: constraints.txt
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || \
	    { echo "decan needs Python 3.11 or newer; set PYTHON=..."; exit 1; }
	@echo "Setting up $(VENV): a few minutes, once."
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch
	$(PIP) hatchling editables
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/base: $(STAMPS)/torch $(SETTINGS)
	$(PIP) $(EDITABLE) --editable ./shared $(foreach package,$(PACKAGES),--editable ./$(package))
	@touch $@

$(STAMPS)/test: $(STAMPS)/base
	$(PIP) $(EDITABLE) --editable './shared[test,hpc]' \
	    $(foreach package,$(PACKAGES),--editable './$(package)[test]') $(TEST_TOOLS)
	@touch $@

$(STAMPS)/docs: $(STAMPS)/test
	$(PIP) $(DOCS_TOOLS)
	@touch $@

$(STAMPS)/bench: $(STAMPS)/base
	$(PIP) $(EDITABLE) --editable './shared[bench]' \
	    $(foreach package,$(PACKAGES),--editable './$(package)[bench]')
	@touch $@

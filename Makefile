# From a bare clone with Python 3.11-3.13 and make: `make demo` and `make demo-ct` show what medrecon does with MRI and CT,
# `make test` checks it.
# TORCH_INDEX picks another source of torch, for example TORCH_INDEX=https://download.pytorch.org/whl/cpu

TORCH_INDEX ?=
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$p && break; done)
WORKERS ?= 2

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo demo-ct test test-browser lint clean

demo: $(READY)
	$(BIN)/medrecon mri --method spirit --accel 10 --picture medrecon-demo.png --json medrecon-demo.json

demo-ct: $(READY)
	$(BIN)/medrecon ct --picture medrecon-demo-ct.png --json medrecon-demo-ct.json

test: lint
	OMP_NUM_THREADS=1 $(BIN)/pytest -n $(WORKERS)

# the HTML report in a headless Chromium (Debian: apt-get install chromium); SHOTS=DIR keeps the screenshots
test-browser: $(READY)
	OMP_NUM_THREADS=1 SHOTS=$(SHOTS) $(BIN)/pytest -m browser tests/report -s

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

$(READY): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "medrecon needs Python 3.11, 3.12 or 3.13; give PYTHON=/path/to/python"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(if $(TORCH_INDEX),$(BIN)/pip install --index-url $(TORCH_INDEX) -c constraints.txt torch torchvision)
	$(BIN)/pip install -c constraints.txt -e ".[dev]"
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache medrecon-demo*.png medrecon-demo*.json
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

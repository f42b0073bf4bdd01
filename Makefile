# The entrance to the house. `make run` and `make test` install what they need by themselves.

CARGO ?= cargo
# Where cargo puts what it builds, when it is told to put it elsewhere.
TARGET := $(or $(CARGO_TARGET_DIR),target)
# Where `make run` keeps its data.
DATA_DIR ?= $(shell scripts/data-dir.sh)
# More flags for `medicalpro serve`, for example: make run ARGS='--listen 127.0.0.1:3000'
ARGS ?=

# The tests that run on six processes as well.
APART_TESTS := apart patients notifications staff appointments
# nginx refuses in its own form what is no HTTP: that test speaks to a service without it. What needs no server, or starts
# its own, has run before.
APART_SKIPS := --skip impossible_paths_methods_and_headers --skip log:: --skip fleet::

STEP := @scripts/step.sh
export PATH := $(PATH):$(or $(CARGO_HOME),$(HOME)/.cargo)/bin

# A build that is thrown away gains nothing from being incremental.
ifdef CI
export CARGO_INCREMENTAL ?= 0
endif

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup setup-checks run build test test-core mutants drill bench bench-quick bench-costs flame fmt fmt-check lint doc clean clean-data

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

setup: ## install what is missing: a C compiler, Rust, PostgreSQL, NATS
	@scripts/setup.sh

run: build ## build, and start the server with a demo practice (DATA_DIR=, ARGS=)
	@echo "==> starting medicalpro; its data is in $(DATA_DIR); Ctrl-C stops it"
	@exec "$(TARGET)/release/medicalpro" serve --demo --data-dir "$(DATA_DIR)" $(ARGS)

build: setup ## build the programs for production
	$(STEP) 'building in release mode (some minutes the first time)' \
		$(CARGO) build --release --locked -p medicalpro -p replay-tools --bins

# Clippy comes first: it is the quicker one to find a mistake. The build takes in every target, so that the programs that the
# tests start are there, with the very features that the tests are built with.
test-core: fmt-check lint ## check the format, clippy, and run all tests that need no further program
	$(STEP) 'building all tests (some minutes the first time)' \
		$(CARGO) build --workspace --all-targets --locked
	$(STEP) 'running all tests' \
		$(CARGO) test --workspace --locked

test: setup-checks test-core ## test-core, and the checks that need nginx, Python and the like, which it installs
	$(STEP) 'running a part of the tests on six processes behind nginx' \
		env MEDICALPRO_TEST_APART=1 $(CARGO) test --workspace --locked $(addprefix --test ,$(APART_TESTS)) -- $(APART_SKIPS)
	$(STEP) 'letting pyseto verify an access token' \
		scripts/paseto-check.sh "$(TARGET)/debug/medicalpro"
	$(STEP) 'letting schemathesis try every operation' \
		scripts/api-check.sh "$(TARGET)/debug/medicalpro"

setup-checks:
	@scripts/setup.sh --checks

# A mutant is built and tested in about ten seconds, and there are a thousand: some hours. What is left out, and why, stands in
# .cargo/mutants.toml.
mutants: setup ## which mistakes in the rules and in the log's batches no test finds (ARGS="-f 'domain/src/waiting_list/*'")
	@command -v cargo-mutants >/dev/null || $(CARGO) install cargo-mutants --locked
	@$(CARGO) mutants --package domain --package event-store-schema --output "$(TARGET)" \
		$(or $(ARGS),-f 'domain/src/**/*.rs' -f event-store-schema/src/batch.rs)

drill: setup ## the long fault drill, 20 minutes (ARGS='--servers 2 --clients 50 --minutes 5 --servers-only')
	$(STEP) 'building what the drill kills (some minutes the first time)' \
		$(CARGO) build --workspace --locked
	@exec "$(TARGET)/debug/drill" $(ARGS)

# The program under measurement, which counts its allocations, and the benchmark with the stock event store to compare with.
BUILD_BENCH = $(STEP) 'building the benchmark (some minutes the first time)' \
		$(CARGO) build --release --locked -p system-tests --bin bench -p medicalpro --bin medicalpro \
		--features system-tests/baseline,medicalpro/count-allocations

bench: setup ## measure everything, 11 minutes: ratios against PostgreSQL itself, in target/bench
	$(BUILD_BENCH)
	@exec "$(TARGET)/release/bench"

bench-quick: setup ## the same in 2 minutes and a half, with a tenth of the patients
	$(BUILD_BENCH)
	@exec "$(TARGET)/release/bench" --quick

bench-costs: setup ## what a request costs alone, a minute: processor time and allocations of each operation
	$(BUILD_BENCH)
	@exec "$(TARGET)/release/bench" --only costs

flame: setup ## a flame graph of one operation (ARGS='register 32'), in target/bench; needs perf
	$(BUILD_BENCH)
	@scripts/flame.sh "$(TARGET)/release/bench" $(or $(ARGS),register)

fmt: setup ## format the code
	@$(CARGO) fmt --all

fmt-check: setup ## check the format of the code
	$(STEP) 'checking the format' \
		$(CARGO) fmt --all --check

lint: setup ## run clippy, warnings are errors
	$(STEP) 'running clippy (a minute or two the first time)' \
		$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

doc: setup ## build the documentation of the code
	@$(CARGO) doc --workspace --no-deps --locked

clean: ## remove what was built
	@$(CARGO) clean

clean-data: ## remove the data of `make run`, for ever
	@scripts/clean-data.sh "$(DATA_DIR)"

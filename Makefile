# The short commands; the build itself is Meson's. `make help` lists them.
SHELL := /bin/bash
BUILD := build
MESON_FLAGS ?=

.DEFAULT_GOAL := build
.PHONY: build run dev setup interpreter test test-cpython bench format lint clean help

build: ## make build/shannon
	@test -f $(BUILD)/build.ninja || meson setup $(BUILD) $(MESON_FLAGS) >/dev/null
	@ninja -C $(BUILD) --quiet

setup: ## install Debian's packages that are missing
	@scripts/install_packages.sh

run: setup ## install, build everything, say hello
	@$(MAKE) --no-print-directory build interpreter
	@$(BUILD)/shannon run -c 'print("Hello, Shannon!")'

dev: interpreter ## all services in this terminal, until Ctrl-C
	@SHANNON_LOG_FORMAT=$${SHANNON_LOG_FORMAT:-text} $(BUILD)/shannon serve

interpreter: build ## build the Python interpreter and compile it to native code
	@scripts/setup_python_wasi.sh --quiet
	@$(BUILD)/shannon interpreter build --quiet --train interpreters/python/training wasm-interpreters/python-3.11.2.wasm

test: setup ## all tests
	@scripts/test.sh

test-cpython: interpreter ## CPython's own test suite, inside the sandbox
	@scripts/setup_python_wasi.sh --quiet --with-tests
	@$(BUILD)/shannon interpreter build --quiet build/interpreter/tests/python-3.11.2.wasm
	@tests/cpython/run.py

bench: build ## figures beside native python3.11
	@bench/start
	@$(BUILD)/bench-library load 2 10
	@$(BUILD)/bench-library hold 200
	@$(BUILD)/bench-sessions step 300
	@$(BUILD)/bench-sessions many 10000
	@$(BUILD)/bench-http
	@bench/doors
	@bench/remote
	@bench/cpu

format: ## lay out all C sources
	@git ls-files -co --exclude-standard '*.c' '*.h' | xargs clang-format-19 -i

lint: ## check layout, warnings with both compilers, layers, scripts
	@scripts/lint.sh

clean: ## remove build/ (keeps wasm-interpreters/)
	@rm -rf $(BUILD) build-*

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' Makefile

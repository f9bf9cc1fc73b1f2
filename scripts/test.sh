#!/usr/bin/env bash
# All tests: builds what they need, runs them, and ends with the line `N passed, N failed, N skipped`.
# Usage: scripts/test.sh [--no-sanitizers] [meson test's arguments]
set -euo pipefail
cd "$(dirname "$0")/.."

sanitizers=1
if [[ ${1-} == --no-sanitizers ]]; then
    sanitizers=0
    shift
fi

scripts/install_packages.sh build test
make --no-print-directory build interpreter
scripts/setup_python_wasi.sh --quiet --with-tests
build/shannon interpreter build --quiet build/interpreter/tests/python-3.11.2.wasm

# Clients that are not ours.
if ! cmp -s tests/e2e/node/package-lock.json build/node/package-lock.json; then
    mkdir -p build/node
    cp tests/e2e/node/package.json tests/e2e/node/package-lock.json build/node
    (cd build/node && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null) ||
        { rm -rf build/node && echo "shannon: npm could not install tests/e2e/node/package.json" >&2; }
fi

status=0
scripts/lint.sh || status=1
lint_failed=$status

# Tests share two cores with the compilers that some of them start; the factor is for slow machines, not for hope.
meson test -C build --print-errorlogs --timeout-multiplier 3 "$@" || status=1
logs=(build/meson-logs/testlog.junit.xml)

if ((sanitizers)); then
    echo "unit tests with AddressSanitizer and UndefinedBehaviorSanitizer"
    [[ -f build-asan/build.ninja ]] ||
        CC=clang-19 meson setup build-asan -Db_sanitize=address,undefined -Db_lundef=false \
            -Dbuildtype=debugoptimized -Dauto_features=disabled >/dev/null
    ninja -C build-asan --quiet
    # slower by much; how often does not matter here
    SHANNON_TEST_KILLS=100 SHANNON_TEST_CUTS=100 \
        meson test -C build-asan --suite unit --print-errorlogs --timeout-multiplier 5 || status=1
    logs+=(build-asan/meson-logs/testlog.junit.xml)
fi

/usr/bin/python3.11 scripts/count_tests.py "$lint_failed" "${logs[@]}" || status=1
exit "$status"

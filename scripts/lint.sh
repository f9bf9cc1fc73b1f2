#!/usr/bin/env bash
# Checks what a reader would otherwise have to: layout, warnings of a second compiler, layers, scripts.
set -euo pipefail
cd "$(dirname "$0")/.."
status=0

complain() {
    echo "lint: $*" >&2
    status=1
}

mapfile -t sources < <(git ls-files --cached --others --exclude-standard '*.c' '*.h')
clang-format-19 --dry-run --Werror "${sources[@]}" >/dev/null 2>&1 ||
    complain "layout: run \`make format\` ($(for f in "${sources[@]}"; do
        clang-format-19 --dry-run --Werror "$f" 2>/dev/null || echo "$f"
    done | tr '\n' ' '))"

# meson builds with the default compiler (gcc); the other one reads the same sources.
flags=(-std=gnu17 -D_GNU_SOURCE '-DSN_VERSION="x"' -Iinclude -Isrc -Ibuild/src -Ibuild/src/wasm -Wall -Wextra -Wshadow
    -Wstrict-prototypes -Wmissing-prototypes -Wno-missing-field-initializers -Wno-missing-braces -Werror -fsyntax-only)
printf '%s\n' "${sources[@]}" | grep '^src/.*\.c$' | grep -v '^src/wasm/native/' |
    xargs -P 2 -n 8 clang-19 "${flags[@]}" || complain "warnings from clang"

tests/layers.sh || complain "layers"

mapfile -t scripts < <(git ls-files --cached --others --exclude-standard '*.sh' '.ci/run')
shellcheck -x "${scripts[@]}" || complain "scripts"

exit "$status"

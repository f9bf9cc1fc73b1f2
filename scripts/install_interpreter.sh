#!/usr/bin/env bash
# Part of `meson install`: puts the interpreter and its native code, as `make interpreter` has built them, where the installed
# program looks for them: share/shannon/interpreters and lib/shannon/native.
set -euo pipefail
source=$MESON_SOURCE_ROOT/wasm-interpreters
prefix=$MESON_INSTALL_DESTDIR_PREFIX
home=${SHANNON_HOME:-${XDG_DATA_HOME:-$HOME/.local/share}/shannon}

fail() {
    echo "install_interpreter: $1; run \`make interpreter\` first" >&2
    exit 1
}

interpreter=$(find "$source" -maxdepth 1 -name 'python-*.wasm' 2>/dev/null | sort | tail -n 1)
[[ -n $interpreter ]] || fail "no interpreter was built"
stem=${interpreter%.wasm}
record=$home/native/$(sha256sum <"$interpreter" | cut -d' ' -f1).json
[[ -f $record ]] || fail "the interpreter has no native code in $home"
object=$(sed -nE 's/^ *"file": "([0-9a-f-]+\.so)",$/\1/p' "$record")
[[ -n $object && -f $home/native/$object ]] || fail "the interpreter's native code in $home is gone"

install -d "$prefix/share/shannon/interpreters" "$prefix/lib/shannon/native"
install -m 644 "$stem.wasm" "$stem.zip" "$stem.json" "$prefix/share/shannon/interpreters"
install -m 644 "$record" "$prefix/lib/shannon/native"
install -m 755 "$home/native/$object" "$prefix/lib/shannon/native"

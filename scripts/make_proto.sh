#!/usr/bin/env bash
# Makes C of a .proto file with protoc-c: scripts/make_proto.sh FILE.proto OUT_DIR
#
# protobuf-c's strings end at the first NUL, and tell no length; on the wire string and bytes are the same. So all strings
# are made bytes first; and maps the lists of entries that they are on the wire, since no map has keys of bytes. Files lie
# in one folder then, so that what imports another one finds its header.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../proto" && pwd)
find "$root" -name '*.proto' | while IFS= read -r file; do
    sed -E -e 's/^import "(.*\/)?/import "/' \
        -e 's/^( *)map<string, ([A-Za-z_.]+)> ([a-z])([a-z]*) = ([0-9]+);/\1message \u\3\4Entry {\n\1  string key = 1;\n\1  \2 value = 2;\n\1}\n\1repeated \u\3\4Entry \3\4 = \5;/' "$file" |
        sed -E 's/^( *(repeated )?)string /\1bytes /' >"$work/$(basename "$file")"
done
protoc-c -I"$work" --c_out="$2" "$work/$(basename "$1")"

#!/usr/bin/env bash
# Makes C of a .proto file with protoc-c: scripts/make_proto.sh FILE.proto OUT_DIR
#
# protobuf-c's strings end at the first NUL, and tell no length; on the wire string and bytes are the same. So all strings
# are made bytes first.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
name=$(basename "$1")
sed -E 's/^( *(repeated )?)string /\1bytes /' "$1" >"$work/$name"
protoc-c -I"$work" --c_out="$2" "$work/$name"

#!/usr/bin/env bash
# Describes our .proto files, as they are, in one serialized google.protobuf.FileDescriptorSet:
# scripts/make_descriptors.sh OUT
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../proto" && pwd)
cp -r "$root/." "$work"
# The older name of the same service.
mkdir -p "$work/grpc/reflection/v1alpha"
sed 's/^package grpc\.reflection\.v1;/package grpc.reflection.v1alpha;/' "$root/grpc/reflection/v1/reflection.proto" \
    >"$work/grpc/reflection/v1alpha/reflection.proto"
out=$(realpath -m "$1")
cd "$work"
mapfile -t files < <(find . -name '*.proto' -printf '%P\n' | sort)
protoc-c -I. --descriptor_set_out="$out" "${files[@]}"

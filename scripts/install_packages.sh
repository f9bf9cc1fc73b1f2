#!/usr/bin/env bash
# Installs what building and testing shannon itself needs; the interpreter's script installs its own.
# Usage: scripts/install_packages.sh [build|test]...   (default: build)
set -euo pipefail
# shellcheck source=scripts/packages.sh
. "$(dirname "$0")/packages.sh"

for what in "${@:-build}"; do
    case $what in
        build)
            need_packages "the build" gcc libc6-dev make meson ninja-build pkg-config clang-19 lld-19 llvm-19 \
                libclang-rt-19-dev wabt \
                libjansson-dev libssl-dev libseccomp-dev libxxhash-dev liblmdb-dev libzstd-dev libedit-dev \
                libgrpc-dev libprotobuf-c-dev protobuf-c-compiler libmicrohttpd-dev libcurl4-openssl-dev
            ;;
        test)
            need_packages "the tests" libcmocka-dev clang-format-19 shellcheck python3.11 wasi-libc \
                libclang-rt-19-dev libclang-rt-19-dev-wasm32 procps python3-grpcio python3-protobuf openssl nodejs curl
            command -v npm >/dev/null || need_packages "the tests" npm
            ;;
        *)
            echo "usage: $0 [build|test]..." >&2
            exit 2
            ;;
    esac
done

#!/usr/bin/env bash
# A file includes only from its own layer or one to the left (ARCHITECTURE.md, "Layers").
set -euo pipefail
cd "$(dirname "$0")/.."
layers=(util wasm wasi sandbox session rpc executor service agent_core model llm_service orchestrator cli)
status=0
for i in "${!layers[@]}"; do
    allowed=$(IFS='|' && echo "${layers[*]:0:i+1}")
    while IFS= read -r line; do
        echo "not from src/${layers[i]}: $line"
        status=1
    done < <(grep -rnE '#include "[a-z_]+/' "src/${layers[i]}" 2>/dev/null | grep -vE "#include \"($allowed)/" || true)
done
exit "$status"

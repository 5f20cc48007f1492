#!/bin/sh
# Pins every dependency with hashes (and no download host) into two files:
#   torch.txt   torch and what only it needs (CUDA wheels); replaced by TORCH_INDEX_URL
#   base.txt    everything else
# Needs uv; run from the repository's root: `make lock`.
set -eu
compile() {
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-header --no-annotate "$@"
}
all=$(mktemp)
trap 'rm -f "$all"' EXIT
compile --all-extras pyproject.toml --output-file "$all"
awk -v only='^(torch|triton|nvidia-.*|cuda-.*)$' '
    /^[a-z]/ { split($1, part, "=="); heavy = part[1] ~ only }
    { print > (heavy ? "requirements/torch.txt" : "requirements/base.txt") }' "$all"

#!/bin/sh
# Pins every dependency with hashes (and no download host):
#   torch.txt   torch and what only it needs (CUDA wheels); replaced by TORCH_INDEX_URL
#   base.txt    everything else, for .venv
#   operator.txt, trainer.txt, wheel.txt   the parts of it that the images hold, and that build us
# Needs uv; run from the repository's root: `make lock`, which keeps pins that still fit, or
# `make lock UPGRADE=--upgrade`.
set -eu
compile() {
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-header --no-annotate "$@"
}
# Writes the lines of a lock file that are torch's (1) or not (0).
part() {
    awk -v wanted="$2" -v only='^(torch|triton|nvidia-.*|cuda-.*)$' '
        /^[a-z]/ { split($1, name, "=="); heavy = name[1] ~ only }
        heavy == wanted' "$1"
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat requirements/torch.txt requirements/base.txt > "$work/all"
compile ${UPGRADE:-} --all-extras pyproject.toml --output-file "$work/all"
part "$work/all" 1 > requirements/torch.txt
part "$work/all" 0 > requirements/base.txt
for image in operator:operator trainer:concepts; do # the trainer's also builds corpora
    name=${image%:*}
    compile --extra "${image#*:}" --constraint "$work/all" pyproject.toml \
        --output-file "$work/$name"
    part "$work/$name" 0 > "requirements/$name.txt"
done
sed -n 's/^requires = \["\(.*\)"\]/\1/p' pyproject.toml > "$work/wheel.in"
compile --constraint "$work/all" "$work/wheel.in" --output-file requirements/wheel.txt

#!/bin/sh
# Builds the operator's and the trainer's image, prints their sizes, and pushes them if asked.
#
#   REGISTRY                 registry and folder: registry.example/mixatlas
#   TAG                      default: our version
#   PUSH=1                   push both
#   TORCH_INDEX_URL          where the trainer's torch comes from; default: the locked wheels
#   OPERATOR_TORCH_INDEX_URL where the operator's comes from (it needs no GPU); default: the same
#   BASE_IMAGE               default: see trainer-image/Dockerfile
#   ENGINE                   default: the first of buildah, podman and docker that works
#   BUILD_FLAGS              more flags of `ENGINE build`
set -eu
cd "$(dirname "$0")/.."

if [ -z "${REGISTRY:-}" ]; then
    echo "Say where the images belong: make images REGISTRY=registry.example/mixatlas" >&2
    exit 2
fi
version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
tag=${TAG:-$version}

find_engine() {
    for engine in buildah podman docker; do
        if "$engine" info >/dev/null 2>&1; then
            echo "$engine"
            return
        fi
    done
    echo "No working buildah, podman or docker; on Debian: apt-get install buildah" >&2
    exit 1
}

build() { # TARGET TORCH_INDEX_URL
    $engine build --file trainer-image/Dockerfile --target "$1" --tag "$REGISTRY/$1:$tag" \
        ${BASE_IMAGE:+--build-arg "BASE_IMAGE=$BASE_IMAGE"} \
        ${2:+--build-arg "TORCH_INDEX_URL=$2"} \
        --build-arg "VERSION=$version" \
        --build-arg "REVISION=$(git rev-parse HEAD 2>/dev/null || echo unknown)" \
        ${BUILD_FLAGS:-} .
}

engine=${ENGINE:-$(find_engine)}
export BUILDAH_LAYERS=true # the others reuse layers by themselves
build trainer "${TORCH_INDEX_URL:-}"
build operator "${OPERATOR_TORCH_INDEX_URL:-${TORCH_INDEX_URL:-}}"
for target in operator trainer; do
    $engine images "$REGISTRY/$target:$tag"
done
if [ -n "${PUSH:-}" ]; then
    for target in operator trainer; do
        $engine push "$REGISTRY/$target:$tag"
    done
fi

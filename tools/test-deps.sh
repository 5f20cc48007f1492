#!/bin/sh
# Installs what tests of a real node need beside Go: containers, and a way to make a base image.
set -eu
missing=""
for program in containerd runc buildah skopeo debootstrap; do
    command -v "$program" >/dev/null || missing="$missing $program"
done
if [ -z "$missing" ]; then
    exit
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "Tests of a real node need root and$missing; install them with your system's packages." >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086 # words, not one name
apt-get install -qq --no-install-recommends $missing >/dev/null

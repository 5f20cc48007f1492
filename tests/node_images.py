"""The images of the real node, built by buildah; layers are kept outside the tree between runs.

No registry of images is asked: the base that stands in for Docker Hub's slim Python is made of
Debian packages. What can be reused is found by buildah, layer by layer, so that a change of code
costs seconds and a change of dependencies minutes.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mixatlas" / "node"
STORAGE = {"CONTAINERS_STORAGE_CONF": str(CACHE / "storage.conf")}
"""Environment of programs that use the built images."""
_STORAGE_CONF = f"""\
[storage]
driver = "overlay"
graphroot = "{CACHE}/images"
runroot = "{CACHE}/run"
[storage.options.overlay]
skip_mount_home = "true"  # a mount that would stay
"""
REGISTRY = "localhost/mixatlas"
TAG = "test"

_MAKE_BASE = """\
mirror=$(sed -n 's/^URIs: *//p' /etc/apt/sources.list.d/debian.sources 2>/dev/null | head -n 1)
debootstrap --variant=minbase --include=ca-certificates,python3,python3-pip bookworm "$1" $mirror
cd "$1"
rm -rf var/cache/apt/* var/lib/apt/lists/* var/log/* usr/share/doc/* usr/share/man/* \
    usr/share/locale/* etc/apt/sources.list usr/lib/python3*/EXTERNALLY-MANAGED
ln -s /usr/bin/python3 usr/local/bin/python
: > etc/resolv.conf
"""
_BASE_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
}
_HOST_FILES = ("/etc/ssl/certs", "/etc/pip.conf")
"""Seen by the build as they are here, and never part of an image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """Names of the built images."""

    pause: str
    operator: str
    trainer: str


def build_images() -> Images:
    """Build what has changed since it was built last.

    Raises:
        AssertionError: A step failed; its last words are in the message.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    (CACHE / "storage.conf").write_text(_STORAGE_CONF)
    base = _base_image()
    pause = _pause_image(base)
    mounts = (f"--volume {path}:{path}:ro" for path in _HOST_FILES if Path(path).exists())
    _run(
        str(ROOT / "tools/images.sh"),
        REGISTRY=REGISTRY,
        TAG=TAG,
        BASE_IMAGE=base,
        ENGINE="buildah",
        BUILD_FLAGS=" ".join(("--pull-never", "--network host", *mounts)),
    )
    return Images(
        pause=pause, operator=f"{REGISTRY}/operator:{TAG}", trainer=f"{REGISTRY}/trainer:{TAG}"
    )


def _base_image() -> str:
    recipe = f"{_MAKE_BASE}{_BASE_ENVIRONMENT}"
    name = f"localhost/base:{hashlib.sha256(recipe.encode()).hexdigest()[:16]}"
    if _is_built(name):
        return name
    with TemporaryDirectory(dir=CACHE) as folder:
        _run("sh", "-eu", "-c", _MAKE_BASE, "sh", folder)
        container = _run("buildah", "from", "scratch").strip()
        _run("buildah", "copy", container, folder, "/")
    for variable, value in _BASE_ENVIRONMENT.items():
        _run("buildah", "config", "--env", f"{variable}={value}", container)
    _run("buildah", "commit", "--rm", container, name)
    return name


def _pause_image(base: str) -> str:
    """Return what holds a pod's namespaces: a process that sleeps."""
    name = f"{base}-pause"
    if not _is_built(name):
        container = _run("buildah", "from", base).strip()
        _run("buildah", "config", "--entrypoint", '["/bin/sleep", "infinity"]', container)
        _run("buildah", "commit", "--rm", container, name)
    return name


def _is_built(name: str) -> bool:
    return name in _run("buildah", "images", "--format", "{{.Name}}:{{.Tag}}").split()


def _run(*command: str, **environ: str) -> str:
    ended = subprocess.run(
        command, env={**os.environ, **STORAGE, **environ}, capture_output=True, text=True
    )
    words = f"{ended.stdout}\n{ended.stderr}"
    assert ended.returncode == 0, f"{' '.join(command)[:200]}: {words[-3000:]}"
    return ended.stdout

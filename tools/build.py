"""Build the programs that tests run from their Go modules, each once for its versions.

    python tools/build.py NAME…

`MODULE/go.mod` and `MODULE/go.sum` beside this file pin everything. A binary lies outside the
tree, in a folder that is named by a hash of its module's pins, its package, the flags and the
compiler: a change of any builds anew, and nothing stale is ever used. Prints a path a line.

MinIO is under the AGPL: it is built where tests run and talked to over the network, and it is no
part of anything that is shipped.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
FLAGS = ("-trimpath", "-buildvcs=false")
KUBERNETES = " ".join(
    f"-X {package}.gitVersion={{version}} -X {package}.gitMajor={{major}}"
    f" -X {package}.gitMinor={{minor}} -X {package}.gitTreeState=clean"
    for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
)
"""Makes a binary know its version: the API server calls itself v0.0.0 without."""
HELM = " ".join(
    f"-X helm.sh/helm/v3/{package}Major={{major}} -X helm.sh/helm/v3/{package}Minor={{minor}}"
    for package in ("pkg/lint/rules.k8sVersion", "pkg/chartutil.k8sVersion")
)
"""Makes helm render for the same Kubernetes, and not for 1.20."""


@dataclass(frozen=True)
class Program:
    """What one binary is made of.

    Args:
        module: Folder of the Go module that pins it.
        package: Go package of its `main`.
        stamps: Settings of the linker, with `{version}`, `{major}` and `{minor}` of Kubernetes.
    """

    module: str
    package: str
    stamps: str = ""


PROGRAMS = {
    "etcd": Program("cluster", "go.etcd.io/etcd/server/v3"),
    "helm": Program("cluster", "helm.sh/helm/v3/cmd/helm", HELM),
    **{
        name: Program("cluster", f"k8s.io/kubernetes/cmd/{name}", KUBERNETES)
        for name in (
            *("kube-apiserver", "kube-controller-manager", "kube-scheduler"),
            *("kubectl", "kubelet"),
        )
    },
    "kwok": Program("kwok", "sigs.k8s.io/kwok/cmd/kwok"),
    # Pinned by a pseudo-version, because its release tags are no Go versions.
    "minio": Program("minio", "github.com/minio/minio"),
}


def main() -> None:
    """Build what is missing and print where all of it lies."""
    for name in sys.argv[1:]:
        print(build(name))


def build(name: str) -> Path:
    """Build a binary if it is not there yet, and wait where another process builds it.

    Returns:
        Where it lies.

    Raises:
        FileNotFoundError: There is no Go on this machine.
        subprocess.CalledProcessError: The build failed; its output is on standard error.
    """
    program = PROGRAMS[name]
    path = cache_folder(program) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with (path.parent / ".lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            print(f"building {name} (once)", file=sys.stderr)
            partial = path.with_name(f".{name}")
            ldflags = f"-ldflags=-s -w {_filled(program)}"
            _go(program.module, "build", *FLAGS, ldflags, "-o", str(partial), program.package)
            partial.replace(path)
    return path


def cache_folder(program: Program) -> Path:
    """Return where the binary of these pins lies."""
    digest = hashlib.sha256()
    for pins in ("go.mod", "go.sum"):
        digest.update((HERE / program.module / pins).read_bytes())
    compiler = _go(program.module, "version")
    digest.update(repr((program.package, program.stamps, FLAGS, compiler)).encode())
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return root / "mixatlas" / "binaries" / digest.hexdigest()[:16]


def _filled(program: Program) -> str:
    """Return the stamps with the version of the Kubernetes that the module pins."""
    if not program.stamps:
        return ""
    version = _go(program.module, "list", "-m", "-f", "{{.Version}}", "k8s.io/kubernetes").strip()
    major, minor = version.removeprefix("v").split(".")[:2]
    return program.stamps.format(version=version, major=major, minor=minor)


def _go(module: str, *arguments: str) -> str:
    environ = {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": "-mod=readonly"}
    command = ["go", *arguments]
    return subprocess.run(
        command, cwd=HERE / module, env=environ, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


if __name__ == "__main__":
    main()

"""Build the binaries of the test cluster from their Go modules, once for each set of versions.

    python tools/cluster/build.py [NAME …]

`go.mod` and `go.sum` beside this file pin everything. Binaries go to a folder outside the tree
that is named by a hash of the pins, the flags and the compiler, so that a change of any builds
anew and nothing stale is ever used. Prints that folder.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PACKAGES = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
    "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
    "kubelet": "k8s.io/kubernetes/cmd/kubelet",
    "kubectl": "k8s.io/kubernetes/cmd/kubectl",
    "helm": "helm.sh/helm/v3/cmd/helm",
}
FLAGS = ("-trimpath", "-buildvcs=false")


def main() -> None:
    """Build what is missing and print the folder."""
    print(build(sys.argv[1:] or list(PACKAGES)))


def build(names: list[str]) -> Path:
    """Build the named binaries that are not there yet.

    Returns:
        The folder that holds them.

    Raises:
        FileNotFoundError: There is no Go on this machine.
        subprocess.CalledProcessError: A build failed; its output is on standard error.
    """
    folder = cache_folder()
    missing = [name for name in names if not (folder / name).exists()]
    if not missing:
        return folder
    print(f"building {', '.join(missing)} (once)", file=sys.stderr)
    folder.mkdir(parents=True, exist_ok=True)
    version = _go("list", "-m", "-f", "{{.Version}}", "k8s.io/kubernetes").strip()
    for name in missing:
        partial = folder / f".{name}.{os.getpid()}"
        ldflags = f"-s -w {_stamps(name, version)}"
        _go("build", *FLAGS, "-ldflags", ldflags, "-o", str(partial), PACKAGES[name])
        partial.replace(folder / name)
    return folder


def cache_folder() -> Path:
    """Return where binaries of these pins lie."""
    digest = hashlib.sha256()
    for path in ("go.mod", "go.sum", "build.py"):
        digest.update((HERE / path).read_bytes())
    digest.update(_go("version").encode())
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return root / "mixatlas" / "cluster" / digest.hexdigest()[:16]


def _stamps(name: str, version: str) -> str:
    """Return the linker's settings that make a binary know its version.

    Without them the API server calls itself v0.0.0, and helm renders for Kubernetes 1.20.
    """
    major, minor = version.removeprefix("v").split(".")[:2]
    if name == "helm":
        packages = ("pkg/lint/rules.k8sVersion", "pkg/chartutil.k8sVersion")
        return " ".join(
            f"-X helm.sh/helm/v3/{package}Major={major} -X helm.sh/helm/v3/{package}Minor={minor}"
            for package in packages
        )
    return " ".join(
        f"-X {package}.gitVersion={version} -X {package}.gitMajor={major}"
        f" -X {package}.gitMinor={minor} -X {package}.gitTreeState=clean"
        for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    )


def _go(*arguments: str) -> str:
    environ = {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": "-mod=readonly"}
    ended = subprocess.run(
        ["go", *arguments], cwd=HERE, env=environ, check=True, stdout=subprocess.PIPE, text=True
    )
    return ended.stdout


if __name__ == "__main__":
    main()

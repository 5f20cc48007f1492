"""containerd with a state of its own, whose images are kept from run to run."""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from node_images import CACHE, STORAGE
from processes import end, until

ROOT = CACHE / "containerd"
_BLOBS = ROOT / "io.containerd.content.v1.content" / "blobs" / "sha256"
_SETTINGS = """\
version = 2
root = "{root}"
state = "{folder}/state"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.tracing.processor.v1.otlp"]
[grpc]
  address = "{socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  stream_server_address = "127.0.0.1"
  disable_apparmor = true
  # Root of a build machine may not be allowed to lower an OOM score.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    conf_dir = "{folder}/cni"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{folder}/registries"
"""
_NETWORK = {"cniVersion": "0.4.0", "name": "loopback", "plugins": [{"type": "loopback"}]}
"""Enough for a node to be ready; pods on the host's network never call it."""
_NO_REGISTRY = """\
server = "http://127.0.0.1:1"
[host."http://127.0.0.1:1"]
  capabilities = ["pull", "resolve"]
"""
"""Every registry is there, and nobody answers: a missing image is an error at once."""


@dataclass(frozen=True, slots=True)
class Containerd:
    """A running containerd.

    Attributes:
        socket: Where it listens.
    """

    socket: Path

    def load(self, image: str) -> None:
        """Give it an image that buildah has built; layers that it has are not copied again."""
        with TemporaryDirectory(dir=CACHE) as folder:
            layout = Path(folder)
            known = {digest.removeprefix("sha256:") for digest in self._ctr("content", "ls", "-q")}
            (layout / "blobs" / "sha256").mkdir(parents=True)
            for digest in known:  # what is there is not written again
                os.link(_BLOBS / digest, layout / "blobs" / "sha256" / digest)
            subprocess.run(
                [
                    *("skopeo", "copy", "--quiet", "--dest-oci-accept-uncompressed-layers"),
                    f"containers-storage:{image}",
                    f"oci:{layout}:{image}",
                ],
                env={**os.environ, **STORAGE},
                check=True,
                capture_output=True,
            )
            self._import(layout, known)

    def _import(self, layout: Path, known: set[str]) -> None:
        """Stream what is new, each file until it is sent: a layer may have gigabytes."""
        importer = subprocess.Popen(
            [*self._command(), "images", "import", "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )
        assert importer.stdin is not None
        with (
            importer.stdin,
            tarfile.open(fileobj=importer.stdin, mode="w|", bufsize=1 << 20) as archive,
        ):
            for path in sorted(layout.rglob("*")):
                if path.is_file() and path.name not in known:
                    archive.add(path, str(path.relative_to(layout)))
                    path.unlink()
        assert importer.wait() == 0, "containerd did not take the image"

    def answers(self) -> bool:
        return subprocess.run([*self._command(), "version"], capture_output=True).returncode == 0

    def remove_containers(self) -> None:
        """End and forget all containers, whoever started them."""
        for container in self._ctr("containers", "ls", "-q"):
            for what in ("tasks", "containers"):  # a container that never ran has no task
                forget = [*self._command(), what, "rm", container]
                subprocess.run(forget + ["--force"] * (what == "tasks"), capture_output=True)

    def _ctr(self, *arguments: str) -> list[str]:
        ended = subprocess.run(
            [*self._command(), *arguments], check=True, capture_output=True, text=True
        )
        return ended.stdout.split()

    def _command(self) -> tuple[str, ...]:
        return ("ctr", "--address", str(self.socket), "--namespace", "k8s.io")


@contextmanager
def containerd(folder: Path, pause: str) -> Iterator[Containerd]:
    """Run containerd; at the end no container, process or mount is left.

    Args:
        folder: State, settings and log.
        pause: Name of the image that holds a pod's namespaces.
    """
    (folder / "cni").mkdir()
    (folder / "cni" / "10-loopback.conflist").write_text(json.dumps(_NETWORK))
    (folder / "registries" / "_default").mkdir(parents=True)
    (folder / "registries" / "_default" / "hosts.toml").write_text(_NO_REGISTRY)
    settings = folder / "containerd.toml"
    running = Containerd(folder / "containerd.sock")
    settings.write_text(
        _SETTINGS.format(root=ROOT, folder=folder, socket=running.socket, pause=pause)
    )
    with (folder / "containerd.log").open("wb") as log:
        process = subprocess.Popen(
            ["containerd", "--config", str(settings)], stdout=log, stderr=log
        )
    try:
        until(running.answers)
        running.remove_containers()  # of a run that was killed
        running.load(pause)
        yield running
    finally:
        if process.poll() is None:
            running.remove_containers()
        end(process)
        _unmount_below(folder)


def _unmount_below(folder: Path) -> None:
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for place in sorted(mounts, reverse=True):
        if place.startswith(f"{folder}/"):
            subprocess.run(["umount", place], check=True)

"""A real node: a kubelet on containerd, for pods with real images.

Its pods share the host's network, so that they reach the API server, and nothing but loopback
addresses is used. There is one such node a machine at a time: the first has the API server's
address of a cluster's inside.
"""

from __future__ import annotations

import errno
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from containerd import Containerd, containerd
from control_plane import HOST, ControlPlane
from mixatlas.local.s3_files import free_ports
from processes import end, until

Plain = dict[str, Any]
_ADMISSION = "/apis/admissionregistration.k8s.io/v1beta1"
_POLICY = """\
apiVersion: admissionregistration.k8s.io/v1beta1
kind: MutatingAdmissionPolicy
metadata: {name: host-network}
spec:
  matchConstraints:
    resourceRules:
      - {apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}
  reinvocationPolicy: Never
  mutations:
    - patchType: ApplyConfiguration
      applyConfiguration: {expression: "Object{spec: Object.spec{hostNetwork: true}}"}
"""
_BINDING = """\
apiVersion: admissionregistration.k8s.io/v1beta1
kind: MutatingAdmissionPolicyBinding
metadata: {name: host-network}
spec: {policyName: host-network}
"""
_POD = """\
apiVersion: v1
kind: Pod
metadata: {name: never-created}
spec: {containers: [{name: main, image: "localhost/none:1"}]}
"""


@contextmanager
def node(folder: Path, plane: ControlPlane, kubelet: Path, pause: str) -> Iterator[Containerd]:
    """Join a node to a control plane; at the end no process, mount or cgroup is left.

    Args:
        folder: State, volumes and logs.
        plane: At `SERVICE_ADDRESS`.
        kubelet: The binary.
        pause: Name of the image that holds a pod's namespaces.

    Yields:
        The node's containerd, to load images into.
    """
    cgroup = f"mixatlas-{folder.name}"
    with _cgroup(cgroup), containerd(folder, pause) as runtime:
        settings = folder / "kubelet.json"
        settings.write_text(json.dumps(_settings(folder, plane, runtime, cgroup)))
        with (folder / "kubelet.log").open("wb") as log:
            process = subprocess.Popen(
                [
                    str(kubelet),
                    f"--config={settings}",
                    f"--kubeconfig={plane.node_kubeconfig()}",
                    f"--root-dir={folder}/kubelet",
                    f"--cert-dir={folder}/kubelet/pki",
                    f"--hostname-override={HOST}",
                ],
                stdout=log,
                stderr=log,
            )
        try:
            until(lambda: _is_ready(plane))
            _put_pods_on_the_hosts_network(plane)
            yield runtime
        finally:
            # Before containers are removed: it would start them again.
            end(process)


def _settings(folder: Path, plane: ControlPlane, runtime: Containerd, cgroup: str) -> Plain:
    port, health_port = free_ports(2)
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": HOST,
        "port": port,
        "healthzBindAddress": HOST,
        "healthzPort": health_port,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(plane.client_certificate)},
        },
        "authorization": {"mode": "Webhook"},
        "containerRuntimeEndpoint": f"unix://{runtime.socket}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cgroup}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "resolvConf": "",
        "makeIPTablesUtilChains": False,
        "evictionHard": {"memory.available": "50Mi"},
        "imageGCHighThresholdPercent": 100,
        "podLogsDir": str(folder / "logs"),
        "volumePluginDir": str(folder / "plugins"),
    }


def _is_ready(plane: ControlPlane) -> bool:
    found = plane.api.get(f"/api/v1/nodes/{HOST}") or {}
    conditions = found.get("status", {}).get("conditions", ())
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _put_pods_on_the_hosts_network(plane: ControlPlane) -> None:
    api = plane.api
    api.create(f"{_ADMISSION}/mutatingadmissionpolicies", yaml.safe_load(_POLICY))
    api.create(f"{_ADMISSION}/mutatingadmissionpolicybindings", yaml.safe_load(_BINDING))
    pods, pod = "/api/v1/namespaces/default/pods", yaml.safe_load(_POD)
    until(lambda: api.create(pods, pod, dryRun="All")["spec"].get("hostNetwork"))


@contextmanager
def _cgroup(name: str) -> Iterator[None]:
    """Keep a node's cgroups below one of its own, and remove them."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    tops = [Path(place) / name for _, place, kind, *_ in mounts if kind in ("cgroup", "cgroup2")]
    for top in tops:
        top.mkdir(exist_ok=True)
    try:
        yield
    finally:
        for top in tops:
            below = (path for path in top.rglob("*") if path.is_dir())
            for group in (*sorted(below, reverse=True), top):
                until(partial(_is_removed, group))


def _is_removed(group: Path) -> bool:
    """Remove a cgroup; its last process may still be ending."""
    try:
        group.rmdir()
    except OSError as error:
        if error.errno == errno.EBUSY:
            return False
        raise
    return True

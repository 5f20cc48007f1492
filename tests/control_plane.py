"""A real Kubernetes control plane on 127.0.0.1, and a kubelet that runs pods as threads.

etcd, kube-apiserver and kube-controller-manager are built from their Go modules
(`tools/build.py`); they start in some seconds and leave nothing. Pods are run by `PodRunner`.
"""

from __future__ import annotations

import base64
import json
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from kubernetes import config
from kubernetes.client import ApiClient, ApiException, Configuration

from mixatlas.contract.errors import ApiRefused, ApiUnavailable
from mixatlas.controller.api import Api
from mixatlas.local.s3_files import free_ports
from processes import end, until

HOST = "127.0.0.1"
JOB_NAME = "batch.kubernetes.io/job-name"
SERVICE_ADDRESS = ("127.96.0.1", 443)
"""Of the `kubernetes` Service: a loopback address too, which only one cluster can have."""
NODE_USER = f"system:node:{HOST}"
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "Metadata", "verbs": ["create", "update", "patch", "delete"]},
        {"level": "None"},
    ],
}
Plain = dict[str, Any]


class Write(NamedTuple):
    """One write that the API server was sent."""

    verb: str
    resource: str
    time: float
    """Seconds since 1970."""


class ControlPlane:
    """Runs from `with` to its end.

    Args:
        folder: Data, keys and logs.
        binaries: Of etcd and Kubernetes, from `tools/build.py`.
        address: Where the API server listens; left out, a free port. At `SERVICE_ADDRESS` the
            clients of pods find it with no proxy between.

    Attributes:
        api: As an administrator.
        kubeconfig: Of the administrator.
    """

    def __init__(
        self, folder: Path, binaries: Mapping[str, Path], address: tuple[str, int] | None = None
    ) -> None:
        self._folder = folder
        self._binaries = binaries
        self._tokens = {user: secrets.token_hex(16) for user in ("admin", NODE_USER)}
        self._processes: list[subprocess.Popen[bytes]] = []
        self._etcd, self._peer, port, self._manager, self._scheduler = free_ports(5)
        self._host, self._port = address or (HOST, port)
        self.kubeconfig = folder / "admin.kubeconfig"
        self.api: Api

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def _start(self) -> None:
        etcd = f"http://{HOST}:{self._etcd}"
        peer = f"http://{HOST}:{self._peer}"
        self._run(
            "etcd",
            f"--data-dir={self._folder}/etcd",
            "--unsafe-no-fsync",
            "--name=test",
            f"--listen-client-urls={etcd}",
            f"--advertise-client-urls={etcd}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=test={peer}",
            "--log-level=warn",
        )
        key = self._folder / "sa.key"
        subprocess.run(
            ["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True
        )
        policy = self._folder / "audit.yaml"
        policy.write_text(json.dumps(AUDIT_POLICY))
        tokens = self._folder / "tokens.csv"
        tokens.write_text(
            f"{self._tokens['admin']},admin,admin,system:masters\n"
            f"{self._tokens[NODE_USER]},{NODE_USER},node,system:nodes\n"
        )
        self._write_client_certificate()
        self._run(
            "kube-apiserver",
            f"--etcd-servers={etcd}",
            f"--bind-address={self._host}",
            f"--advertise-address={self._host}",
            f"--secure-port={self._port}",
            "--endpoint-reconciler-type=none",
            f"--audit-policy-file={policy}",
            f"--audit-log-path={self._folder}/audit.log",
            f"--cert-dir={self._folder}/pki",
            f"--token-auth-file={tokens}",
            "--authorization-mode=Node,RBAC",
            f"--kubelet-client-certificate={self.client_certificate}",
            f"--kubelet-client-key={self.client_certificate.with_suffix('.key')}",
            # Lets a test put every pod on the host's network.
            "--feature-gates=MutatingAdmissionPolicy=true",
            "--runtime-config=admissionregistration.k8s.io/v1beta1=true",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            f"--service-cluster-ip-range={SERVICE_ADDRESS[0]}/16",
            "--profiling=false",
        )
        certificate = self._folder / "pki" / "apiserver.crt"
        until(certificate.exists)
        self._write_kubeconfig(self.kubeconfig, "admin")
        self.api = connect(self.kubeconfig)
        self._until_answered(lambda: self.api.get("/api/v1/namespaces/default"))
        self._run(
            "kube-controller-manager",
            f"--kubeconfig={self.kubeconfig}",
            f"--bind-address={HOST}",
            f"--secure-port={self._manager}",
            "--leader-elect=false",
            "--use-service-account-credentials=true",
            f"--root-ca-file={certificate}",
            f"--service-account-private-key-file={key}",
            "--kube-api-qps=300",
            "--kube-api-burst=600",
            "--profiling=false",
        )
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        self._until_answered(lambda: self.api.get(account))

    def writes(self, agent: str, namespace: str) -> list[Write]:
        """Return every write that a client sent, in order.

        Args:
            agent: How its user agent begins.
            namespace: Where it wrote.
        """
        entries = (json.loads(line) for line in (self._folder / "audit.log").open())
        return [
            Write(
                entry["verb"],
                entry["objectRef"]["resource"],
                datetime.fromisoformat(entry["requestReceivedTimestamp"]).timestamp(),
            )
            for entry in entries
            if entry.get("userAgent", "").startswith(agent)
            and entry["objectRef"].get("namespace") == namespace
            and "dryRun=All" not in entry["requestURI"]
        ]

    @contextmanager
    def frozen_api(self) -> Iterator[None]:
        """Let the API server keep its connections, and answer nothing."""
        server = self._processes[1]
        server.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            server.send_signal(signal.SIGCONT)

    @property
    def client_certificate(self) -> Path:
        """What the API server shows to a kubelet."""
        return self._folder / "kubelet-client.crt"

    def node_kubeconfig(self) -> Path:
        """Return the kubeconfig of the one node that may join, named as its address."""
        path = self._folder / "node.kubeconfig"
        self._write_kubeconfig(path, NODE_USER)
        return path

    def start_scheduler(self) -> None:
        """Start kube-scheduler: only pods of real or simulated nodes need one."""
        self._run(
            "kube-scheduler",
            f"--kubeconfig={self.kubeconfig}",
            f"--bind-address={HOST}",
            f"--secure-port={self._scheduler}",
            "--leader-elect=false",
            "--kube-api-qps=300",
            "--kube-api-burst=600",
            "--profiling=false",
        )

    def _run(self, name: str, *arguments: str) -> None:
        with (self._folder / f"{name}.log").open("wb") as log:
            self._processes.append(
                subprocess.Popen([str(self._binaries[name]), *arguments], stdout=log, stderr=log)
            )

    def _until_answered(self, ask: Callable[[], Plain | None]) -> None:
        def answered() -> Plain | None:
            for process in self._processes:
                assert process.poll() is None, f"{process.args} ended; see its log"
            with suppress(ApiUnavailable, ApiRefused, ApiException):
                return ask()
            return None

        until(answered, seconds=120)

    def _write_client_certificate(self) -> None:
        """Write what the API server shows to a kubelet, signed by itself."""
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-days", "30"),
                *("-subj", "/O=system:masters/CN=apiserver"),
                *("-out", str(self.client_certificate)),
                *("-keyout", str(self.client_certificate.with_suffix(".key"))),
            ],
            check=True,
            capture_output=True,
        )

    def _write_kubeconfig(self, path: Path, user: str) -> None:
        certificate = (self._folder / "pki" / "apiserver.crt").read_bytes()
        authority = base64.b64encode(certificate).decode()
        server = f"https://{self._host}:{self._port}"
        path.write_text(
            json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": "test",
                    "clusters": [
                        {
                            "name": "test",
                            "cluster": {
                                "server": server,
                                "certificate-authority-data": authority,
                            },
                        }
                    ],
                    "users": [{"name": user, "user": {"token": self._tokens[user]}}],
                    "contexts": [{"name": "test", "context": {"cluster": "test", "user": user}}],
                }
            )
        )

    def _stop(self) -> None:
        for process in reversed(self._processes):
            end(process)


def connect(kubeconfig: Path) -> Api:
    """Return the API as the user of a kubeconfig."""
    settings = Configuration()
    config.load_kube_config(str(kubeconfig), client_configuration=settings)
    return Api(ApiClient(settings))


Program = Callable[[Mapping[str, str], Callable[[float], bool]], int]
"""From a container's environment, and a wait that the pod's deletion ends, to an exit code."""


class PodRunner:
    """Runs the pods of Jobs as threads of this process, as a kubelet runs containers.

    Args:
        api: Of the cluster.
        program: What every container runs.
        namespace: Whose pods it runs; None runs all.
    """

    def __init__(self, api: Api, program: Program, namespace: str | None = None) -> None:
        self._api = api
        self._pods = f"/api/v1/namespaces/{namespace}/pods" if namespace else "/api/v1/pods"
        self._program = program
        self._started: set[str] = set()
        self._ends: dict[str, threading.Event] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.created: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._end_all_but(set())

    def _watch(self) -> None:
        while not self._stop.wait(0.1):
            with suppress(ApiUnavailable):
                pods = list(self._api.list(self._pods, labelSelector=JOB_NAME))
                for pod in pods:
                    self._take(pod)
                self._end_all_but({pod["metadata"]["uid"] for pod in pods})

    def _take(self, pod: Plain) -> None:
        uid = pod["metadata"]["uid"]
        if uid in self._started or pod.get("status", {}).get("phase") != "Pending":
            return
        self._started.add(uid)
        self._ends[uid] = threading.Event()
        self.created.append(pod["metadata"]["labels"][JOB_NAME])
        threading.Thread(target=self._run, args=(pod,), daemon=True).start()

    def _end_all_but(self, kept: set[str]) -> None:
        """End the containers of pods that were deleted."""
        for uid in self._ends.keys() - kept:
            self._ends[uid].set()

    def _run(self, pod: Plain) -> None:
        self._tell(pod, "Running", {"running": {"startedAt": _now()}})
        environ = environment_of(self._api, pod)
        try:
            code = self._program(environ, self._ends[pod["metadata"]["uid"]].wait)
        except Exception as error:  # as a process ends
            print(f"{pod['metadata']['name']}: {error!r}", file=sys.stderr)
            code = 1
        ended = {"exitCode": code, "startedAt": _now(), "finishedAt": _now()}
        self._tell(pod, "Failed" if code else "Succeeded", {"terminated": ended})

    def _tell(self, pod: Plain, phase: str, state: Plain) -> None:
        metadata, container = pod["metadata"], pod["spec"]["containers"][0]
        status = {
            "phase": phase,
            "containerStatuses": [
                {
                    "name": container["name"],
                    "image": container["image"],
                    "imageID": f"{container['image']}@sha256:{'0' * 64}",
                    "ready": False,
                    "restartCount": 0,
                    "state": state,
                }
            ],
        }
        path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/status"
        with suppress(ApiRefused):  # deleted meanwhile
            self._api.patch(path, {"status": status}, "merge")


def environment_of(api: Api, pod: Plain) -> dict[str, str]:
    """Return what a kubelet would put into the environment of a pod's first container.

    Args:
        api: May read the Secrets that the pod names.
        pod: As the API server has it.
    """
    metadata = pod["metadata"]
    found = {}
    for variable in pod["spec"]["containers"][0].get("env", ()):
        source = variable.get("valueFrom", {})
        if "fieldRef" in source:
            # `metadata.uid`, or `metadata.labels['…']`
            field, _, key = source["fieldRef"]["fieldPath"].removesuffix("']").partition("['")
            value = metadata[field.removeprefix("metadata.")]
            found[variable["name"]] = value[key] if key else value
        elif "secretKeyRef" in source:
            reference = source["secretKeyRef"]
            path = f"/api/v1/namespaces/{metadata['namespace']}/secrets/{reference['name']}"
            data = (api.get(path) or {}).get("data", {})
            if reference["key"] in data:
                found[variable["name"]] = base64.b64decode(data[reference["key"]]).decode()
        else:
            found[variable["name"]] = variable["value"]
    return found


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

"""The chart on a real API server: the operator runs as its pod would, with its rights alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

import scripted_trainer
from binaries import built
from control_plane import ControlPlane, PodRunner, connect, environment_of
from helm import CHART, RELEASE, Helm, HelmRefused
from mixatlas.controller.api import Api
from mixatlas.controller.names import GROUP, LEASE, config_maps_path, events_path, lease_path
from mixatlas.local.s3_files import free_ports
from mixatlas.local.s3_server import S3Server
from operator_cluster import SECRET, Cluster
from processes import until
from small_search import document as small

CRD = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/mixturesearches.{GROUP}"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
LIMIT_S = 300
"""For what a search does; two cores may be shared with much else."""
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
Plain = dict[str, Any]


def document(script: str = "") -> str:
    return small(parallelism=3, script=script) + "  output: {formats: [csv]}\n"


@dataclass
class Release:
    """A release of the chart, and a kubelet's part for its Deployment.

    Args:
        plane: The cluster.
        helm: For it.
        s3: The store of all searches.
        namespace: Of the release.
        folder: For what the operator's process needs.
    """

    plane: ControlPlane
    helm: Helm
    s3: S3Server
    namespace: str
    folder: Path
    values: Plain = field(default_factory=dict)
    pod: Plain = field(default_factory=dict)
    """The one that runs."""
    process: subprocess.Popen[bytes] | None = None
    port: int = 0
    """Of its pages."""

    def install(self, values: Plain) -> None:
        self.values = self._with_storage(values)
        self._helm("install", values=self.values)

    def upgrade(self, values: Plain) -> None:
        self._helm("upgrade", values={**self.values, **values})

    def rollback(self, revision: int) -> None:
        self.helm.run("rollback", RELEASE, str(revision), "-n", self.namespace)

    def uninstall(self) -> None:
        self.helm.run("uninstall", RELEASE, "-n", self.namespace)

    @property
    def log(self) -> Path:
        return self.folder / "operator.log"

    def account_api(self) -> Api:
        """Return the cluster as the operator's ServiceAccount sees it."""
        return connect(self._kubeconfig())

    def run_pod(self) -> None:
        """Run the Deployment's next pod as a process of this machine."""
        self.pod = until(self.next_pod)
        (self.port,) = free_ports(1)
        environ = {
            "PATH": os.environ["PATH"],
            "KUBECONFIG": str(self._kubeconfig()),
            **environment_of(self.plane.api, self.pod),
            "MIXATLAS_ADDRESS": "127.0.0.1",
            "MIXATLAS_PORT": str(self.port),
            "MIXATLAS_JOB_RETENTION_S": "1",
            "MIXATLAS_RESYNC_S": "2",
        }
        assert self.pod["spec"]["containers"][0]["command"] == ["mixatlas", "operator"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", "from mixatlas.cli import main; main()", "operator"],
                env=environ,
                stdout=log,
                stderr=log,
            )

    def replace_pod(self) -> None:
        """Do what a kubelet does when the pod is deleted: end it; then run its successor."""
        path = f"/api/v1/namespaces/{self.namespace}/pods/{self.pod['metadata']['name']}"
        until(lambda: self.plane.api.get(path) is None)
        self.stop_pod()
        self.run_pod()

    def stop_pod(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            code = self.process.wait(timeout=LIMIT_S)
            self.process = None
            assert code == 0, self.log.read_text()[-3000:]

    def next_pod(self) -> Plain | None:
        """Return the Deployment's pod, once it is another than the one that runs."""
        selector = "app.kubernetes.io/component=operator"
        pods = self.plane.api.list(
            f"/api/v1/namespaces/{self.namespace}/pods", labelSelector=selector
        )
        old = self.pod.get("metadata", {}).get("uid")
        return next((pod for pod in pods if pod["metadata"]["uid"] != old), None)

    def _with_storage(self, values: Plain) -> Plain:
        keys = self.s3.settings
        storage = {
            "endpoint": keys.endpoint,
            "accessKeyId": keys.access_key,
            "secretAccessKey": keys.secret_key,
            "podSecretName": SECRET,
        }
        return {"storage": storage, **values}

    def _helm(self, verb: str, values: Plain) -> None:
        self.helm.run(verb, RELEASE, CHART, "-n", self.namespace, values=values)

    def _kubeconfig(self) -> Path:
        """Write a kubeconfig of the ServiceAccount, with a token as its pod gets it."""
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": 3600},
        }
        accounts = f"/api/v1/namespaces/{self.namespace}/serviceaccounts"
        token = self.plane.api.create(f"{accounts}/{RELEASE}/token", request)["status"]["token"]
        admin = json.loads(self.plane.kubeconfig.read_text())
        admin["users"][0]["user"] = {"token": token}
        path = self.folder / "account.kubeconfig"
        path.write_text(json.dumps(admin))
        return path


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A cluster without the custom resource: the chart brings it."""
    binaries = built("etcd", "kube-apiserver", "kube-controller-manager")
    with ControlPlane(tmp_path_factory.mktemp("chart"), binaries) as plane:
        yield plane


@pytest.fixture
def pod_runner(control_plane: ControlPlane) -> Iterator[PodRunner]:
    """Runs the pods of all namespaces."""
    with PodRunner(control_plane.api, scripted_trainer.main) as runner:
        yield runner


@pytest.fixture(scope="module")
def helm(control_plane: ControlPlane) -> Helm:
    return Helm(built("helm")["helm"], control_plane.kubeconfig)


@pytest.fixture
def namespace(control_plane: ControlPlane) -> Callable[[], str]:
    """Return a maker of namespaces in which only restricted pods are admitted."""
    numbers = count(1)

    def make() -> str:
        metadata = {"generateName": f"chart-{next(numbers)}-", "labels": RESTRICTED}
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
        return str(control_plane.api.create("/api/v1/namespaces", body)["metadata"]["name"])

    return make


@pytest.fixture
def release(
    control_plane: ControlPlane,
    helm: Helm,
    s3: S3Server,
    namespace: Callable[[], str],
    tmp_path: Path,
) -> Iterator[Release]:
    """A release that is not installed yet; nothing of it is left afterwards."""
    release = Release(control_plane, helm, s3, namespace(), tmp_path)
    try:
        yield release
    finally:
        if release.process is not None:
            release.process.kill()
            release.process.wait()
        helm.run("uninstall", RELEASE, "-n", release.namespace, "--ignore-not-found")
        control_plane.api.delete(CRD, {})
        until(lambda: control_plane.api.get(CRD) is None)


@pytest.fixture
def searches(release: Release, namespace: Callable[[], str]) -> Callable[[], Cluster]:
    """Return a maker of namespaces with the pods' Secret."""

    def make() -> Cluster:
        keys = release.s3.settings.environment()
        cluster = Cluster(release.plane, release.s3, namespace(), release.log)
        release.plane.api.create(
            f"/api/v1/namespaces/{cluster.namespace}/secrets",
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": SECRET},
                "stringData": {k: v for k, v in keys.items() if k.endswith(("_ID", "_KEY"))},
            },
        )
        return cluster

    return make


def is_served(plane: ControlPlane) -> bool:
    conditions = (plane.api.get(CRD) or {}).get("status", {}).get("conditions") or ()
    return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)


# --- searches ----------------------------------------------------------------------------------


def test_a_search_concludes_with_the_rights_of_the_chart(
    release: Release, searches: Callable[[], Cluster], pod_runner: PodRunner
) -> None:
    release.install({})
    team = searches()
    team.apply(document())
    release.run_pod()
    finished = team.until_condition("small", "Finished", "True", LIMIT_S)
    assert finished["reason"] in ("Succeeded", "NoGainShown")
    until(lambda: team.api.get(config_maps_path(team.namespace, "small-mixture")))
    until(lambda: not team.jobs())
    told = list(team.api.list(events_path(team.namespace)))
    assert [event for event in told if event["reportingController"] == f"{GROUP}/operator"]
    lease = team.api.get(lease_path(release.namespace)) or {}
    assert lease["spec"]["holderIdentity"] == release.pod["metadata"]["name"]
    assert "forbidden" not in release.log.read_text().lower()


def test_the_test_of_the_release_tells_whether_it_works(release: Release) -> None:
    release.install({})
    release.run_pod()
    until(lambda: ask_as_the_test_does(release) == 0)
    release.stop_pod()
    assert ask_as_the_test_does(release) == 1


def ask_as_the_test_does(release: Release) -> int:
    """Run the container of `helm test` here, where the Service's name has no address."""
    hooks = release.helm.run("get", "hooks", RELEASE, "-n", release.namespace)
    container = yaml.safe_load(hooks)["spec"]["containers"][0]
    [url] = container["args"]
    service, _, page = url.removeprefix("http://").partition(":8080/")
    name, _, namespace = service.partition(".")
    path = f"/api/v1/namespaces/{namespace}/services/{name}"
    assert release.plane.api.get(path), f"{url} is of no Service"
    command = [sys.executable, *container["command"][1:], f"http://127.0.0.1:{release.port}/{page}"]
    return subprocess.run(command, capture_output=True, check=False).returncode


def test_a_namespaced_operator_works_in_its_namespace_only(
    release: Release, searches: Callable[[], Cluster], pod_runner: PodRunner
) -> None:
    inside, outside = searches(), searches()
    release.install({"watchNamespace": inside.namespace})
    for cluster in (outside, inside):
        cluster.apply(document())
    release.run_pod()
    until(lambda: n_ended(inside) >= 1, LIMIT_S)
    assert "status" not in outside.search("small")
    assert outside.jobs() == []
    assert "forbidden" not in release.log.read_text().lower()

    api = release.account_api()
    assert is_allowed(api, Right("create", "batch", "jobs", inside.namespace))
    assert is_allowed(
        api, Right("update", "coordination.k8s.io", "leases", release.namespace, LEASE)
    )
    for verb, group, resource in READS_AND_WRITES:
        for namespace in (outside.namespace, release.namespace, ""):
            right = Right(verb, group, resource, namespace)
            assert not is_allowed(api, right), right


def n_ended(cluster: Cluster) -> int:
    """Return how many trials of the search have ended."""
    trials = cluster.search("small").get("status", {}).get("summary", {}).get("trials", "0/9")
    return int(trials.partition("/")[0])


def test_a_search_goes_on_through_upgrade_and_rollback(
    release: Release, searches: Callable[[], Cluster], pod_runner: PodRunner
) -> None:
    release.install({})
    team = searches()
    team.apply(document(script="slow=0.5"))
    release.run_pod()
    until(lambda: len(pod_runner.created) >= 3, LIMIT_S)
    release.upgrade({"workers": 2})
    release.replace_pod()
    assert environment_of(team.api, release.pod)["MIXATLAS_WORKERS"] == "2"
    n_before = len(pod_runner.created)
    until(lambda: len(pod_runner.created) >= n_before + 3, LIMIT_S)
    release.rollback(1)
    release.replace_pod()
    assert environment_of(team.api, release.pod)["MIXATLAS_WORKERS"] == "8"
    team.until_condition("small", "Finished", "True", LIMIT_S)
    assert len(pod_runner.created) == len(set(pod_runner.created)), "no Job twice"


# --- rights ------------------------------------------------------------------------------------


class Right(NamedTuple):
    """What one may ask for; without a namespace it is asked for in all of them."""

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""


READS_AND_WRITES = [
    ("list", GROUP, "mixturesearches"),
    ("patch", GROUP, "mixturesearches/status"),
    ("list", "", "pods"),
    ("get", "", "configmaps"),
    ("create", "batch", "jobs"),
    ("delete", "batch", "jobs"),
    ("create", "events.k8s.io", "events"),
]
NEVER = [
    *((verb, "", "secrets") for verb in ("get", "list", "watch", "create", "delete")),
    *((verb, "batch", "jobs") for verb in ("update", "patch", "deletecollection")),
    *((verb, "", "pods") for verb in ("create", "update", "patch", "delete")),
    *(("create", "", f"pods/{way}") for way in ("exec", "attach", "portforward", "eviction")),
    *((verb, "", "configmaps") for verb in ("list", "watch", "update", "delete")),
    *((verb, GROUP, "mixturesearches") for verb in ("create", "update", "patch", "delete")),
    *((verb, "coordination.k8s.io", "leases") for verb in ("create", "get", "update", "list")),
    *((verb, "", "namespaces") for verb in ("get", "list", "delete")),
    *((verb, "", "serviceaccounts") for verb in ("get", "create", "impersonate")),
    ("create", "", "serviceaccounts/token"),
    ("get", "", "nodes"),
    ("get", "apiextensions.k8s.io", "customresourcedefinitions"),
    ("get", "apps", "deployments"),
    ("bind", "rbac.authorization.k8s.io", "clusterroles"),
    ("escalate", "rbac.authorization.k8s.io", "roles"),
    ("create", "rbac.authorization.k8s.io", "rolebindings"),
    ("list", "", "events"),
]


def is_allowed(api: Api, right: Right, user: str = "") -> bool:
    """Ask the API server what a user may do; without one, what we may do ourselves."""
    resource, _, subresource = right.resource.partition("/")
    asked = {
        "verb": right.verb,
        "group": right.group,
        "resource": resource,
        "subresource": subresource,
        "namespace": right.namespace,
        "name": right.name,
    }
    kind = "SubjectAccessReview" if user else "SelfSubjectAccessReview"
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": kind,
        "spec": {"resourceAttributes": asked, **({"user": user} if user else {})},
    }
    review = api.create(f"/apis/authorization.k8s.io/v1/{kind.lower()}s", body)
    return bool(review["status"]["allowed"])


def test_the_operator_may_do_its_work_and_nothing_else(
    release: Release, namespace: Callable[[], str]
) -> None:
    release.install({})
    api, team, own = release.account_api(), namespace(), release.namespace
    for verb, group, resource in READS_AND_WRITES:
        right = Right(verb, group, resource, team)
        assert is_allowed(api, right), right
    for verb, group, resource in NEVER:
        for place in (team, ""):
            right = Right(verb, group, resource, place)
            assert not is_allowed(api, right), right
    leases = "coordination.k8s.io", "leases"
    for verb in ("get", "update", "patch"):
        assert is_allowed(api, Right(verb, *leases, own, LEASE))
        assert not is_allowed(api, Right(verb, *leases, own, "another"))
    assert is_allowed(api, Right("create", *leases, own))
    assert not is_allowed(api, Right("delete", *leases, own, LEASE))
    for place in (own, "kube-system"):
        assert not is_allowed(api, Right("get", "", "secrets", place))


SEARCH_RIGHTS = {
    "view": {"get", "list", "watch"},
    "edit": {"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"},
    "admin": {"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"},
}


@pytest.mark.parametrize("role", SEARCH_RIGHTS)
def test_the_roles_of_the_cluster_hold_searches(
    release: Release, namespace: Callable[[], str], role: str
) -> None:
    api, team, foreign = release.plane.api, namespace(), namespace()
    body = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "ana", "namespace": team},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": role,
        },
        "subjects": [{"kind": "User", "name": "ana"}],
    }
    api.create(f"{RBAC}/namespaces/{team}/rolebindings", body)
    assert not is_allowed(api, Right("get", GROUP, "mixturesearches", team), user="ana")

    release.install({})
    until(lambda: is_allowed(api, Right("get", GROUP, "mixturesearches", team), user="ana"))
    for verb in SEARCH_RIGHTS["edit"]:
        right = Right(verb, GROUP, "mixturesearches", team)
        assert is_allowed(api, right, user="ana") == (verb in SEARCH_RIGHTS[role]), right
        assert not is_allowed(api, right._replace(namespace=foreign), user="ana")
    assert not is_allowed(api, Right("patch", GROUP, "mixturesearches/status", team), user="ana")


# --- the release itself ------------------------------------------------------------------------


def test_uninstalling_leaves_searches_and_nothing_else(
    release: Release, searches: Callable[[], Cluster]
) -> None:
    release.install({})
    team = searches()
    uid = team.apply(document())["metadata"]["uid"]
    release.uninstall()
    assert team.search("small")["metadata"]["uid"] == uid
    assert left_of(release) == {"CustomResourceDefinition"}

    release.install({})
    assert team.search("small")["metadata"]["uid"] == uid


def test_uninstalling_takes_the_resource_where_it_is_not_kept(release: Release) -> None:
    release.install({"crds": {"keep": False}})
    release.uninstall()
    until(lambda: release.plane.api.get(CRD) is None)
    assert left_of(release) == set()


def test_an_upgrade_can_leave_the_resource_to_somebody_else(
    release: Release, searches: Callable[[], Cluster]
) -> None:
    release.install({})
    team = searches()
    team.apply(document())
    release.upgrade({"crds": {"install": False}})
    assert team.search("small")


def left_of(release: Release) -> set[str]:
    """Return the kinds of what there is of a release's objects, its hooks left out."""
    values = {"crds": {"keep": True}, **release.values}
    rendered = release.helm.render(values, namespace=release.namespace)
    del rendered["Pod", f"{RELEASE}-test"]
    return {kind for (kind, _), item in rendered.items() if release.plane.api.get(path_of(item))}


PATHS = {
    "ClusterRole": f"{RBAC}/clusterroles",
    "ClusterRoleBinding": f"{RBAC}/clusterrolebindings",
    "CustomResourceDefinition": CRD.rpartition("/")[0],
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "Role": f"{RBAC}/namespaces/{{}}/roles",
    "RoleBinding": f"{RBAC}/namespaces/{{}}/rolebindings",
    "Secret": "/api/v1/namespaces/{}/secrets",
    "Service": "/api/v1/namespaces/{}/services",
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
}


def path_of(item: Plain) -> str:
    metadata = item["metadata"]
    return f"{PATHS[item['kind']].format(metadata.get('namespace'))}/{metadata['name']}"


def test_a_second_release_in_the_namespace_is_refused(release: Release) -> None:
    release.install({})
    with pytest.raises(HelmRefused, match=f'Role "{LEASE}" .* exists'):
        release.helm.run(
            *("install", "second", CHART, "-n", release.namespace),
            values={"crds": {"install": False}, "rbac": {"aggregate": False}},
        )


def test_the_operators_pod_is_admitted_where_pods_are_restricted(release: Release) -> None:
    release.install({})
    until(release.next_pod)
    manifest = yaml.safe_load(release.helm.run("get", "hooks", RELEASE, "-n", release.namespace))
    release.plane.api.create(f"/api/v1/namespaces/{release.namespace}/pods", manifest)

"""What the chart makes of its values, rendered by the real Helm."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from helm import CHART, NAMESPACE, Helm, HelmRefused, Objects
from mixatlas.controller.findings import OPERATORS
from mixatlas.controller.names import LEASE
from mixatlas.controller.settings import OperatorSettings
from mixatlas.spec.running import CaBundle

ROOT = Path(__file__).parents[2]
VALUES = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
SCHEMA = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
DIGEST = f"sha256:{'a' * 64}"
NAMES = {"metadata.name": "mixatlas-7f9c-x2x", "metadata.namespace": NAMESPACE}
CLUSTER_SCOPED = {"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"}
Plain = dict[str, Any]


def pod_of(objects: Objects, name: str = "mixatlas") -> Plain:
    spec: Plain = objects["Deployment", name]["spec"]["template"]["spec"]
    return spec


def environment_of(objects: Objects) -> dict[str, str]:
    """Return the operator's environment without what Secrets give."""
    found = {}
    for variable in pod_of(objects)["containers"][0]["env"]:
        source = variable.get("valueFrom", {})
        if "fieldRef" in source:
            found[variable["name"]] = NAMES[source["fieldRef"]["fieldPath"]]
        elif not source:
            found[variable["name"]] = variable["value"]
    return found


def settings_of(objects: Objects) -> OperatorSettings:
    return OperatorSettings.read(environment_of(objects))


class Recorded(dict[str, str]):
    """An environment that knows which of its variables were asked for."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(environ)
        self.asked: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.asked.add(name)
        return super().get(name, default)

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        return super().__getitem__(name)


# --- what the operator is told -----------------------------------------------------------------


def test_by_default_it_runs_the_searches_of_all_namespaces(helm: Helm) -> None:
    objects = helm.render()
    settings = settings_of(objects)
    assert settings.namespace is None
    assert settings.gpus == 1
    assert settings.pull_secrets == ()
    assert settings.pod_secret is None
    assert settings.lease_namespace == NAMESPACE
    assert settings.identity == NAMES["metadata.name"]
    assert {kind for kind, _ in objects} == {
        *("ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "Deployment"),
        *("Pod", "Role", "RoleBinding", "Service", "ServiceAccount"),
    }


EVERYTHING: Plain = {
    "trainer": {
        "image": {"repository": "r.example/trainer", "tag": "7", "pullPolicy": "Always"},
        "gpus": 0,
        "cacheVolume": {"persistentVolumeClaim": {"claimName": "cache"}},
        "cacheGiB": 1_000_000,
    },
    "imagePullSecrets": [{"name": "one"}, {"name": "two"}],
    "storage": {
        "endpoint": "https://s3.example:9000",
        "region": "eu-north-1",
        "bucket": "research",
        "prefix": "mixtures",
        "podSecretName": "store",
    },
    "watchNamespace": "team",
    "workers": 3,
    "crds": {"install": False},
}


def test_the_operator_is_told_what_the_values_say(helm: Helm) -> None:
    settings = settings_of(helm.render(EVERYTHING))
    assert settings.trainer_image == "r.example/trainer:7"
    assert settings.trainer_pull_policy == "Always"
    assert settings.gpus == 0
    assert settings.pull_secrets == ("one", "two")
    assert settings.storage.endpoint == "https://s3.example:9000"
    assert settings.storage.region == "eu-north-1"
    assert settings.storage.bucket == "research"
    assert settings.storage.prefix == "mixtures"
    assert settings.pod_secret == "store"
    assert settings.namespace == "team"
    assert settings.workers == 3
    assert settings.port == 8080


def test_the_cache_is_told_as_a_volume_and_a_size(helm: Helm) -> None:
    settings = settings_of(helm.render(EVERYTHING))
    assert settings.cache_volume == EVERYTHING["trainer"]["cacheVolume"]
    assert settings.cache_gib == 1_000_000
    assert settings_of(helm.render()).cache_volume is None


def test_the_operator_reads_all_that_it_is_told(helm: Helm) -> None:
    told = Recorded(environment_of(helm.render(EVERYTHING)))
    OperatorSettings.read(told)
    assert {name for name in told if name.startswith("MIXATLAS_")} <= told.asked


def test_more_variables_replace_ours(helm: Helm) -> None:
    objects = helm.render(
        {
            "storage": {"existingSecret": "keys"},
            "extraEnv": [
                {"name": "MIXATLAS_WORKERS", "value": "2"},
                {"name": "MIXATLAS_IDENTITY", "value": "me"},
                {"name": "AWS_ACCESS_KEY_ID", "value": "other"},
                {"name": "HTTPS_PROXY", "value": "http://proxy:3128"},
            ],
        }
    )
    names = [variable["name"] for variable in pod_of(objects)["containers"][0]["env"]]
    assert len(names) == len(set(names))
    told = environment_of(objects)
    assert told["MIXATLAS_WORKERS"] == "2"
    assert told["MIXATLAS_IDENTITY"] == "me"
    assert told["AWS_ACCESS_KEY_ID"] == "other"
    assert told["HTTPS_PROXY"] == "http://proxy:3128"


# --- images ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("image", "reference"),
    [
        pytest.param({}, "r.example/x:0.1.0", id="our version"),
        pytest.param({"tag": "7"}, "r.example/x:7", id="tag"),
        pytest.param({"tag": "7", "digest": DIGEST}, f"r.example/x@{DIGEST}", id="digest wins"),
    ],
)
def test_an_image_is_named_by_digest_tag_or_version(
    helm: Helm, image: Plain, reference: str
) -> None:
    image = {"repository": "r.example/x", **image}
    objects = helm.render({"image": image, "trainer": {"image": image}})
    assert pod_of(objects)["containers"][0]["image"] == reference
    assert objects["Pod", "mixatlas-test"]["spec"]["containers"][0]["image"] == reference
    assert settings_of(objects).trainer_image == reference


def test_the_chart_has_our_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert chart["version"] == chart["appVersion"] == project["version"]


def test_all_pods_pull_with_the_same_secrets(helm: Helm) -> None:
    secrets = [{"name": "one"}, {"name": "two"}]
    objects = helm.render({"imagePullSecrets": secrets})
    assert pod_of(objects)["imagePullSecrets"] == secrets
    assert objects["Pod", "mixatlas-test"]["spec"]["imagePullSecrets"] == secrets


# --- storage -----------------------------------------------------------------------------------


def references(objects: Objects) -> dict[str, Plain]:
    return {
        variable["name"]: variable["valueFrom"]["secretKeyRef"]
        for variable in pod_of(objects)["containers"][0]["env"]
        if "secretKeyRef" in variable.get("valueFrom", {})
    }


def test_credentials_come_from_a_secret_that_is_there(helm: Helm) -> None:
    objects = helm.render({"storage": {"existingSecret": "keys"}})
    found = references(objects)
    assert {reference["name"] for reference in found.values()} == {"keys"}
    assert {name for name, reference in found.items() if not reference["optional"]} == {
        *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    }
    assert not [kind for kind, _ in objects if kind == "Secret"]


def test_credentials_come_from_a_secret_of_the_chart(helm: Helm) -> None:
    keys = {"accessKeyId": "anna", "secretAccessKey": 'a"b: {'}
    objects = helm.render({"storage": keys})
    secret = objects["Secret", "mixatlas-storage"]
    assert secret["stringData"] == {
        "AWS_ACCESS_KEY_ID": "anna",
        "AWS_SECRET_ACCESS_KEY": 'a"b: {',
    }
    assert {reference["name"] for reference in references(objects).values()} == {"mixatlas-storage"}


def test_without_credentials_the_identity_of_the_account_is_used(helm: Helm) -> None:
    annotations = {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/mixatlas"}
    objects = helm.render({"serviceAccount": {"annotations": annotations}})
    assert references(objects) == {}
    assert objects["ServiceAccount", "mixatlas"]["metadata"]["annotations"] == annotations


@pytest.mark.parametrize(
    ("storage", "words"),
    [
        ({"accessKeyId": "anna"}, "accessKeyId and secretAccessKey go together"),
        ({"secretAccessKey": "x"}, "accessKeyId and secretAccessKey go together"),
        ({"existingSecret": "keys", "accessKeyId": "a", "secretAccessKey": "b"}, "not both"),
    ],
    ids=["id alone", "key alone", "two sources"],
)
def test_credentials_that_contradict_are_refused(helm: Helm, storage: Plain, words: str) -> None:
    with pytest.raises(HelmRefused, match=words):
        helm.render({"storage": storage})


def test_new_credentials_start_the_pod_anew(helm: Helm) -> None:
    def template(secret: str) -> Plain:
        keys = {"accessKeyId": "anna", "secretAccessKey": secret}
        found: Plain = helm.render({"storage": keys})["Deployment", "mixatlas"]["spec"]["template"]
        return found

    assert template("a") == template("a")
    assert template("a") != template("b")


def test_a_private_authority_is_where_the_operator_looks(helm: Helm) -> None:
    objects = helm.render({"storage": {"caBundle": {"configMap": "minio-ca", "key": "root.pem"}}})
    pod = pod_of(objects)
    bundle = environment_of(objects)["AWS_CA_BUNDLE"]
    folder, _, file = bundle.rpartition("/")
    [mount] = [m for m in pod["containers"][0]["volumeMounts"] if m["mountPath"] == folder]
    [volume] = [v for v in pod["volumes"] if v["name"] == mount["name"]]
    assert volume["configMap"] == {
        "name": "minio-ca",
        "items": [{"key": "root.pem", "path": file}],
    }
    told = environment_of(objects)
    del told["AWS_CA_BUNDLE"]  # there is no such file here
    bundle_of_pods = OperatorSettings.read(told).pod_ca_bundle
    assert bundle_of_pods == CaBundle(config_map="minio-ca", key="root.pem")
    without = environment_of(helm.render())
    assert not {"AWS_CA_BUNDLE", "MIXATLAS_POD_CA_BUNDLE"} & without.keys()


# --- scope and roles ---------------------------------------------------------------------------


def test_a_namespaced_release_needs_nothing_of_the_cluster(helm: Helm) -> None:
    objects = helm.render(
        {"watchNamespace": "team", "crds": {"install": False}, "rbac": {"aggregate": False}}
    )
    assert not {kind for kind, _ in objects} & CLUSTER_SCOPED
    places = {
        name: item["metadata"]["namespace"]
        for (kind, name), item in objects.items()
        if kind in ("Role", "RoleBinding")
    }
    assert places == {"mixatlas": "team", LEASE: NAMESPACE}
    binding = objects["RoleBinding", "mixatlas"]
    assert binding["roleRef"]["kind"] == "Role"
    assert binding["subjects"][0]["namespace"] == NAMESPACE


def test_the_scope_changes_no_rule(helm: Helm) -> None:
    everywhere = helm.render()["ClusterRole", "mixatlas"]
    inside = helm.render({"watchNamespace": "team"})["Role", "mixatlas"]
    assert everywhere["rules"] == inside["rules"]


def test_the_role_names_the_lease_that_the_operator_takes(helm: Helm) -> None:
    rules = helm.render()["Role", LEASE]["rules"]
    named = {name for rule in rules for name in rule.get("resourceNames", ())}
    unnamed = {verb for rule in rules if "resourceNames" not in rule for verb in rule["verbs"]}
    assert named == {LEASE}
    assert unnamed == {"create"}


def test_without_rbac_there_are_no_roles(helm: Helm) -> None:
    objects = helm.render({"rbac": {"create": False}})
    assert not [name for kind, name in objects if "Role" in kind]


@pytest.mark.parametrize(
    ("account", "name"),
    [
        ({}, "mixatlas"),
        ({"name": "robot"}, "robot"),
        ({"create": False}, "default"),
        ({"create": False, "name": "robot"}, "robot"),
    ],
    ids=str,
)
def test_pod_and_bindings_name_the_same_account(helm: Helm, account: Plain, name: str) -> None:
    objects = helm.render({"serviceAccount": account})
    assert pod_of(objects)["serviceAccountName"] == name
    for kind, binding in [("ClusterRoleBinding", "mixatlas"), ("RoleBinding", LEASE)]:
        [subject] = objects[kind, binding]["subjects"]
        assert (subject["name"], subject["namespace"]) == (name, NAMESPACE)
    assert (("ServiceAccount", name) in objects) == account.get("create", True)


# --- the custom resource -----------------------------------------------------------------------


@pytest.mark.parametrize("keep", [True, False])
def test_the_resource_is_ours_and_is_kept_as_asked(helm: Helm, keep: bool) -> None:
    crd = yaml.safe_load((ROOT / "crds/mixturesearches.mixatlas.dev.yaml").read_text())
    rendered = helm.render({"crds": {"keep": keep}})[crd["kind"], crd["metadata"]["name"]]
    annotations = rendered["metadata"].get("annotations", {})
    assert (annotations.get("helm.sh/resource-policy") == "keep") == keep
    assert rendered["spec"] == crd["spec"]


def test_the_resource_can_be_left_to_somebody_else(helm: Helm) -> None:
    objects = helm.render({"crds": {"install": False}})
    assert not [kind for kind, _ in objects if kind == "CustomResourceDefinition"]


# --- the pod -----------------------------------------------------------------------------------

TOLERATIONS = [{"key": "gpu", "operator": "Exists"}]
AFFINITY: Plain = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {}}}


@pytest.mark.parametrize(
    ("values", "path", "expected"),
    [
        ({"nodeSelector": {"pool": "cpu"}}, "spec.nodeSelector", {"pool": "cpu"}),
        ({"tolerations": TOLERATIONS}, "spec.tolerations", TOLERATIONS),
        ({"affinity": AFFINITY}, "spec.affinity", AFFINITY),
        ({"priorityClassName": "high"}, "spec.priorityClassName", "high"),
        ({"podAnnotations": {"a": "b"}}, "metadata.annotations.a", "b"),
        ({"podLabels": {"team": "vision"}}, "metadata.labels.team", "vision"),
        (
            {"terminationGracePeriodSeconds": 7},
            "spec.terminationGracePeriodSeconds",
            7,
        ),
        (
            {"resources": {"limits": {"memory": "9Gi"}}},
            "spec.containers.0.resources.limits.memory",
            "9Gi",
        ),
        ({"image": {"pullPolicy": "Always"}}, "spec.containers.0.imagePullPolicy", "Always"),
        (
            {"podSecurityContext": {"runAsUser": None, "runAsGroup": None}},
            "spec.securityContext",
            {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_the_pod_is_as_the_values_say(
    helm: Helm, values: Plain, path: str, expected: object
) -> None:
    here: Any = helm.render(values)["Deployment", "mixatlas"]["spec"]["template"]
    for step in path.split("."):
        here = here[int(step)] if step.isdecimal() else here[step]
    assert here == expected


def test_one_operator_at_a_time(helm: Helm) -> None:
    deployment = helm.render()["Deployment", "mixatlas"]["spec"]
    assert deployment["replicas"] == 1
    assert deployment["strategy"] == {"type": "Recreate"}


def test_what_selects_the_operator_selects_nothing_else(helm: Helm) -> None:
    objects = helm.render(
        {
            "networkPolicy": {"enabled": True, "from": [{"namespaceSelector": {}}]},
            "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
        }
    )
    operator = objects["Deployment", "mixatlas"]["spec"]["template"]["metadata"]["labels"]
    tester = objects["Pod", "mixatlas-test"]["metadata"]["labels"]
    policy = objects["NetworkPolicy", "mixatlas"]["spec"]
    for selector in (
        objects["Deployment", "mixatlas"]["spec"]["selector"]["matchLabels"],
        objects["Service", "mixatlas"]["spec"]["selector"],
        policy["podSelector"]["matchLabels"],
    ):
        assert selector.items() <= operator.items()
        assert not selector.items() <= tester.items()
    own, given = policy["ingress"][0]["from"]
    assert own["podSelector"]["matchLabels"].items() <= tester.items()
    assert given == {"namespaceSelector": {}}
    monitor = objects["ServiceMonitor", "mixatlas"]
    service = objects["Service", "mixatlas"]
    assert (
        monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    )
    assert monitor["spec"]["endpoints"][0]["port"] == service["spec"]["ports"][0]["name"]
    assert monitor["metadata"]["labels"]["release"] == "prometheus"


@pytest.mark.parametrize("release", ["mixatlas", "other", "a" * 53])
def test_names_are_legal_for_every_release(helm: Helm, release: str) -> None:
    keys = {"accessKeyId": "anna", "secretAccessKey": "b"}
    objects = helm.render({"storage": keys}, release=release)
    for (kind, name), item in objects.items():
        if kind != "CustomResourceDefinition":
            assert len(name) <= 63
        for value in item["metadata"].get("labels", {}).values():
            assert len(value) <= 63


# --- values and their schema -------------------------------------------------------------------


def closed(schema: Plain, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the paths of all objects whose keys are ours."""
    if "properties" in schema:
        yield path
    for key, child in schema.get("properties", {}).items():
        yield from closed(child, (*path, key))


@pytest.mark.parametrize("path", list(closed(SCHEMA)), ids=".".join)
def test_a_misspelt_value_is_refused_by_its_name(helm: Helm, path: tuple[str, ...]) -> None:
    values: Plain = {"misspelt": True}
    for key in reversed(path):
        values = {key: values}
    with pytest.raises(HelmRefused, match=f"'/?{'/'.join(path)}'.*'misspelt'"):
        helm.render(values)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"image": {"digest": "latest"}}, "/image/digest"),
        ({"trainer": {"gpus": -1}}, "/trainer/gpus"),
        ({"trainer": {"gpus": "1"}}, "/trainer/gpus"),
        ({"storage": {"endpoint": "minio:9000"}}, "/storage/endpoint"),
        ({"imagePullSecrets": ["one"]}, "/imagePullSecrets/0"),
        ({"watchNamespace": ["a", "b"]}, "/watchNamespace"),
        ({"extraEnv": [{"value": "x"}]}, "/extraEnv/0"),
    ],
    ids=str,
)
def test_a_wrong_value_is_refused_at_its_place(helm: Helm, values: Plain, words: str) -> None:
    with pytest.raises(HelmRefused, match=words):
        helm.render(values)


def test_every_value_is_described() -> None:
    assert set(described(SCHEMA)) - {"global"} == set(leaves(VALUES, SCHEMA))


def described(schema: Plain, path: str = "") -> Iterator[str]:
    """Yield the values that the schema knows."""
    assert schema["description"].endswith("."), path
    if "properties" not in schema:
        yield path
    for key, child in schema.get("properties", {}).items():
        yield from described(child, f"{path}.{key}".lstrip("."))


def leaves(values: Any, schema: Plain, path: str = "") -> Iterator[str]:
    """Yield the values that the chart gives, down to where they are free."""
    if "properties" not in schema:
        yield path
        return
    for key, child in values.items():
        yield from leaves(child, schema["properties"][key], f"{path}.{key}".lstrip("."))


@pytest.mark.parametrize("values", [{"nameOverride": "mixer"}, {"fullnameOverride": "mixer"}])
def test_doctor_finds_the_operator_whatever_its_name(helm: Helm, values: Plain) -> None:
    (deployment,) = (
        item for (kind, _), item in helm.render(values).items() if kind == "Deployment"
    )
    assert "mixer" in deployment["metadata"]["name"]
    key, _, value = OPERATORS.partition("=")
    assert deployment["metadata"]["labels"][key] == value

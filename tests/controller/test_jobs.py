"""What a Job asks for, and what its end means."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, cast

import pytest

from mixatlas.controller.api import Api
from mixatlas.controller.jobs import JobRunner, attempt_of
from mixatlas.controller.names import jobs_path
from mixatlas.controller.render import JobPlace, render_job
from mixatlas.controller.world import World
from mixatlas.driver.ports import StartRequest
from mixatlas.spec.running import CaBundle
from scenario import a_document

NOW = 2e9
REQUEST = StartRequest(
    name="s-uid00-t000003-a2",
    trial=3,
    attempt=2,
    digest="d" * 64,
    trial_uri="s3://b/trial.json",
    purpose="proposed",
    micro_batch_divisor=2,
)


def a_place(**changes: Any) -> JobPlace:
    values: dict[str, Any] = {
        "search": a_document(),
        "namespace": "n",
        "uid": "uid00",
        "image": "trainer:1",
        "gpus": 1,
        "endpoint": "http://minio:9000",
        "region": "us-east-1",
        "secret": "keys",
        "pull_secrets": (),
    }
    return JobPlace(**(values | changes))


def a_job(template: dict[str, Any] | None = None, secret: str | None = "keys") -> dict[str, Any]:
    search = a_document(proxy__jobTemplate=template or {})
    return render_job(a_place(search=search, secret=secret), REQUEST)


def test_the_default_template_asks_for_one_gpu_and_runs_restricted() -> None:
    spec = a_job()["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert container["image"] == "trainer:1"
    assert container["resources"]["limits"] == {"nvidia.com/gpu": 1}
    assert spec["restartPolicy"] == "Never"
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert spec["automountServiceAccountToken"] is False


def test_a_template_is_kept_and_our_environment_wins() -> None:
    env = [{"name": "A", "value": "1"}, {"name": "MIXATLAS_TRIAL", "value": "theirs"}]
    containers = [{"name": "side", "image": "x"}, {"name": "trainer", "image": "y", "env": env}]
    pod = {"containers": containers, "nodeSelector": {"gpu": "a"}, "serviceAccountName": "sa"}
    job = a_job({"spec": {"activeDeadlineSeconds": 60, "template": {"spec": pod}}})
    spec = job["spec"]["template"]["spec"]
    assert job["spec"]["activeDeadlineSeconds"] == 60
    assert spec["nodeSelector"] == {"gpu": "a"}
    assert "automountServiceAccountToken" not in spec
    assert spec["containers"][0] == {"name": "side", "image": "x"}
    variables = {e["name"]: e.get("value") for e in spec["containers"][1]["env"]}
    assert spec["containers"][1]["image"] == "y"
    assert variables["A"] == "1"
    assert variables["MIXATLAS_TRIAL"] == "s3://b/trial.json"
    assert variables["MIXATLAS_MICRO_BATCH_DIVISOR"] == "2"


def test_without_a_secret_pods_have_their_own_identity() -> None:
    names = {
        e["name"] for e in a_job(secret=None)["spec"]["template"]["spec"]["containers"][0]["env"]
    }
    assert "AWS_ACCESS_KEY_ID" not in names


def test_disruptions_are_ignored_before_any_exit_code_is_read() -> None:
    first, second = a_job()["spec"]["podFailurePolicy"]["rules"]
    assert first["action"] == "Ignore"
    assert second["onExitCodes"]["values"] == [42, 43, 44, 45]


def pod(state: dict[str, Any], uid: str = "p", created: str = "2026-01-01T00:00:00Z") -> Any:
    status = {"name": "trainer", "imageID": "sha256:1", "state": state}
    return {
        "metadata": {"uid": uid, "creationTimestamp": created},
        "spec": {"nodeName": "node-1"},
        "status": {"phase": "Running", "containerStatuses": [status]},
    }


@pytest.mark.parametrize(
    ("terminated", "code"),
    [
        ({"exitCode": 42}, 42),
        ({"exitCode": 137, "reason": "OOMKilled"}, 137),
        ({"exitCode": 1, "reason": "OOMKilled"}, 137),
    ],
)
def test_the_exit_code_is_that_of_the_newest_pod(terminated: dict[str, Any], code: int) -> None:
    job = a_job()
    job["status"] = {"conditions": [{"type": "Failed", "status": "True"}]}
    old = pod({"terminated": {"exitCode": 7}}, uid="old", created="2025-01-01T00:00:00Z")
    attempt = attempt_of(job, [pod({"terminated": terminated}), old], NOW)
    assert (attempt.phase, attempt.exit_code, attempt.pod_uid) == ("ended", code, "p")
    assert (attempt.trial, attempt.attempt, attempt.micro_batch_divisor) == (3, 2, 2)
    assert attempt.digest == "d" * 64


def test_a_job_whose_pod_failed_goes_on_until_the_job_says_so() -> None:
    job = a_job()
    attempt = attempt_of(job, [pod({"terminated": {"exitCode": 143}})], NOW)
    assert attempt.phase == "running"
    assert attempt.exit_code is None


def test_queued_is_not_running() -> None:
    job = a_job()
    job["spec"]["suspend"] = True
    assert attempt_of(job, [], NOW).phase == "queued"


def test_a_deleted_pod_leaves_no_exit_code() -> None:
    job = a_job()
    job["status"] = {"conditions": [{"type": "Failed", "status": "True", "reason": "Backoff"}]}
    attempt = attempt_of(job, [], NOW)
    assert (attempt.phase, attempt.exit_code) == ("ended", None)


ENDING = "2026-01-01T00:00:00Z"
END = datetime.fromisoformat(ENDING).timestamp()


@pytest.mark.parametrize(("after_s", "phase"), [(299, "running"), (301, "ended")])
def test_a_pod_that_never_ends_is_lost_five_minutes_after_its_grace(
    after_s: int, phase: str
) -> None:
    ending = pod({"running": {"startedAt": ENDING}})
    ending["metadata"]["deletionTimestamp"] = ENDING
    attempt = attempt_of(a_job(), [ending], END + after_s)
    assert attempt.phase == phase
    assert attempt.is_lost == (phase == "ended")


@pytest.mark.parametrize(
    ("ready", "after_s", "phase"),
    [("False", 299, "running"), ("False", 301, "ended"), ("True", 301, "running")],
)
def test_a_pod_on_a_silent_node_is_lost(ready: str, after_s: int, phase: str) -> None:
    silent = pod({"running": {"startedAt": ENDING}})
    silent["status"]["conditions"] = [
        {"type": "Ready", "status": ready, "lastTransitionTime": ENDING},
        {"type": "ContainersReady", "status": "True", "lastTransitionTime": ENDING},
    ]
    assert attempt_of(a_job(), [silent], END + after_s).phase == phase


def test_a_pod_that_is_not_ready_by_its_own_probe_is_not_lost() -> None:
    unready = pod({"running": {"startedAt": ENDING}})
    unready["status"]["conditions"] = [
        {"type": kind, "status": "False", "lastTransitionTime": ENDING}
        for kind in ("Ready", "ContainersReady")
    ]
    assert attempt_of(a_job(), [unready], END + 10_000).phase == "running"


@pytest.mark.parametrize(
    ("limits", "gpus"),
    [({}, 1), ({"nvidia.com/gpu": "4"}, 4), ({"amd.com/gpu": 2, "memory": "1Gi"}, 2)],
)
def test_gpu_seconds_count_every_gpu(limits: dict[str, Any], gpus: int) -> None:
    containers = [{"name": "trainer", "image": "y", "resources": {"limits": limits}}]
    job = a_job({"spec": {"template": {"spec": {"containers": containers}}}})
    assert attempt_of(job, [], NOW).gpus == gpus


def test_a_pod_that_cannot_start_says_why() -> None:
    waiting = pod({"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}})
    waiting["status"]["phase"] = "Pending"
    attempt = attempt_of(a_job(), [waiting], NOW)
    assert (attempt.phase, attempt.message) == ("pending", "ImagePullBackOff: no such image")


def mounts(spec: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the volumes of a pod by the path where the trainer sees them."""
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    return {m["mountPath"]: volumes[m["name"]] for m in spec["containers"][0]["volumeMounts"]}


def variables_of(spec: dict[str, Any]) -> dict[str, str]:
    return {e["name"]: e["value"] for e in spec["containers"][0]["env"] if "value" in e}


def test_a_private_authority_is_mounted_where_the_trainer_looks() -> None:
    place = a_place(ca_bundle=CaBundle(config_map="minio-ca", key="root.pem"))
    spec = render_job(place, REQUEST)["spec"]["template"]["spec"]
    folder, _, key = variables_of(spec)["AWS_CA_BUNDLE"].rpartition("/")
    assert key == "root.pem"
    assert mounts(spec)[folder]["configMap"] == {"name": "minio-ca"}


def test_the_charts_pull_policy_is_that_of_the_charts_image() -> None:
    place = a_place(pull_policy="Always")
    (ours,) = render_job(place, REQUEST)["spec"]["template"]["spec"]["containers"]
    assert ours["imagePullPolicy"] == "Always"

    template = {"spec": {"template": {"spec": {"containers": [{"image": "mine:1"}]}}}}
    place = a_place(pull_policy="Always", search=a_document(proxy__jobTemplate=template))
    (theirs,) = render_job(place, REQUEST)["spec"]["template"]["spec"]["containers"]
    assert "imagePullPolicy" not in theirs


def test_the_charts_cache_volume_is_used_unless_the_cache_is_distrusted() -> None:
    place = a_place(cache_volume={"persistentVolumeClaim": {"claimName": "shards"}}, cache_gib=50)
    spec = render_job(place, REQUEST)["spec"]["template"]["spec"]
    variables = variables_of(spec)
    volume = mounts(spec)[variables["MIXATLAS_CACHE"]]
    assert volume["persistentVolumeClaim"] == {"claimName": "shards"}
    assert variables["MIXATLAS_CACHE_GIB"] == "50"

    fresh = render_job(place, replace(REQUEST, fresh_cache=True))["spec"]["template"]["spec"]
    assert variables_of(fresh)["MIXATLAS_CACHE"] != variables["MIXATLAS_CACHE"]


def test_a_forgotten_job_keeps_its_name_for_a_while_and_is_seen_no_more() -> None:
    job = a_job()
    owner = {"uid": "uid00"}
    job["metadata"] |= {"uid": "j", "resourceVersion": "1", "ownerReferences": [owner]}
    job["status"] = {"conditions": [{"type": "Complete", "status": "True"}]}
    world, api, time = World(), DeletingApi(), [0.0]
    world.see("job", job)
    runner = JobRunner(cast("Api", api), world, a_place(), now=lambda: time[0], retention_s=600)
    assert len(runner.observe()) == 1
    runner.forget(REQUEST.name)
    assert runner.observe() == ()
    assert api.deleted == []
    time[0] = 600.0
    assert len(runner.observe()) == 1, "so that the plan forgets it once more"
    runner.forget(REQUEST.name)
    assert api.deleted == [jobs_path("n", REQUEST.name)]
    assert runner.observe() == ()


def test_the_job_of_a_lost_pod_is_deleted_at_once() -> None:
    job = a_job()
    owner = {"uid": "uid00"}
    job["metadata"] |= {"uid": "j", "resourceVersion": "1", "ownerReferences": [owner]}
    world, api = World(), DeletingApi()
    world.see("job", job)
    JobRunner(cast("Api", api), world, a_place()).forget(REQUEST.name)
    assert api.deleted == [jobs_path("n", REQUEST.name)]


@dataclass
class DeletingApi:
    deleted: list[str] = field(default_factory=list)

    def delete(self, path: str, body: Any) -> None:
        self.deleted.append(path)


def test_what_people_edit_does_not_change_what_a_job_is() -> None:
    job = a_job()
    job["metadata"]["labels"] = {}
    job["metadata"]["annotations"] = {}
    attempt = attempt_of(job, [], NOW)
    assert (attempt.trial, attempt.attempt) == (3, 2)


def test_a_pod_that_was_deleted_is_remembered_until_its_job_is_forgotten() -> None:
    job = a_job()
    job["metadata"] |= {"uid": "j", "resourceVersion": "1", "ownerReferences": [{"uid": "uid00"}]}
    ended = pod({"terminated": {"exitCode": 143}})
    ended["metadata"]["labels"] = {
        "batch.kubernetes.io/job-name": REQUEST.name,
        **job["metadata"]["labels"],
    }
    world = World()
    world.see("job", job)
    world.see("pod", ended)
    runner = JobRunner(cast("Api", DeletingApi()), world, a_place())
    runner.observe()
    world.lose("pod", ended)
    (attempt,) = runner.observe()
    assert attempt.pod_uid == "", "its Job may get another one"
    failed = {"conditions": [{"type": "Failed", "status": "True"}]}
    job = {**job, "metadata": {**job["metadata"], "resourceVersion": "2"}, "status": failed}
    world.see("job", job)
    (attempt,) = runner.observe()
    assert (attempt.pod_uid, attempt.exit_code) == ("p", 143)

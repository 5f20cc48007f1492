"""What a Job asks for, and what its end means."""

from __future__ import annotations

from typing import Any

import pytest

from mixatlas.controller.jobs import attempt_of
from mixatlas.controller.render import JobPlace, render_job
from mixatlas.driver.ports import StartRequest
from scenario import a_document

REQUEST = StartRequest(
    name="s-uid00-t000003-a2",
    trial=3,
    attempt=2,
    digest="d" * 64,
    trial_uri="s3://b/trial.json",
    purpose="proposed",
    micro_batch_divisor=2,
)


def a_job(template: dict[str, Any] | None = None, secret: str | None = "keys") -> dict[str, Any]:
    return render_job(
        JobPlace(
            search=a_document(proxy__jobTemplate=template or {}),
            namespace="n",
            uid="uid00",
            image="trainer:1",
            gpus=1,
            endpoint="http://minio:9000",
            region="us-east-1",
            secret=secret,
            pull_secrets=(),
        ),
        REQUEST,
    )


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
    attempt = attempt_of(job, [pod({"terminated": terminated}), old])
    assert (attempt.phase, attempt.exit_code, attempt.pod_uid) == ("ended", code, "p")
    assert (attempt.trial, attempt.attempt, attempt.micro_batch_divisor) == (3, 2, 2)
    assert attempt.digest == "d" * 64


def test_a_job_whose_pod_failed_goes_on_until_the_job_says_so() -> None:
    job = a_job()
    attempt = attempt_of(job, [pod({"terminated": {"exitCode": 143}})])
    assert attempt.phase == "running"
    assert attempt.exit_code is None


def test_queued_is_not_running() -> None:
    job = a_job()
    job["spec"]["suspend"] = True
    assert attempt_of(job, []).phase == "pending"


def test_a_lost_pod_leaves_no_exit_code() -> None:
    job = a_job()
    job["status"] = {"conditions": [{"type": "Failed", "status": "True", "reason": "Backoff"}]}
    attempt = attempt_of(job, [])
    assert (attempt.phase, attempt.exit_code) == ("ended", None)

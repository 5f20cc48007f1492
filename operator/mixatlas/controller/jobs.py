"""Trials as Jobs: one attempt is one Job, whose pod runs the trainer's image."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal, final

from mixatlas.contract.errors import ApiRefused, ApiUnavailable
from mixatlas.contract.exit_codes import TrainerExit
from mixatlas.controller.api import Api
from mixatlas.controller.names import (
    DIGEST,
    DIVISOR,
    SEARCH_UID,
    TRAINER,
    is_owned,
    jobs_path,
)
from mixatlas.controller.render import JobPlace, render_job
from mixatlas.controller.world import World, search_uid
from mixatlas.driver.ports import StartRequest
from mixatlas.ledger.layout import parse_attempt_name
from mixatlas.plan.observed import AttemptState

Plain = dict[str, Any]
RETENTION_S = 600.0
PATIENCE_S = 300.0
"""How long a pod may be ending, beyond its grace period, or its node silent."""


@final
class JobRunner:
    """Runs attempts as Jobs; a trial runner.

    Args:
        api: The cluster.
        world: What the watches have seen.
        place: What all Jobs of the search share.
        on_turnaround: Told the seconds from when a Job was seen to have ended until the next
            one is created.
        clock: Monotonic seconds.
        now: Seconds since 1970.
        retention_s: How long an ended Job is kept after it is forgotten: its name is a lock, and
            people read its log.
    """

    def __init__(
        self,
        api: Api,
        world: World,
        place: JobPlace,
        *,
        on_turnaround: Callable[[float], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        retention_s: float = RETENTION_S,
    ) -> None:
        self._api = api
        self._now = now
        self._retention_s = retention_s
        self._last_pod: dict[str, Plain] = {}
        self._retained: dict[str, float] = {}
        """Forgotten Jobs, and when each may be deleted."""
        self._world = world
        self._place = place
        self._on_turnaround = on_turnaround
        self._clock = clock
        self._ended: dict[str, float] = {}
        """When each Job that is still there was first seen to have ended."""
        self._vacant: list[float] = []
        """Since when slots are free, oldest first."""

    def start(self, request: StartRequest) -> None:
        """Create the Job. The create is the lock: one of ours that is there is success.

        Raises:
            ApiUnavailable: No answer, or a foreign or ending Job has the name: try again.
            ApiRefused: The Job is refused as it is.
        """
        path = jobs_path(self._place.namespace)
        try:
            job = self._api.create(path, render_job(self._place, request))
        except ApiRefused as refusal:
            if refusal.status != 409:
                raise
            job = self._existing(request.name)
        if self._vacant:
            self._on_turnaround(self._clock() - self._vacant.pop(0))
        self._world.see("job", job)

    def stop(self, name: str) -> None:
        """Delete the Job; its pod ends within its grace period."""
        self._delete(name)

    def observe(self) -> tuple[AttemptState, ...]:
        """Return all attempts whose Job is there and not being deleted."""
        pods: dict[str, list[Plain]] = {}
        for pod in self._world.of_search("pod", self._place.uid):
            job = pod["metadata"].get("labels", {}).get("batch.kubernetes.io/job-name", "")
            pods.setdefault(job, []).append(pod)
        jobs = [
            job
            for job in self._world.of_search("job", self._place.uid)
            if is_owned(job, self._place.uid) and "deletionTimestamp" not in job["metadata"]
        ]
        jobs.sort(key=lambda job: str(job["metadata"]["name"]))
        now = self._now()
        attempts = tuple(attempt_of(job, self._pods_of(job, pods), now) for job in jobs)
        self._note_ends(attempts)
        return tuple(a for a in attempts if self._retained.get(a.name, 0.0) <= now)

    def forget(self, name: str) -> None:
        """Hide the Job of an ended attempt; told so again after the retention, delete it.

        One that waits for a lost pod has no end, and is deleted at once.
        """
        now = self._now()
        job = self._known(name)
        has_ended = job is not None and _ending(job) is not None
        if has_ended and self._retained.setdefault(name, now + self._retention_s) > now:
            return
        self._delete(name)

    def _known(self, name: str) -> Plain | None:
        """Return a Job of ours as the watches have it."""
        for job in self._world.of_search("job", self._place.uid):
            if job["metadata"]["name"] == name and is_owned(job, self._place.uid):
                return job
        return None

    def _pods_of(self, job: Plain, pods: Mapping[str, list[Plain]]) -> list[Plain]:
        """Return a Job's pods; of a Job that has ended, the last one even if it was deleted.

        Its exit code, and where it stored its result, are known from nowhere else.
        """
        name = job["metadata"]["name"]
        found = pods.get(name, [])
        if found:
            self._last_pod[name] = _newest(found)
        elif _ending(job) is not None and name in self._last_pod:
            return [self._last_pod[name]]
        return found

    def _note_ends(self, attempts: tuple[AttemptState, ...]) -> None:
        known = self._ended
        self._ended = {
            a.name: known.get(a.name, self._clock()) for a in attempts if a.phase == "ended"
        }
        self._vacant += [since for name, since in self._ended.items() if name not in known]

    def _existing(self, name: str) -> Plain:
        job = self._api.get(jobs_path(self._place.namespace, name))
        if job is None or "deletionTimestamp" in job["metadata"]:
            raise ApiUnavailable(f"Job {name} is still being deleted")
        if not is_owned(job, self._place.uid):
            raise ApiUnavailable(
                f"Job {name} exists and is not of this search", hint="Delete or rename it."
            )
        if search_uid("job", job) != self._place.uid:
            raise ApiUnavailable(
                f"Job {name} has lost its label {SEARCH_UID}",
                hint="Put it back, or delete the Job.",
            )
        return job

    def _delete(self, name: str) -> None:
        job = self._known(name)
        if job is None:
            return
        body = {
            "propagationPolicy": "Background",
            "preconditions": {"uid": job["metadata"]["uid"]},
        }
        self._api.delete(jobs_path(self._place.namespace, name), body)
        self._world.lose("job", job)
        self._retained.pop(name, None)
        self._last_pod.pop(name, None)


def attempt_of(job: Plain, pods: list[Plain], now: float) -> AttemptState:
    """Read an attempt off its Job and its pods.

    The Job's condition alone ends an attempt: a disrupted pod is replaced, and the attempt goes
    on. Exit code, node and image come from the newest pod. An attempt whose pod has been ending,
    or whose node has been silent, for `PATIENCE_S` is lost: its Job would wait for ever.

    Args:
        job: Of ours.
        pods: Of that Job, in any order.
        now: Seconds since 1970.
    """
    metadata = job["metadata"]
    annotations = metadata.get("annotations", {})
    # By its name: labels and annotations are anybody's to edit.
    trial, attempt = parse_attempt_name(metadata["name"])
    newest = _newest(pods) if pods else None
    ending = _ending(job)
    is_lost = ending is None and newest is not None and _is_lost(newest, now)
    state = _container_state(newest) if newest else {}
    terminated = state.get("state", {}).get("terminated") or {}
    code = terminated.get("exitCode")
    if terminated.get("reason") == "OOMKilled":
        code = int(TrainerExit.OUT_OF_MEMORY)
    if ending is not None and ending["type"] == "Complete" and code is None:
        code = int(TrainerExit.OK)
    status = job.get("status", {})
    return AttemptState(
        name=metadata["name"],
        trial=trial,
        attempt=attempt,
        digest=annotations.get(DIGEST, ""),
        pod_uid=newest["metadata"]["uid"] if newest else "",
        image_id=str(state.get("imageID", "")),
        phase="ended" if ending is not None or is_lost else _phase(job, newest),
        exit_code=code if ending is not None else None,
        message=_message(terminated, ending, newest),
        started=_seconds(terminated.get("startedAt") or _running_since(state))
        or _seconds(status.get("startTime")),
        ended=_seconds(terminated.get("finishedAt") or ending.get("lastTransitionTime"))
        if ending is not None
        else None,
        node=newest.get("spec", {}).get("nodeName", "") if newest else "",
        micro_batch_divisor=int(annotations.get(DIVISOR, "1")),
        gpus=gpus_of(job["spec"]["template"]["spec"]),
    )


def _newest(pods: list[Plain]) -> Plain:
    return max(pods, key=lambda p: (p["metadata"]["creationTimestamp"], p["metadata"]["uid"]))


def gpus_of(pod: Plain) -> int:
    """Return the number of GPUs that a pod holds, of whatever vendor; 1 where it holds none.

    Args:
        pod: Spec of a pod.
    """
    limits = (c.get("resources", {}).get("limits", {}) for c in pod["containers"])
    counts = [int(n) for limit in limits for name, n in limit.items() if name.endswith("/gpu")]
    return max(1, sum(counts))


def _is_lost(pod: Plain, now: float) -> bool:
    """Tell whether a pod has been ending, or its node silent, for too long.

    A pod's `deletionTimestamp` already contains its grace period. Of a silent node the cluster
    takes back `Ready`, while `ContainersReady` stays as the node said it last.
    """
    ending = _seconds(pod["metadata"].get("deletionTimestamp"))
    if ending and now > ending + PATIENCE_S:
        return True
    told = {c["type"]: c for c in pod.get("status", {}).get("conditions") or ()}
    ready, containers = told.get("Ready", {}), told.get("ContainersReady", {})
    is_silent = ready.get("status") != "True" and containers.get("status") == "True"
    return is_silent and now > _seconds(ready.get("lastTransitionTime")) + PATIENCE_S


def _ending(job: Plain) -> Plain | None:
    """Return the condition that says that a Job will not run again."""
    for condition in job.get("status", {}).get("conditions", ()):
        if condition["type"] in ("Complete", "Failed") and condition["status"] == "True":
            found: Plain = condition
            return found
    return None


def _phase(job: Plain, pod: Plain | None) -> Literal["queued", "pending", "running"]:
    if job.get("spec", {}).get("suspend", False):
        return "queued"
    is_running = pod is not None and pod.get("status", {}).get("phase") == "Running"
    return "running" if is_running else "pending"


def _container_state(pod: Plain) -> Plain:
    statuses = pod.get("status", {}).get("containerStatuses", [])
    named: list[Plain] = [s for s in statuses if s["name"] == TRAINER]
    return (named or statuses or [{}])[0]


def _running_since(state: Plain) -> str | None:
    since = (state.get("state", {}).get("running") or {}).get("startedAt")
    return None if since is None else str(since)


def _message(terminated: Plain, ending: Plain | None, pod: Plain | None) -> str:
    """Return the trainer's last words, else what Kubernetes says of its pod."""
    if terminated.get("message"):
        return str(terminated["message"])
    if ending is not None and ending["type"] == "Failed":
        return f"{ending.get('reason', '')}: {ending.get('message', '')}"
    is_pending = pod is not None and pod.get("status", {}).get("phase") == "Pending"
    return why_pending(pod) if pod is not None and is_pending else ""


def why_pending(pod: Plain) -> str:
    """Return why a pod has not begun, in the words of the scheduler or of the kubelet."""
    status = pod["status"]
    for container in status.get("containerStatuses", ()):
        waiting = container.get("state", {}).get("waiting") or {}
        if waiting.get("reason"):
            return f"{waiting['reason']}: {waiting.get('message', '')}".rstrip(": ")
    for condition in status.get("conditions", ()):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return str(condition.get("message", ""))
    return "its pod is not placed on a node yet"


def _seconds(stamp: str | None) -> float:
    return datetime.fromisoformat(stamp).timestamp() if stamp else 0.0

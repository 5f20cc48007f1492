"""A queue that suspends, admits and evicts Jobs as Kueue does, by `spec.suspend` alone.

Kueue's webhook suspends a labelled Job at its creation; here an admission policy of the API server
does. Its controller admits by taking the suspension back, and evicts by setting it again.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import yaml

from mixatlas.contract.errors import ApiRefused
from mixatlas.controller.api import Api
from mixatlas.controller.names import jobs_path
from processes import until

QUEUE = "kueue.x-k8s.io/queue-name"
Plain = dict[str, Any]
_ADMISSION = "/apis/admissionregistration.k8s.io/v1beta1"
_POLICY = f"""\
apiVersion: admissionregistration.k8s.io/v1beta1
kind: MutatingAdmissionPolicy
metadata: {{name: queue}}
spec:
  failurePolicy: Fail
  reinvocationPolicy: Never
  matchConstraints:
    resourceRules:
      - {{apiGroups: [batch], apiVersions: [v1], operations: [CREATE], resources: [jobs]}}
  matchConditions:
    - name: queued
      expression: has(object.metadata.labels) && "{QUEUE}" in object.metadata.labels
  mutations:
    - patchType: ApplyConfiguration
      applyConfiguration: {{expression: "Object{{spec: Object.spec{{suspend: true}}}}"}}
"""
_BINDING = """\
apiVersion: admissionregistration.k8s.io/v1beta1
kind: MutatingAdmissionPolicyBinding
metadata: {name: queue}
spec: {policyName: queue}
"""
_JOB = f"""\
metadata: {{name: never-created, labels: {{"{QUEUE}": q}}}}
spec: {{template: {{spec: {{restartPolicy: Never, containers: [{{name: c, image: none}}]}}}}}}
"""


class Queue:
    """Admits the Jobs of a namespace, oldest first, from `with` to its end.

    Args:
        api: As Kueue's controller.
        namespace: Of the Jobs.
    """

    def __init__(self, api: Api, namespace: str) -> None:
        self._api = api
        self._namespace = namespace
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.quota = 0
        """How many Jobs may run at once."""
        self.evicted: list[str] = []

    def __enter__(self) -> Self:
        self._api.create(f"{_ADMISSION}/mutatingadmissionpolicies", yaml.safe_load(_POLICY))
        self._api.create(f"{_ADMISSION}/mutatingadmissionpolicybindings", yaml.safe_load(_BINDING))
        jobs, job = jobs_path(self._namespace), yaml.safe_load(_JOB)
        until(lambda: self._api.create(jobs, job, dryRun="All")["spec"].get("suspend"))
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
        for resource in ("mutatingadmissionpolicybindings", "mutatingadmissionpolicies"):
            self._api.delete(f"{_ADMISSION}/{resource}/queue", {})

    def evict(self) -> None:
        """Take its place from one Job that runs."""
        job = until(lambda: next(iter(self._admitted(has_pod=True)), None))
        self.evicted.append(job["metadata"]["name"])
        self._suspend(job, True)

    def has_ended(self, name: str) -> bool:
        """Tell whether a Job is over, or gone."""
        job = self._api.get(jobs_path(self._namespace, name))
        return job is None or _has_ended(job)

    def _run(self) -> None:
        while not self._stop.wait(0.1):
            free = self.quota - len(self._admitted())
            waiting = [job for job in self._jobs() if job["spec"].get("suspend")]
            for job in waiting[: max(0, free)]:
                self._suspend(job, False)

    def _jobs(self) -> list[Plain]:
        jobs = self._api.list(jobs_path(self._namespace), labelSelector=QUEUE)
        return sorted(jobs, key=lambda job: str(job["metadata"]["name"]))

    def _admitted(self, *, has_pod: bool = False) -> list[Plain]:
        return [
            job
            for job in self._jobs()
            if not job["spec"].get("suspend")
            and not _has_ended(job)
            and (not has_pod or job["status"].get("active"))
        ]

    def _suspend(self, job: Plain, is_suspended: bool) -> None:
        path = jobs_path(self._namespace, job["metadata"]["name"])
        with suppress(ApiRefused):  # it is gone
            self._api.patch(path, {"spec": {"suspend": is_suspended}}, "merge")


def _has_ended(job: Plain) -> bool:
    conditions = job.get("status", {}).get("conditions") or ()
    return any(c["type"] in ("Complete", "Failed") and c["status"] == "True" for c in conditions)

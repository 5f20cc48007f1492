"""Fakes of the driver's ports. They pass the contract suites that the real ones pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from mixatlas.contract.canonical import sha256_hex
from mixatlas.contract.errors import StoreUnavailable
from mixatlas.contract.result import DomainUse, Score, StoredObject, TrialResult
from mixatlas.contract.trial import TrialFile
from mixatlas.driver.ports import StartRequest
from mixatlas.driver.questions import NominateQuestion, ProposeQuestion
from mixatlas.ledger.records import (
    NearOptimal,
    PredictedArm,
    PredictionRecord,
    weights_of,
)
from mixatlas.plan.observed import (
    AttemptState,
    Idle,
    ProposalState,
    ProposedRound,
    ProposedTrial,
    Ready,
)
from mixatlas.space.design import quasi_random

N_ITEMS = 40


class Crash(BaseException):
    """The process ends here: nothing catches it but the test."""


@dataclass
class Fuse:
    """Every write of a driver goes through one fuse, which may end the process there.

    Args:
        crash_at: Number of the write, from 1, at which to crash; 0 never.
        is_applied: Whether that write still happens.
        written: What each write was, in order.
    """

    crash_at: int = 0
    is_applied: bool = True
    written: list[str] = field(default_factory=list)

    def write(self, what: str, apply: Callable[[], None]) -> None:
        self.written.append(what)
        is_last = len(self.written) == self.crash_at
        if not is_last or self.is_applied:
            apply()
        if is_last:
            raise Crash(what)


@dataclass
class MemoryStore:
    """Objects in a dict.

    Args:
        objects: What is stored.
        fuse: Of its writes.
        is_down: Whether the store answers nothing at all.
    """

    objects: dict[str, bytes] = field(default_factory=dict)
    fuse: Fuse = field(default_factory=Fuse)
    is_down: bool = False

    @property
    def n_writes(self) -> int:
        return len(self.fuse.written)

    def get(self, uri: str) -> bytes | None:
        self._answer()
        return self.objects.get(uri)

    def put(self, uri: str, data: bytes) -> None:
        self._answer()
        self.fuse.write(uri, lambda: self.objects.update({uri: data}))

    def list(self, prefix: str) -> list[str]:
        self._answer()
        return sorted(uri for uri in self.objects if uri.startswith(prefix))

    def delete(self, uri: str) -> None:
        self._answer()
        self.objects.pop(uri, None)

    def _answer(self) -> None:
        if self.is_down:
            raise StoreUnavailable("the store does not answer", hint="")


Script = Callable[[TrialFile, int], int]
"""From a trial and the number of its attempt to an exit code."""


TERMINATED = 143


def always_ok(trial: TrialFile, attempt: int) -> int:
    """Let every attempt end well."""
    return 0


@dataclass
class ScriptedRunner:
    """Attempts that end at the second look, with results by a formula.

    Args:
        store: Where results go.
        script: Decides exit codes.
        image_id: Identity of the trainer.
        fuse: Of its writes: of Jobs, were they real.
    """

    store: MemoryStore
    script: Script = always_ok
    image_id: str = "sha256:scripted"
    fuse: Fuse = field(default_factory=Fuse)
    attempts: dict[str, AttemptState] = field(default_factory=dict)
    started: list[str] = field(default_factory=list)
    restarted: list[str] = field(default_factory=list)
    """Names that were started again after they were forgotten: trained twice."""
    files: dict[str, TrialFile] = field(default_factory=dict)
    is_slow: bool = False
    """While True, what runs goes on running."""
    is_reluctant: bool = False
    """While True, what was asked to end goes on running, as a real trainer does for a while."""

    def start(self, request: StartRequest) -> None:
        self.fuse.write(f"start {request.name}", lambda: self._start(request))

    def _start(self, request: StartRequest) -> None:
        if request.name in self.attempts:
            return
        if request.name in self.started:
            self.restarted.append(request.name)
        trial = TrialFile.model_validate_json(self.store.objects[request.trial_uri])
        assert trial.digest == request.digest
        self.started.append(request.name)
        self.files[request.name] = trial
        self.attempts[request.name] = AttemptState(
            name=request.name,
            trial=request.trial,
            attempt=request.attempt,
            digest=request.digest,
            pod_uid=f"pod-{request.name}",
            image_id=self.image_id,
            phase="pending",
            started=1.0,
            micro_batch_divisor=request.micro_batch_divisor,
        )

    def stop(self, name: str) -> None:
        self.fuse.write(f"stop {name}", lambda: self._stop(name))

    def _stop(self, name: str) -> None:
        attempt = self.attempts.get(name)
        if attempt is not None and attempt.phase != "ended":
            self.attempts[name] = replace(attempt, is_stopped=True)
            self._end_stopped()

    def _end_stopped(self) -> None:
        for name, attempt in self.attempts.items():
            if attempt.is_stopped and attempt.phase != "ended" and not self.is_reluctant:
                ended = replace(attempt, phase="ended", exit_code=TERMINATED, ended=2.0)
                self.attempts[name] = ended

    def observe(self) -> tuple[AttemptState, ...]:
        """Return all attempts; each look moves every one of them a step further."""
        self._end_stopped()
        seen = tuple(self.attempts.values())
        for name, attempt in list(self.attempts.items()):
            if attempt.is_stopped:
                continue
            if attempt.phase == "pending":
                self.attempts[name] = replace(attempt, phase="running")
            elif attempt.phase == "running" and not self.is_slow:
                self._end(attempt)
        return seen

    def forget(self, name: str) -> None:
        self.fuse.write(f"forget {name}", lambda: self._forget(name))

    def _forget(self, name: str) -> None:
        self.attempts.pop(name, None)

    def lose(self, name: str) -> AttemptState:
        """Let nobody hear of an attempt again, as when its node is gone."""
        lost = replace(self.attempts[name], phase="ended", exit_code=None, ended=None)
        self.attempts[name] = lost
        return lost

    def remove_stopped(self) -> None:
        """Let stopped attempts vanish at once, as deleted Jobs do."""
        gone = [a.name for a in self.attempts.values() if a.exit_code == TERMINATED]
        for name in gone:
            del self.attempts[name]

    def _end(self, attempt: AttemptState) -> None:
        trial = self.files[attempt.name]
        code = self.script(trial, attempt.attempt)
        if code in (0, 42):
            write_result(self.store, trial, attempt, is_ok=code == 0)
        self.attempts[attempt.name] = replace(
            attempt, phase="ended", exit_code=code, ended=2.0, message=f"scripted {code}"
        )


def write_result(
    store: MemoryStore, trial: TrialFile, attempt: AttemptState, *, is_ok: bool = True
) -> TrialResult:
    """Store what a trainer would; the writes are the trainer's, so they never crash the driver."""
    prefix = f"{trial.attempts}/{attempt.pod_uid}"
    weights = {weight.domain: weight.ppm / 1e6 for weight in trial.mixture}
    lines = ["benchmark,item,image,score"]
    scores = {}
    for benchmark in trial.benchmarks:
        rng = np.random.default_rng([trial.seed, len(benchmark.name)])
        center = 2.0 - sum((1 + len(name) % 3) * w**0.5 for name, w in weights.items()) / 8
        value = center + 0.01 * rng.standard_normal()
        items = value + 0.1 * rng.standard_normal(N_ITEMS)
        lines += [
            f"{benchmark.name},i{i:03d},{trial.part}{i:03d},{float(score)!r}"
            for i, score in enumerate(items)
        ]
        scores[benchmark.name] = Score(
            metric=benchmark.metric, value=float(items.mean()), sem=0.01, n=N_ITEMS, chance=2.5
        )
    content = ("\n".join(lines) + "\n").encode()
    store.objects[f"{prefix}/items.csv"] = content
    result = TrialResult(
        trial_digest=trial.digest,
        attempt=attempt.attempt,
        outcome="ok" if is_ok else "diverged",
        benchmarks=scores if is_ok else {},
        train_loss=1.0 if is_ok else None,
        domains={
            name: DomainUse(
                tokens=round(1e6 * w), supervised_tokens=1, samples=1, epochs=1.0, loss=1.0
            )
            for name, w in weights.items()
        },
        seconds=10.0,
        gpu_seconds=10.0,
        flops=1e9,
        peak_memory=1,
        items=StoredObject(uri=f"{prefix}/items.csv", sha256=sha256_hex(content)),
        checkpoint=StoredObject(uri=f"{trial.checkpoints}/1-pod", sha256="0" * 64)
        if trial.keep_checkpoint
        else None,
        pod_uid=attempt.pod_uid,
        reason="" if is_ok else "loss is not finite",
    )
    store.objects[f"{prefix}/result.json"] = result.to_bytes()
    return result


@dataclass
class InstantProposer:
    """Answers at once, without a surrogate: quasi-random points, the best measured as candidates.

    Args:
        failure: A reason with which every question fails, or empty.
    """

    failure: str = ""
    asked: list[str] = field(default_factory=list)
    state: ProposalState = field(default_factory=Idle)

    def start(self, question: ProposeQuestion | NominateQuestion) -> None:
        from mixatlas.plan.observed import Failed

        self.asked.append(question.key)
        if self.failure:
            self.state = Failed(question.key, self.failure)
        elif isinstance(question, ProposeQuestion):
            self.state = Ready(question.key, _points(question))
        else:
            self.state = Ready(question.key, _arms(question))

    def poll(self) -> ProposalState:
        return self.state

    def close(self) -> None:
        self.state = Idle()


def _points(question: ProposeQuestion) -> ProposedRound | None:
    taken = [*question.history.mixtures, *question.pending]
    found = quasi_random(question.accepted.space, question.q, taken=taken, seed=question.seed)
    if len(found) < question.q:
        return None
    return ProposedRound(
        trials=tuple(ProposedTrial(mixture=m, why="instant", predicted=None) for m in found),
        basis="surrogate",
        why="instant",
        expected_improvement=0.01,
    )


def _arms(question: NominateQuestion) -> PredictionRecord:
    accepted = question.accepted
    values = accepted.scale.objective(question.history.Y_nm)
    order = np.argsort(-values)
    roles: dict[Any, list[str]] = {}
    for row in order:
        mixture = question.history.mixtures[row]
        if mixture not in accepted.baselines.values() and len(roles) < question.n_candidates:
            roles.setdefault(mixture, ["candidate"])
    for name, mixture in {**accepted.baselines, "reference": accepted.reference}.items():
        roles.setdefault(mixture, []).append(name)
    return PredictionRecord(
        revision=question.revision,
        based_on=question.based_on,
        seeds=question.n_seeds,
        arms=tuple(
            PredictedArm(mixture=weights_of(m, accepted.view), roles=tuple(r), objective=None)
            for m, r in roles.items()
        ),
        near_optimal=NearOptimal(share=0.125, reach=0.5, sampled=1024, tried=3, eligible=6),
    )


@dataclass
class VirtualClock:
    """Time that moves only when somebody waits."""

    time: float = 1_000.0

    def now(self) -> float:
        return self.time

    def wait(self, seconds: float) -> None:
        self.time += seconds


@dataclass
class RecordingSink:
    """Keeps statuses and events."""

    fuse: Fuse = field(default_factory=Fuse)
    statuses: list[dict[str, Any]] = field(default_factory=list)
    events: list[tuple[str, str]] = field(default_factory=list)

    def write(self, status: Mapping[str, Any]) -> None:
        self.fuse.write("status", lambda: self.statuses.append(dict(status)))

    def event(self, reason: str, message: str) -> None:
        self.fuse.write(f"event {reason}", lambda: self.events.append((reason, message)))

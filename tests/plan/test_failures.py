"""What the end of an attempt means, row by row (contract: "Trainer's exit codes")."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from builders import a_view
from mixatlas.contract.result import TrialResult
from mixatlas.contract.trial import Purpose
from mixatlas.ledger.records import OutcomeClass, PlannedTrial, RoundKind, RoundRecord, weights_of
from mixatlas.plan.failures import End, Retry, Verdict, Wait, judge
from mixatlas.plan.observed import AttemptState
from mixatlas.plan.standing import TrialStanding
from mixatlas.space.build import build_space

DIGEST, OTHER = "a" * 64, "b" * 64
ENDED = AttemptState(
    name="n", trial=1, attempt=1, digest=DIGEST, pod_uid="p1", image_id="i", phase="ended"
)


def a_result(**changes: Any) -> TrialResult:
    values = {
        "trial_digest": DIGEST,
        "attempt": 1,
        "outcome": "ok",
        "seconds": 1.0,
        "gpu_seconds": 1.0,
        "flops": 1.0,
        "peak_memory": 1,
        "pod_uid": "p1",
    }
    return TrialResult(**(values | changes))


def a_trial(
    *attempts: AttemptState,
    results: tuple[TrialResult, ...] = (),
    purpose: Purpose = Purpose.INITIAL,
) -> TrialStanding:
    mixture = build_space(tokens={"a.vqa": 1, "b.vqa": 1}).uniform
    planned = PlannedTrial(
        trial=1,
        purpose=purpose,
        mixture=weights_of(mixture, a_view("a.vqa", "b.vqa")),
        seed=1,
        k=1,
        digest=DIGEST,
    )
    record = RoundRecord(
        round=1, kind=RoundKind.DESIGN, basis="design", why="", fidelity=1, trials=(planned,)
    )
    numbered = tuple(replace(a, attempt=i, name=f"n{i}") for i, a in enumerate(attempts, start=1))
    return TrialStanding(
        planned=planned,
        round=record,
        mixture=mixture,
        outcome=None,
        attempts=numbered,
        removed=(),
        results=results,
    )


def ended(code: int | None, **changes: Any) -> AttemptState:
    return replace(ENDED, exit_code=code, **changes)


RUNNING = replace(ENDED, phase="running")
TERMINATED = [ended(143)] * 5
TABLE: dict[str, tuple[TrialStanding, type[Verdict], dict[str, Any]]] = {
    "no attempt yet": (a_trial(), Retry, {"micro_batch_divisor": 1}),
    "running": (a_trial(RUNNING), Wait, {}),
    "result there": (a_trial(ended(0), results=(a_result(),)), End, {"outcome": OutcomeClass.OK}),
    "result there while another attempt runs": (
        a_trial(ended(None), RUNNING, results=(a_result(),)),
        End,
        {"outcome": OutcomeClass.OK},
    ),
    "result of another digest": (
        a_trial(ended(0), results=(a_result(trial_digest=OTHER),)),
        Retry,
        {},
    ),
    "result of the attempt's own digest": (
        a_trial(ended(0, digest=OTHER), results=(a_result(trial_digest=OTHER),)),
        End,
        {"outcome": OutcomeClass.OK},
    ),
    "diverged": (
        a_trial(ended(42), results=(a_result(outcome="diverged", reason="loss is nan"),)),
        End,
        {"outcome": OutcomeClass.DIVERGED, "reason": "loss is nan"},
    ),
    "refused": (
        a_trial(ended(43, message="digest differs")),
        End,
        {
            "outcome": OutcomeClass.FAILED,
            "is_fatal": True,
            "reason": "attempt 1: exit code 43: digest differs",
        },
    ),
    "data wrong once": (a_trial(ended(44)), Retry, {"fresh_cache": True}),
    "data wrong twice": (
        a_trial(ended(44), ended(44, message="s.tar has the checksum 0")),
        End,
        {"outcome": OutcomeClass.FAILED, "is_fatal": True},
    ),
    "out of memory once": (a_trial(ended(137)), Retry, {"micro_batch_divisor": 2}),
    "out of memory at half": (
        a_trial(ended(137), ended(137, micro_batch_divisor=2)),
        End,
        {"outcome": OutcomeClass.OUT_OF_MEMORY, "is_fatal": False},
    ),
    "half is kept after another end": (
        a_trial(ended(137), ended(1, micro_batch_divisor=2)),
        Retry,
        {"micro_batch_divisor": 2},
    ),
    "not stored, told by message": (
        a_trial(ended(45, message=a_result().model_dump_json(by_alias=True))),
        End,
        {"outcome": OutcomeClass.OK},
    ),
    "not stored, in a confirmation": (
        a_trial(
            ended(45, message=a_result().model_dump_json(by_alias=True)), purpose=Purpose.CONFIRM
        ),
        Retry,
        {},
    ),
    "not stored, message cut": (a_trial(ended(45, message='{"trialDigest":')), Retry, {}),
    "ended by hand five times": (a_trial(*TERMINATED), Retry, {}),
    "ended by hand six times": (
        a_trial(*TERMINATED, ended(143)),
        End,
        {"outcome": OutcomeClass.FAILED},
    ),
    "ended by its own search, however often": (
        a_trial(*TERMINATED, *[ended(143, is_stopped=True)] * 9),
        Retry,
        {},
    ),
    "lost nine times": (a_trial(*[ended(None)] * 9), Retry, {}),
    "failed as often as allowed": (a_trial(ended(1), ended(1)), Retry, {}),
    "failed once more": (
        a_trial(ended(1), ended(1), ended(1, message="Traceback\nValueError: x")),
        End,
        {"outcome": OutcomeClass.FAILED, "reason": "attempt 3: exit code 1: ValueError: x"},
    ),
    "killed by a foreign signal": (
        a_trial(*[ended(-9, signalled=True)] * 3),
        End,
        {"outcome": OutcomeClass.FAILED, "reason": "attempt 3: killed by a signal: no message"},
    ),
}


@pytest.mark.parametrize("name", TABLE)
def test_verdict(name: str) -> None:
    trial, kind, fields = TABLE[name]
    verdict = judge(trial, retries=2)
    assert type(verdict) is kind
    for field, value in fields.items():
        assert getattr(verdict, field) == value

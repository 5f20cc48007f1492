from __future__ import annotations

import json
from pathlib import Path

import pytest

from mixatlas.contract.errors import StoreForbidden, StoreUnavailable
from mixatlas.contract.metrics import Metric
from mixatlas.contract.result import DomainUse, Score, TrialResult
from mixatlas_trainer.objects import Objects
from mixatlas_trainer.storing import (
    LOG_BYTES,
    PAUSE_S,
    Insistence,
    ResultNotStored,
    termination_message,
    upload_log,
    write_termination_log,
)


class Clock:
    """Time that passes by waiting only."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds


def result(n_benchmarks: int, n_domains: int) -> TrialResult:
    score = Score(metric=Metric.TOKEN_NLL, value=1 / 3, sem=2 / 3e4, n=300, chance=0.1234567891)
    use = DomainUse(tokens=1, supervised_tokens=1, samples=1, epochs=1 / 3, loss=None)
    return TrialResult(
        trial_digest="0" * 64,
        attempt=1,
        outcome="ok",
        benchmarks={f"benchmark-{i}": score for i in range(n_benchmarks)},
        domains={f"domain.{i}": use for i in range(n_domains)},
        seconds=1,
        gpu_seconds=1,
        flops=1,
        peak_memory=1,
        pod_uid="p",
        versions={"torch": "2"},
    )


@pytest.mark.parametrize(
    ("n_benchmarks", "n_domains", "kept"),
    [(6, 3, {"domains", "versions"}), (6, 128, {"versions"}), (32, 128, {"versions"})],
)
def test_the_message_holds_the_scores_in_4_kib(
    n_benchmarks: int, n_domains: int, kept: set[str]
) -> None:
    message = termination_message(result(n_benchmarks, n_domains))
    read = TrialResult.model_validate_json(message)

    assert len(message) <= 4096
    assert len(read.benchmarks) == n_benchmarks
    assert read.benchmarks["benchmark-0"].value == pytest.approx(1 / 3)
    assert {k for k in ("domains", "versions") if k in json.loads(message)} == kept


def test_the_store_is_asked_until_it_takes_the_result() -> None:
    clock, answers = Clock(), [StoreUnavailable("down"), StoreForbidden("renewing"), None]

    def call() -> str:
        answer = answers.pop(0)
        if answer is not None:
            raise answer
        return "stored"

    assert Insistence(clock.wait, clock=clock).on(call) == "stored"
    assert clock.now == 2 * PAUSE_S


def test_after_fifteen_minutes_it_is_given_up_for_all_objects_together() -> None:
    clock = Clock()
    insistence = Insistence(clock.wait, clock=clock)

    def call() -> None:
        raise StoreUnavailable("down")

    with pytest.raises(ResultNotStored, match="down"):
        insistence.on(call)
    assert clock.now == 900
    with pytest.raises(ResultNotStored):
        insistence.on(call)
    assert clock.now == 900


def test_outside_a_pod_kubernetes_file_is_not_made(tmp_path: Path) -> None:
    write_termination_log(Path("/dev/termination-log"), b"x")
    write_termination_log(tmp_path / "log", b"x" * 5000)

    assert not Path("/dev/termination-log").exists()
    assert (tmp_path / "log").stat().st_size == 4096


def test_the_end_of_a_long_log_is_stored(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"a" * 100 + b"b" * LOG_BYTES)
    upload_log(Objects({}), str(tmp_path / "out/log.txt"), tmp_path / "log")

    assert (tmp_path / "out/log.txt").read_bytes() == b"b" * LOG_BYTES

"""What every trial runner promises its driver: the scripted one, and real processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fakes import MemoryStore, ScriptedRunner
from mixatlas.contract.trainer_config import TrainerConfig
from mixatlas.contract.trial import CorpusRef, DomainWeight, Purpose, TrialFile
from mixatlas.driver.ports import StartRequest, TrialRunner
from mixatlas.local.runner import RunnerSettings, SubprocessRunner
from mixatlas.local.state import StateFolder
from mixatlas.plan.observed import AttemptState
from processes import until

TESTS = Path(__file__).parents[1]
Prepare = Callable[[int, int], StartRequest]
"""From a trial's number and the exit code it shall have to the request that starts it."""


def a_trial_file(trial: int) -> TrialFile:
    """Return the smallest trial file."""
    return TrialFile(
        trial=trial,
        purpose=Purpose.INITIAL,
        mixture=(DomainWeight(domain="chart.vqa", ppm=1_000_000),),
        seed=trial,
        tokens=100,
        corpus=CorpusRef(manifest="s3://corpora/manifest.json", sha256="0" * 64),
        base=None,
        benchmarks=(),
        part="search",
        trainer=TrainerConfig(),
        attempts=f"s3://bucket/trials/{trial}/attempts",
        checkpoints=f"s3://bucket/checkpoints/{trial}",
        keep_checkpoint=False,
    )


def a_request(trial: int, uri: str, digest: str) -> StartRequest:
    """Return the request of a trial's first attempt."""
    return StartRequest(
        name=f"search-12345-t{trial:06d}-a1",
        trial=trial,
        attempt=1,
        digest=digest,
        trial_uri=uri,
        purpose="initial",
        micro_batch_divisor=2,
    )


@pytest.fixture(params=["scripted", pytest.param("processes", marks=pytest.mark.slow)])
def runner_and_prepare(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[TrialRunner, Prepare]]:
    if request.param == "scripted":
        store, codes = MemoryStore(), {}

        def prepare(trial: int, code: int) -> StartRequest:
            codes[trial] = code
            file = a_trial_file(trial)
            uri = f"s3://bucket/trials/{trial}.json"
            store.put(uri, file.to_bytes())
            return a_request(trial, uri, file.digest)

        yield ScriptedRunner(store, lambda file, attempt: codes[file.trial]), prepare
        return
    settings = RunnerSettings(
        threads=1, environ={"PYTHONPATH": str(TESTS)}, entry="runner_entries:main"
    )
    runner = SubprocessRunner(StateFolder(tmp_path), settings)
    yield (
        runner,
        lambda trial, code: a_request(
            trial, "s3://bucket/polite:" if code == 143 else f"s3://bucket/exit:{code}", "d" * 64
        ),
    )
    runner.close()


@pytest.fixture
def runner(runner_and_prepare: tuple[TrialRunner, Prepare]) -> TrialRunner:
    return runner_and_prepare[0]


@pytest.fixture
def prepare(runner_and_prepare: tuple[TrialRunner, Prepare]) -> Prepare:
    return runner_and_prepare[1]


def look(runner: TrialRunner, request: StartRequest) -> AttemptState:
    """Return what the runner says of an attempt."""
    (attempt,) = [a for a in runner.observe() if a.name == request.name]
    return attempt


def end_of(runner: TrialRunner, request: StartRequest) -> AttemptState:
    """Wait for an attempt's end."""

    def ended() -> AttemptState | None:
        attempt = look(runner, request)
        return attempt if attempt.phase == "ended" else None

    return until(ended)


def test_nothing_started_is_nothing_observed(runner: TrialRunner) -> None:
    assert runner.observe() == ()


def test_an_attempt_is_observed_as_it_was_asked_for(runner: TrialRunner, prepare: Prepare) -> None:
    request = prepare(17, 143)
    runner.start(request)
    attempt = look(runner, request)
    runner.stop(request.name)
    assert (attempt.trial, attempt.attempt, attempt.digest) == (17, 1, request.digest)
    assert attempt.micro_batch_divisor == 2
    assert attempt.phase in ("pending", "running")
    assert attempt.exit_code is None
    assert attempt.pod_uid
    assert attempt.image_id


@pytest.mark.parametrize("code", [0, 1, 42, 43])
def test_an_attempt_ends_with_its_exit_code(
    runner: TrialRunner, prepare: Prepare, code: int
) -> None:
    request = prepare(1, code)
    runner.start(request)
    attempt = end_of(runner, request)
    assert attempt.exit_code == code
    assert not attempt.signalled
    assert attempt.ended is not None
    assert attempt.ended >= attempt.started


def test_a_name_is_started_once(runner: TrialRunner, prepare: Prepare) -> None:
    request = prepare(1, 0)
    runner.start(request)
    first = look(runner, request)
    runner.start(request)
    ended = end_of(runner, request)
    runner.start(request)
    assert look(runner, request) == ended
    assert ended.pod_uid == first.pod_uid


def test_an_attempt_that_is_stopped_ends_as_terminated(
    runner: TrialRunner, prepare: Prepare
) -> None:
    request = prepare(1, 143)
    runner.start(request)
    assert not look(runner, request).is_stopped
    runner.stop(request.name)
    assert look(runner, request).is_stopped
    attempt = end_of(runner, request)
    assert attempt.exit_code == 143
    assert attempt.is_stopped
    assert not attempt.signalled


def test_what_has_ended_is_not_changed_by_a_stop(runner: TrialRunner, prepare: Prepare) -> None:
    request = prepare(1, 42)
    runner.start(request)
    ended = end_of(runner, request)
    runner.stop(request.name)
    assert look(runner, request) == ended


def test_a_forgotten_attempt_is_not_observed_and_the_others_are(
    runner: TrialRunner, prepare: Prepare
) -> None:
    requests = [prepare(1, 0), prepare(2, 0)]
    for request in requests:
        runner.start(request)
    for request in requests:
        end_of(runner, request)
    runner.forget(requests[0].name)
    assert [attempt.name for attempt in runner.observe()] == [requests[1].name]


def test_unknown_names_are_ignored(runner: TrialRunner) -> None:
    runner.stop("nobody")
    runner.forget("nobody")
    assert runner.observe() == ()

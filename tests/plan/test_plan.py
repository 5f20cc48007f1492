"""A search's course, as its plan decides it, on fakes."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import Crash, write_result
from mixatlas.contract.trial import Purpose, TrialFile
from mixatlas.ledger.records import OutcomeClass, RoundKind
from mixatlas.plan.actions import StartTrial, StopTrial
from mixatlas.plan.observed import Observed
from mixatlas.plan.plan import plan, why_finished
from mixatlas.plan.status import describe
from scenario import World, a_document, stable


def passes_of(world: World) -> list[Observed]:
    """Return every observation of a search up to its end."""
    driver, seen = world.driver(), []
    for _ in range(400):
        observed, n_actions = driver.run_pass()
        seen.append(observed)
        if not n_actions and why_finished(observed) is not None:
            return seen
    raise AssertionError("the search does not end")


GOLDEN = passes_of(World())


@given(st.integers(0, 2**32))
def test_the_order_of_lists_is_no_matter(seed: int) -> None:
    rng = random.Random(seed)
    observed = rng.choice(GOLDEN)
    shuffled = replace(
        observed,
        rounds=tuple(rng.sample(observed.rounds, len(observed.rounds))),
        outcomes=tuple(rng.sample(observed.outcomes, len(observed.outcomes))),
        attempts=tuple(rng.sample(observed.attempts, len(observed.attempts))),
    )
    assert plan(shuffled) == plan(observed)


def test_a_finished_search_asks_for_nothing() -> None:
    assert plan(GOLDEN[-1]) == []


def test_never_more_attempts_than_slots() -> None:
    for observed in GOLDEN:
        starts = sum(isinstance(action, StartTrial) for action in plan(observed))
        active = sum(attempt.phase != "ended" for attempt in observed.attempts)
        assert starts + active <= 2


def test_the_same_document_elsewhere_trains_the_same() -> None:
    assert stable(GOLDEN[-1]) == stable(World().run())


def test_two_trials_never_share_a_seed_in_the_search_and_always_do_in_the_confirmation() -> None:
    trials = [trial for record in GOLDEN[-1].rounds for trial in record.trials]
    search = [t.seed for t in trials if t.purpose not in (Purpose.CONFIRM, Purpose.BASE)]
    assert len(set(search)) == len(search) == 8
    confirm = [t.seed for t in trials if t.purpose is Purpose.CONFIRM]
    assert len(confirm) == 3 * 2
    assert len(set(confirm)) == 2


def test_suspended_starts_nothing_and_goes_on_afterwards() -> None:
    world = World(search=a_document(suspend=True))
    driver = world.driver()
    for _ in range(5):
        driver.run_pass()
    assert world.runner.started == []
    assert world.sink.statuses[-1]["summary"]["status"] == "Suspended"
    world.search = a_document()
    assert stable(world.run()) == stable(GOLDEN[-1])


def test_a_checkpoint_suspension_ends_what_runs_and_the_next_attempt_goes_on() -> None:
    undisturbed = stable(World().run())
    world = World()
    driver = world.driver()
    while len(world.runner.started) < 3:
        driver.run_pass()
    world.runner.is_slow = True
    world.search = a_document(suspend=True, suspendMode="Checkpoint")
    while driver.run_pass()[1]:
        world.runner.remove_stopped()
    assert world.runner.attempts == {}
    before = list(world.runner.started)

    world.runner.is_slow = False
    world.search = a_document()
    observed = world.run()
    again = [name for name in world.runner.started[len(before) :] if name.endswith("-a2")]
    assert again, "attempt N+1, also after a restart"
    assert len(set(world.runner.started)) == len(world.runner.started)
    assert stable(observed) == undisturbed
    told = [a for o in observed.outcomes for a in o.attempts if a.pod_uid.endswith("-a1")]
    assert len(told) == len(observed.outcomes), "no attempt is left out of the account"


@pytest.mark.parametrize(
    "change", [{"suspend": True, "suspendMode": "Checkpoint"}, {"conclude": "Now"}]
)
def test_what_was_asked_to_end_is_not_asked_again(change: dict[str, Any]) -> None:
    world = World()
    driver = world.driver()
    while len(world.runner.started) < 3:
        driver.run_pass()
    world.runner.is_slow = world.runner.is_reluctant = True
    world.search = a_document(**change)
    for _ in range(5):
        driver.run_pass()
    running = [a.name for a in world.runner.attempts.values() if a.phase != "ended"]
    assert [what for what in world.fuse.written if what.startswith("stop ")] == [
        f"stop {name}" for name in running
    ]
    assert driver.run_pass()[1] == 0


def test_a_stop_that_was_written_down_before_a_crash_comes_after_it() -> None:
    world = World()
    driver = world.driver()
    while len(world.runner.started) < 3:
        driver.run_pass()
    world.runner.is_slow = True
    world.search = a_document(suspend=True, suspendMode="Checkpoint")
    world.fuse.crash_at = len(world.fuse.written) + 1
    with pytest.raises(Crash, match=r"attempt-0001\.json"):
        driver.run_pass()
    world.clock.wait(1.0)
    driver = world.driver()
    for _ in range(5):
        driver.run_pass()
    assert all(attempt.phase == "ended" for attempt in world.runner.attempts.values())


def test_a_lost_attempt_is_replaced_uncounted_and_its_job_removed() -> None:
    world = World(search=a_document(budget__retries=0))
    driver = world.driver()
    while len(world.runner.started) < 3:
        driver.run_pass()
    lost = world.runner.started[-1]
    world.runner.lose(lost)
    observed = driver.run()
    assert lost not in world.runner.attempts
    assert lost.removesuffix("1") + "2" in world.runner.started
    assert {outcome.outcome for outcome in observed.outcomes} == {"ok"}


def test_the_result_of_a_lost_attempt_is_credited_when_it_comes_first() -> None:
    world = World()
    driver = world.driver()
    while len(world.runner.started) < 3:
        driver.run_pass()
    lost = world.runner.started[-1]
    state = world.runner.lose(lost)
    driver.run_pass()
    write_result(world.store, world.runner.files[lost], state)
    observed = driver.run()
    outcome = next(o for o in observed.outcomes if o.trial == state.trial)
    assert outcome.credited is not None
    assert outcome.credited.pod_uid == state.pod_uid


@pytest.mark.parametrize(
    ("phase", "reason"), [("pending", "PodNotStarted"), ("running", "NoProgress")]
)
def test_a_trial_that_does_not_move_is_reported_and_left_alone(
    phase: Literal["pending", "running"], reason: str
) -> None:
    world = World()
    driver = world.driver()
    while len(world.runner.started) < 3:
        driver.run_pass()
    observed = driver.observe()
    stuck = replace(observed.attempts[-1], phase=phase, started=1.0, message="no free node")
    for now, expected in ((500.0, "Healthy"), (2000.0, reason)):
        seen = replace(observed, attempts=(stuck,), now=now)
        status, _ = describe(seen, now)
        degraded = next(c for c in status["conditions"] if c["type"] == "Degraded")
        assert degraded["reason"] == expected
        assert not any(isinstance(action, StopTrial) for action in plan(seen))


def test_a_search_whose_jobs_all_wait_for_a_quota_is_queued() -> None:
    world = World()
    driver = world.driver()
    while len(world.runner.started) < 3:
        driver.run_pass()
    observed = driver.observe()
    waiting = tuple(replace(a, phase="queued", exit_code=None) for a in observed.attempts)
    status, _ = describe(replace(observed, attempts=waiting), 1.0)
    assert status["summary"]["status"] == "Queued"
    assert status["summary"]["running"] == "0"


def test_parallelism_zero_pauses() -> None:
    world = World(search=a_document(search__parallelism=0))
    driver = world.driver()
    for _ in range(5):
        driver.run_pass()
    assert world.runner.started == []


def test_conclude_now_cancels_without_a_winner() -> None:
    world = World()
    driver = world.driver()
    while len(world.runner.started) < 3:
        driver.run_pass()
    world.search = a_document(conclude="Now")
    observed = world.run()
    reason = why_finished(observed)
    assert reason is not None
    assert reason.name == "Cancelled"
    assert not observed.winners
    assert all(attempt.phase == "ended" for attempt in observed.attempts)


@pytest.mark.parametrize("n_started", [1, 4, 9, 12])
def test_a_cancelled_search_goes_on_when_that_is_taken_back(n_started: int) -> None:
    """In its base, its design, its proposals, its confirmation."""
    world = World(script=lambda trial, attempt: 143 if trial.trial == 0 and attempt == 1 else 0)
    driver = world.driver()
    while len(world.runner.started) < n_started:
        driver.run_pass()
    world.search = a_document(conclude="Now")
    reason = why_finished(world.run())
    assert reason is not None
    assert reason.name == "Cancelled"
    assert world.sink.statuses[-1]["summary"]["status"] == "Cancelled"
    world.search = a_document()
    reason = why_finished(world.run())
    assert reason is not None
    assert reason.name == "Succeeded", reason.message


def test_conclude_drain_confirms_with_what_there_is() -> None:
    world = World(search=a_document(conclude="Drain"))
    observed = world.run()
    assert not any(record.kind is RoundKind.PROPOSED for record in observed.rounds)
    assert observed.winners[-1].revision == 1


def test_a_lowered_limit_cancels_what_never_started() -> None:
    world = World(slots=1, search=a_document(search__initialTrials=8, search__maxTrials=16))
    driver = world.driver()
    while len(world.runner.started) < 2:
        driver.run_pass()
    world.search = a_document(search__initialTrials=8, search__maxTrials=5)
    observed = world.run()
    cancelled = [o for o in observed.outcomes if o.outcome is OutcomeClass.CANCELLED]
    trained = [o for o in observed.outcomes if o.outcome is OutcomeClass.OK]
    assert {o.reason for o in cancelled} == {"search.maxTrials was lowered"}
    assert sum(o.purpose not in ("confirm", "base") for o in trained) == 5
    assert observed.winners


def test_a_finished_search_is_extended() -> None:
    world = World()
    first = world.run()
    world.search = a_document(search__maxTrials=10)
    observed = world.run()
    assert [winner.revision for winner in sorted(observed.winners, key=lambda w: w.revision)] == [
        1,
        2,
    ]
    n_search = sum(o.purpose not in ("confirm", "base") for o in observed.outcomes)
    assert n_search == 10
    told = [(o.mixture, o.seed) for o in observed.outcomes if o.purpose is Purpose.CONFIRM]
    assert len(told) == len(set(told)), "a (mixture, seed) was trained twice"
    assert len(observed.outcomes) > len(first.outcomes)


def test_failures_at_the_limit_fail_the_search() -> None:
    def script(trial: TrialFile, attempt: int) -> int:
        return 1 if trial.trial in (2, 4, 5) else 0

    observed = World(search=a_document(budget__maxFailedTrials=3), script=script).run()
    reason = why_finished(observed)
    assert reason is not None
    assert reason.message.startswith("TooManyFailures")
    failed = [o for o in observed.outcomes if o.outcome is OutcomeClass.FAILED]
    assert [len(o.attempts) for o in failed] == [2, 2, 2], "budget.retries is 1"


def test_the_first_three_alike_fail_the_search() -> None:
    observed = World(script=lambda trial, attempt: 1 if trial.trial else 0).run()
    reason = why_finished(observed)
    assert reason is not None
    assert "first 3 trials failed" in reason.message


def test_a_wrong_configuration_fails_at_once() -> None:
    observed = World(script=lambda trial, attempt: 43 if trial.trial == 1 else 0).run()
    reason = why_finished(observed)
    assert reason is not None
    assert reason.message.startswith("ContractViolation")
    assert sum(o.outcome is OutcomeClass.OK for o in observed.outcomes) <= 2


def test_a_base_that_fails_ends_the_search() -> None:
    observed = World(script=lambda trial, attempt: 1).run()
    reason = why_finished(observed)
    assert reason is not None
    assert "shared base" in reason.message


def test_a_failed_reference_gets_two_further_seeds_then_fails() -> None:
    world = World()
    natural = world.driver().observe().accepted.reference.to_plain()

    def script(trial: TrialFile, attempt: int) -> int:
        is_reference = [w.to_plain() for w in trial.mixture] == natural
        return 1 if is_reference and trial.trial else 0

    world.runner.script = script
    observed = world.run()
    reason = why_finished(observed)
    assert reason is not None
    assert reason.message.startswith("ReferenceFailed")
    tries = [
        o for o in observed.outcomes if [w.to_plain() for w in o.mixture] == natural and o.trial
    ]
    assert len(tries) == 3


def test_a_reference_that_recovers_goes_on() -> None:
    world = World()
    natural = world.driver().observe().accepted.reference.to_plain()

    def script(trial: TrialFile, attempt: int) -> int:
        is_reference = [w.to_plain() for w in trial.mixture] == natural
        return 1 if is_reference and trial.trial == 1 else 0

    world.runner.script = script
    assert world.run().winners


def test_diverged_trials_count_and_the_search_goes_on() -> None:
    observed = World(script=lambda trial, attempt: 42 if trial.trial in (3, 7) else 0).run()
    diverged = [o for o in observed.outcomes if o.outcome is OutcomeClass.DIVERGED]
    assert [o.trial for o in sorted(diverged, key=lambda o: o.trial)] == [3, 7]
    assert observed.winners


def test_out_of_memory_runs_once_more_at_half() -> None:
    divisors: dict[int, list[int]] = {}
    world = World()

    def script(trial: TrialFile, attempt: int) -> int:
        return 137 if trial.trial == 3 and attempt == 1 else 0

    world.runner.script = script
    observed = world.run()
    for record in observed.outcomes:
        divisors[record.trial] = [a.exit_code or 0 for a in record.attempts]
    assert divisors[3] == [137, 0]
    assert not any(a.counted for o in observed.outcomes for a in o.attempts)


def test_a_failing_proposer_falls_back_and_says_so() -> None:
    world = World()
    world.proposer.failure = "Cholesky failed"
    observed = world.run()
    proposed = [r for r in observed.rounds if r.kind is RoundKind.PROPOSED]
    assert {r.basis for r in proposed} == {"fallback"}
    assert "Cholesky failed" in proposed[0].why
    reasons = [
        c["reason"]
        for s in world.sink.statuses
        for c in s["conditions"]
        if c["type"] == "Degraded" and c["status"] == "True"
    ]
    assert "ProposerFallback" in reasons
    assert observed.winners, "the confirmation takes the best measured mixtures"


def test_a_gpu_budget_keeps_back_what_the_confirmation_needs() -> None:
    observed = World(search=a_document(budget__gpuHours="0.06", search__maxTrials=200)).run()
    used = sum(a.gpu_seconds for o in observed.outcomes for a in o.attempts)
    assert observed.winners
    assert used <= 0.06 * 3600
    assert len(observed.outcomes) < 60


def test_two_images_are_reported() -> None:
    world = World()
    driver = world.driver()
    while len(world.runner.started) < 4:
        driver.run_pass()
    world.runner.image_id = "sha256:other"
    world.run()
    degraded = [c for c in world.sink.statuses[-1]["conditions"] if c["type"] == "Degraded"]
    assert degraded[0]["reason"] == "ImageChanged"


def test_an_immutable_change_is_reported_and_ignored() -> None:
    world = World()
    driver = world.driver()
    while len(world.runner.started) < 2:
        driver.run_pass()
    world.search = a_document(proxy__tokens=99_999)
    observed = world.run()
    assert observed.drift == ("spec.proxy.tokens",)
    assert {o.tokens for o in observed.outcomes if o.trial} == {10_000}
    degraded = [c for c in world.sink.statuses[-1]["conditions"] if c["type"] == "Degraded"]
    assert degraded[0]["reason"] == "SpecDrift"


def test_replicates_stay_under_a_quarter() -> None:
    for limit in (8, 12, 16, 24, 48):
        document = a_document(search__maxTrials=limit, search__initialTrials=4)
        observed = World(search=document).run()
        replicates = [
            t for r in observed.rounds for t in r.trials if t.purpose is Purpose.REPLICATE
        ]
        assert len(replicates) < limit / 4
        best = [r for r in observed.rounds if r.kind is RoundKind.REPLICATES]
        assert best, "the best's replicates go first"

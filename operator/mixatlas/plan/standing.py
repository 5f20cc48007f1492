"""Where each trial stands: the one reading of rounds, outcomes and attempts together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from mixatlas.contract.mixture import Mixture
from mixatlas.contract.result import TrialResult
from mixatlas.contract.trial import Purpose, TrialFile
from mixatlas.ledger.fold import SEARCH_PURPOSES, fold
from mixatlas.ledger.history import History
from mixatlas.ledger.records import (
    AttemptRecord,
    OutcomeClass,
    PlannedTrial,
    RoundKind,
    RoundRecord,
    TrialOutcome,
    mixture_of,
)
from mixatlas.plan.observed import AttemptState, Observed


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialStanding:
    """One planned trial with everything known about it.

    Args:
        planned: As its round records it.
        round: The round.
        mixture: Over all domains of the space.
        outcome: How it ended, or None.
        attempts: Known to the runner, by number of the attempt.
        removed: Earlier attempts that the runner knows no more, by number.
        results: Found under its prefix, while it has no outcome.
    """

    planned: PlannedTrial
    round: RoundRecord
    mixture: Mixture
    outcome: TrialOutcome | None
    attempts: tuple[AttemptState, ...]
    removed: tuple[AttemptRecord, ...]
    results: tuple[TrialResult, ...]

    @property
    def is_open(self) -> bool:
        """Whether it has no outcome yet."""
        return self.outcome is None

    @property
    def is_active(self) -> bool:
        """Whether one of its attempts holds a slot."""
        return any(attempt.phase != "ended" for attempt in self.attempts)

    @property
    def is_running(self) -> bool:
        """Whether one of its attempts has begun to run."""
        return any(attempt.phase == "running" for attempt in self.attempts)

    @property
    def next_attempt(self) -> int:
        """Number of an attempt that would be started now."""
        known = [*(a.attempt for a in self.attempts), *(a.attempt for a in self.removed)]
        return max(known, default=0) + 1

    @property
    def is_cancelled(self) -> bool:
        """Whether it ended because nobody wants it any more."""
        return self.outcome is not None and self.outcome.outcome is OutcomeClass.CANCELLED

    @property
    def is_ok(self) -> bool:
        """Whether it ended with scores."""
        return self.outcome is not None and self.outcome.outcome is OutcomeClass.OK

    @property
    def was_started(self) -> bool:
        """Whether any attempt of it is known, or it has ended."""
        is_known = bool(self.attempts) or bool(self.removed) or bool(self.results)
        return is_known or not self.is_open


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """All trials by number, and the rounds in order."""

    trials: Mapping[int, TrialStanding]
    rounds: tuple[RoundRecord, ...]

    def of_purpose(self, *purposes: Purpose) -> tuple[TrialStanding, ...]:
        """Return the trials of some purposes, by number."""
        return tuple(t for t in self.trials.values() if t.planned.purpose in purposes)

    def of_kind(self, *kinds: RoundKind) -> tuple[TrialStanding, ...]:
        """Return the trials of some kinds of rounds, by number."""
        return tuple(t for t in self.trials.values() if t.round.kind in kinds)

    @property
    def search_trials(self) -> tuple[TrialStanding, ...]:
        """Trials that count in `maxTrials`: those of the search stage, cancelled ones not."""
        return tuple(t for t in self.of_purpose(*SEARCH_PURPOSES) if not t.is_cancelled)

    @property
    def open_trials(self) -> tuple[TrialStanding, ...]:
        """Trials without an outcome, by number."""
        return tuple(t for t in self.trials.values() if t.is_open)

    @property
    def next_trial(self) -> int:
        """The lowest number above every trial; numbers start at 1, the base is 0."""
        return max((number for number in self.trials), default=0) + 1

    @property
    def next_round(self) -> int:
        """The number of the next round; round 0 is the base alone."""
        return max((record.round for record in self.rounds), default=0) + 1

    @property
    def last_hyperparameters(self) -> Mapping[str, tuple[float, ...]] | None:
        """The warm start of the next fit: what the last round records, never memory."""
        known = [r.hyperparameters for r in self.rounds if r.hyperparameters is not None]
        return known[-1] if known else None


def read_standing(observed: Observed) -> Standing:
    """Join rounds, outcomes, attempts and results by trial.

    A round may have been overwritten by a paused leader after its trials were started. What was
    really started is right: the outcome's word, else the trial file of the newest attempt.
    """
    outcomes = {outcome.trial: outcome for outcome in observed.outcomes}
    rounds = tuple(sorted(observed.rounds, key=lambda record: record.round))
    view = observed.accepted.view
    trials = {}
    for record in rounds:
        for planned in record.trials:
            number = planned.trial
            attempts = tuple(
                sorted(
                    (a for a in observed.attempts if a.trial == number),
                    key=lambda attempt: attempt.attempt,
                )
            )
            outcome = outcomes.get(number)
            started = _as_started(planned, outcome, attempts, observed.files)
            trials[number] = TrialStanding(
                planned=started,
                round=record,
                mixture=mixture_of(started.mixture, view),
                outcome=outcome,
                attempts=attempts,
                removed=observed.removed.get(number, ()),
                results=tuple(
                    sorted(
                        observed.results.get(number, ()),
                        key=lambda result: (result.attempt, result.pod_uid),
                    )
                ),
            )
    return Standing(trials=dict(sorted(trials.items())), rounds=rounds)


def history_of(observed: Observed) -> History:
    """Return what the search stage has learned so far."""
    accepted = observed.accepted
    history = fold(observed.outcomes, view=accepted.view, metrics=accepted.metrics)
    return replace(history, evidence=accepted.warm_start.sources)


def trials_left(observed: Observed, standing: Standing) -> int:
    """Return how many trials `maxTrials` still allows, never below 0."""
    return max(0, observed.live.spec.search.max_trials - len(standing.search_trials))


def _as_started(
    planned: PlannedTrial,
    outcome: TrialOutcome | None,
    attempts: tuple[AttemptState, ...],
    files: Mapping[str, TrialFile],
) -> PlannedTrial:
    told: list[TrialOutcome | TrialFile] = [files[a.digest] for a in attempts if a.digest in files]
    told += [outcome] if outcome is not None else []
    if not told or told[-1].digest == planned.digest:
        return planned
    truth = told[-1]
    return planned.model_copy(
        update={
            "purpose": truth.purpose,
            "mixture": truth.mixture,
            "seed": truth.seed,
            "digest": truth.digest,
        }
    )

"""The confirmation: its arms, its rounds, and the winner (contract: "Confirmation")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mixatlas.contract.mixture import Mixture
from mixatlas.contract.trial import Purpose
from mixatlas.ledger.records import (
    BasedOn,
    ConfirmedArm,
    Gain,
    Interval,
    PredictedArm,
    PredictionRecord,
    RoundKind,
    RoundRecord,
    WinnerRecord,
    cells_of,
    mixture_of,
    weights_of,
)
from mixatlas.objective.confirmation import Estimate, ItemScores, PairedGain, paired_gains
from mixatlas.plan.actions import (
    Action,
    PublishWinner,
    RecordPredictions,
    RecordRound,
    RequestNomination,
)
from mixatlas.plan.observed import Accepted, Failed, Idle, Observed, Ready
from mixatlas.plan.recording import LARGEST_ROUND
from mixatlas.plan.standing import Standing, TrialStanding
from mixatlas.plan.trial_files import base_of, plan_trial

LEAST_SEEDS = 2
"""Complete seeds below which an arm falls out."""
CANDIDATE = "candidate"
REFERENCE = "reference"


def revision_due(observed: Observed, standing: Standing) -> int | None:
    """Return the revision to confirm, or None when the last one still holds.

    A revision is begun by search trials that the last one did not know, or by more seeds.
    """
    published = {winner.revision for winner in observed.winners}
    last = max(observed.predictions, key=lambda record: record.revision, default=None)
    if last is None:
        return 1
    if last.revision not in published:
        return last.revision
    known = set(last.based_on.finished)
    finished = {t.planned.trial for t in standing.search_trials}
    is_extended = bool(finished - known) or observed.live.spec.confirm.seeds > last.seeds
    return last.revision + 1 if is_extended else None


def next_confirmation(observed: Observed, standing: Standing, revision: int) -> list[Action]:
    """Return the next step of a revision: predictions, its trials, then the winner."""
    predictions = {record.revision: record for record in observed.predictions}
    if revision not in predictions:
        return _nominate(observed, standing, revision)
    record = predictions[revision]
    missing = _missing_trials(observed, standing, record)
    if missing:
        return [_confirm_round(observed, standing, record, missing[:LARGEST_ROUND])]
    if any(trial.is_open for trial in standing.of_purpose(Purpose.CONFIRM)):
        return []
    winner = find_winner(observed, standing, record)
    return [] if winner is None else [PublishWinner(winner)]


def reference_fell_out(observed: Observed, standing: Standing, revision: int) -> bool:
    """Tell whether a revision has ended without enough seeds of the reference."""
    record = next((p for p in observed.predictions if p.revision == revision), None)
    if record is None or _missing_trials(observed, standing, record):
        return False
    if any(trial.is_open for trial in standing.of_purpose(Purpose.CONFIRM)):
        return False
    return find_winner(observed, standing, record) is None


def _nominate(observed: Observed, standing: Standing, revision: int) -> list[Action]:
    key = f"revision-{revision:04d}"
    match observed.proposal:
        case Ready(key=ready, answer=PredictionRecord() as answer) if ready == key:
            return [RecordPredictions(answer)]
        case Failed(key=failed) if failed == key:
            return [RecordPredictions(_measured_arms(observed, standing, revision))]
        case Idle() | Ready() | Failed():
            finished = tuple(t.planned.trial for t in standing.search_trials if not t.is_open)
            n = observed.live.spec.confirm.candidates
            based_on = BasedOn(finished=finished)
            return [
                RequestNomination(key=key, revision=revision, n_candidates=n, based_on=based_on)
            ]
        case _:
            return []


def _measured_arms(observed: Observed, standing: Standing, revision: int) -> PredictionRecord:
    """Return the arms without a surrogate: the best measured mixtures, nothing predicted."""
    accepted = observed.accepted
    scale = accepted.scale
    fixed = set(accepted.baselines.values())
    values: dict[Mixture, list[float]] = {}
    for trial in standing.search_trials:
        if trial.is_ok and trial.outcome is not None and trial.mixture not in fixed:
            scores = [b.sign * trial.outcome.scores[b.name].value for b in accepted.yardstick]
            values.setdefault(trial.mixture, []).append(float(scale.objective(np.array(scores))))
    feasible = [mixture for mixture in values if accepted.space.contains(mixture)]
    feasible.sort(key=lambda mixture: (-float(np.mean(values[mixture])), mixture.parts))
    candidates = feasible[: observed.live.spec.confirm.candidates]
    return PredictionRecord(
        revision=revision,
        based_on=BasedOn(finished=tuple(t.planned.trial for t in standing.search_trials)),
        seeds=observed.live.spec.confirm.seeds,
        arms=_arms_of(accepted, candidates),
    )


def _arms_of(accepted: Accepted, candidates: Sequence[Mixture]) -> tuple[PredictedArm, ...]:
    """Return all arms without predictions: candidates first, then each distinct baseline.

    A named baseline inside the space may be a candidate; natural, uniform and the reference
    stay arms of their own.
    """
    roles: dict[Mixture, list[str]] = {}
    for mixture in candidates:
        roles.setdefault(mixture, []).append(CANDIDATE)
    for name, mixture in accepted.baselines.items():
        roles.setdefault(mixture, []).append(name)
    roles[accepted.reference].append(REFERENCE)
    return tuple(
        PredictedArm(mixture=weights_of(mixture, accepted.view), roles=tuple(names), objective=None)
        for mixture, names in roles.items()
    )


def _missing_trials(
    observed: Observed, standing: Standing, record: PredictionRecord
) -> list[tuple[Mixture, int]]:
    """Return the (mixture, k) pairs that no trial stands for, cancelled ones aside, by seed."""
    confirming = [t for t in standing.of_purpose(Purpose.CONFIRM) if not t.is_cancelled]
    planned = {(t.mixture, t.planned.k) for t in confirming}
    view = observed.accepted.view
    arms = [mixture_of(arm.mixture, view) for arm in record.arms]
    wanted = [(mixture, k) for k in range(record.seeds) for mixture in arms]
    return [pair for pair in wanted if pair not in planned]


def _confirm_round(
    observed: Observed,
    standing: Standing,
    record: PredictionRecord,
    pairs: Sequence[tuple[Mixture, int]],
) -> RecordRound:
    accepted = observed.accepted
    base = base_of(accepted, standing)
    roles = {mixture_of(a.mixture, accepted.view): a.roles for a in record.arms}
    planned = tuple(
        plan_trial(
            accepted,
            mixture,
            trial=number,
            purpose=Purpose.CONFIRM,
            base=base,
            k=k,
            why=f"{' and '.join(roles[mixture])}, fresh seed {k}",
        )
        for number, (mixture, k) in enumerate(pairs, start=standing.next_trial)
    )
    return RecordRound(
        RoundRecord(
            round=standing.next_round,
            kind=RoundKind.CONFIRM,
            revision=record.revision,
            based_on=record.based_on,
            basis="arms",
            why="candidates and baselines on fresh seeds and unseen items",
            fidelity=accepted.search.spec.proxy.tokens,
            trials=planned,
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arm:
    """An arm with its trials that ended ok, by seed number."""

    predicted: PredictedArm
    mixture: Mixture
    trials: Mapping[int, TrialStanding]


def find_winner(
    observed: Observed, standing: Standing, record: PredictionRecord
) -> WinnerRecord | None:
    """Judge a revision whose trials have all ended.

    Returns:
        The winner: the candidate with the highest confirmed gain among those whose interval
        lies above 0 and whose `maxDrop`s hold at the point estimate. If there is none, the
        reference where it lies in the space, else the candidate with the highest gain, with
        `gain_shown` false. None when the reference has under two complete seeds.
    """
    accepted = observed.accepted
    arms = [arm for arm in _arms(observed, standing, record) if len(arm.trials) >= LEAST_SEEDS]
    by_role = {role: i for i, arm in enumerate(arms) for role in arm.predicted.roles}
    if REFERENCE not in by_role:
        return None
    scores = _item_scores(observed, arms)
    reference = by_role[REFERENCE]
    candidates = [
        i for i, arm in enumerate(arms) if CANDIDATE in arm.predicted.roles and i != reference
    ]
    gains: dict[int, dict[str, Gain]] = {i: {} for i in range(len(arms))}
    for role in (REFERENCE, "natural", "uniform"):
        if role in by_role:
            over = by_role[role]
            for paired in paired_gains(scores, accepted.scale, candidates=candidates, over=over):
                gains[paired.candidate][role] = _gain(accepted, paired)
    confirmed = [_confirmed_arm(observed, arm, gains=gains[i]) for i, arm in enumerate(arms)]
    shown = [
        i
        for i in candidates
        if gains[i][REFERENCE].objective.lower > 0 and _drops_hold(accepted, confirmed, i)
    ]
    ranked = sorted(candidates, key=lambda i: (-gains[i][REFERENCE].objective.mean, i))
    chosen = next((i for i in ranked if i in shown), None)
    if chosen is None:
        keeps_reference = not ranked or accepted.space.contains(accepted.reference)
        chosen = reference if keeps_reference else ranked[0]
    return _winner(record, arms[chosen], confirmed[chosen], confirmed, is_shown=chosen in shown)


def _winner(
    record: PredictionRecord,
    arm: _Arm,
    chosen: ConfirmedArm,
    confirmed: Sequence[ConfirmedArm],
    *,
    is_shown: bool,
) -> WinnerRecord:
    why = (
        "the highest confirmed gain over the reference, its interval above 0"
        if is_shown
        else "no candidate's gain over the reference is above 0 with 95 % confidence"
    )
    return WinnerRecord(
        revision=record.revision,
        trial=arm.trials[min(arm.trials)].planned.trial,
        mixture=chosen.mixture,
        digest=cells_of(chosen.mixture).digest,
        gain_shown=is_shown,
        gains=chosen.gains,
        benchmarks=chosen.benchmarks,
        probability_best=arm.predicted.probability_best,
        arms=tuple(confirmed),
        why=why,
    )


def _arms(observed: Observed, standing: Standing, record: PredictionRecord) -> list[_Arm]:
    trials = [t for t in standing.of_purpose(Purpose.CONFIRM) if t.is_ok]
    arms = []
    for predicted in record.arms:
        mixture = mixture_of(predicted.mixture, observed.accepted.view)
        own = {
            t.planned.k: t
            for t in trials
            if t.mixture == mixture
            and t.planned.k < record.seeds
            and t.planned.trial in observed.items
        }
        arms.append(_Arm(predicted=predicted, mixture=mixture, trials=own))
    return arms


def _item_scores(observed: Observed, arms: Sequence[_Arm]) -> list[ItemScores]:
    """Lay item scores out as arms × seeds × items; a seed that an arm lacks is NaN."""
    seeds = sorted({k for arm in arms for k in arm.trials})
    scores = []
    for benchmark in observed.accepted.yardstick:
        some = next(iter(arms[0].trials.values()))
        first = observed.items[some.planned.trial][benchmark.name]
        S_asi = np.full((len(arms), len(seeds), len(first.items)), np.nan)
        for a, arm in enumerate(arms):
            for s, k in enumerate(seeds):
                if k in arm.trials:
                    own = observed.items[arm.trials[k].planned.trial][benchmark.name]
                    if own.items == first.items:
                        S_asi[a, s] = benchmark.sign * own.scores
        scores.append(ItemScores(name=benchmark.name, S_asi=S_asi, image_i=first.images))
    return scores


def _gain(accepted: Accepted, paired: PairedGain) -> Gain:
    return Gain(
        objective=_interval(paired.objective),
        benchmarks={
            benchmark.name: _interval(paired.benchmarks[benchmark.name])
            for benchmark in accepted.yardstick
        },
    )


def _interval(estimate: Estimate) -> Interval:
    return Interval(
        mean=float(estimate.mean), lower=float(estimate.lower), upper=float(estimate.upper)
    )


def _confirmed_arm(observed: Observed, arm: _Arm, *, gains: Mapping[str, Gain]) -> ConfirmedArm:
    """Average an arm over seeds; benchmark values stay in their metric's own direction."""
    accepted = observed.accepted
    means = {
        benchmark.name: float(
            np.mean(
                [
                    observed.items[t.planned.trial][benchmark.name].scores.mean()
                    for t in arm.trials.values()
                ]
            )
        )
        for benchmark in accepted.yardstick
    }
    turned = np.array([b.sign * means[b.name] for b in accepted.yardstick])
    return ConfirmedArm(
        mixture=arm.predicted.mixture,
        roles=arm.predicted.roles,
        trials=tuple(arm.trials[k].planned.trial for k in sorted(arm.trials)),
        objective=float(accepted.scale.objective(turned)),
        benchmarks=means,
        gains=dict(gains),
    )


def _drops_hold(accepted: Accepted, confirmed: Sequence[ConfirmedArm], candidate: int) -> bool:
    """Check `maxDrop`s at the point estimate, in each score's own unit."""
    signs = {b.name: b.sign for b in accepted.yardstick}
    for constraint in accepted.search.spec.objective.constraints:
        name = constraint.benchmark
        role = constraint.relative_to or REFERENCE
        other = next((arm for arm in confirmed if role in arm.roles), None)
        if other is None:
            return False
        drop = signs[name] * (other.benchmarks[name] - confirmed[candidate].benchmarks[name])
        if drop > float(constraint.max_drop):
            return False
    return True

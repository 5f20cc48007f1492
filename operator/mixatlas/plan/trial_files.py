"""Planned trials and the files that their trainers are given."""

from __future__ import annotations

from mixatlas.contract.mixture import Mixture
from mixatlas.contract.seeds import Stage, seed_for
from mixatlas.contract.trial import BaseRef, CorpusRef, Purpose, TrialFile
from mixatlas.ledger.records import (
    OutcomeClass,
    PlannedTrial,
    PredictedObjective,
    TrialOutcome,
    weights_of,
)
from mixatlas.plan.observed import Accepted
from mixatlas.plan.standing import Standing

BASE_TRIAL = 0


def plan_trial(
    accepted: Accepted,
    mixture: Mixture,
    *,
    trial: int,
    purpose: Purpose,
    base: BaseRef | None,
    k: int | None = None,
    why: str = "",
    predicted: PredictedObjective | None = None,
) -> PlannedTrial:
    """Plan one trial: its seed, and the digest of the file that it will be given.

    Args:
        accepted: The search.
        mixture: Over the space's domains; the trial is given their cells.
        trial: Its number.
        purpose: Decides the stage of the seed, the tokens and the items.
        base: The checkpoint to start from, or None.
        k: Number of the seed within its stage; None takes the trial's own number.
        why: One sentence for people.
        predicted: The proposer's expectation.
    """
    number = trial if k is None else k
    seed = seed_for(accepted.search.spec.search.seed, _stage(purpose), number)
    draft = PlannedTrial(
        trial=trial,
        purpose=purpose,
        mixture=weights_of(mixture, accepted.view),
        seed=seed,
        k=number,
        digest="0" * 64,
        why=why,
        predicted=predicted,
    )
    digest = trial_file(accepted, draft, base=base).digest
    return draft.model_copy(update={"digest": digest})


def trains_base(accepted: Accepted) -> bool:
    """Tell whether the search trains its own shared base as trial 0."""
    base = accepted.search.spec.proxy.base
    return base is not None and base.warmup_tokens is not None


def plan_base(accepted: Accepted) -> PlannedTrial | None:
    """Plan the shared base that a search trains itself as trial 0, or None when it trains none."""
    base = accepted.search.spec.proxy.base
    if base is None or base.warmup_tokens is None:
        return None
    return plan_trial(
        accepted,
        accepted.baselines[base.mixture],
        trial=BASE_TRIAL,
        purpose=Purpose.BASE,
        base=None,
        why="the start that all trials share",
    )


def trial_file(accepted: Accepted, planned: PlannedTrial, *, base: BaseRef | None) -> TrialFile:
    """Write down everything that the trainer of a planned trial is told.

    Args:
        accepted: The search.
        planned: The trial.
        base: The checkpoint to start from; None trains from the trial's own seed.
    """
    proxy = accepted.search.spec.proxy
    is_base = planned.purpose is Purpose.BASE
    if is_base and proxy.base is not None and proxy.base.warmup_tokens is not None:
        tokens = proxy.base.warmup_tokens
    else:
        tokens = proxy.tokens
    return TrialFile(
        trial=planned.trial,
        purpose=planned.purpose,
        mixture=planned.mixture,
        seed=planned.seed,
        tokens=tokens,
        corpus=CorpusRef(manifest=accepted.corpus, sha256=accepted.record.manifest_sha256),
        base=None if is_base else base,
        benchmarks=() if is_base else accepted.benchmarks,
        part="none" if is_base else "confirm" if planned.purpose is Purpose.CONFIRM else "search",
        trainer=proxy.trainer,
        attempts=accepted.layout.attempts(planned.trial),
        checkpoints=accepted.layout.checkpoints(planned.trial),
        keep_checkpoint=is_base or _is_kept(accepted, planned),
    )


def base_of(accepted: Accepted, standing: Standing) -> BaseRef | None:
    """Return the checkpoint that trials start from: the user's, or the base trained here."""
    trained = standing.trials.get(BASE_TRIAL)
    if trained is None or trained.outcome is None:
        return accepted.base
    return checkpoint_of(trained.outcome)


def checkpoint_of(outcome: TrialOutcome) -> BaseRef | None:
    """Return the checkpoint that a trial ended with, or None when it left none."""
    credit = outcome.credited
    if outcome.outcome is not OutcomeClass.OK or credit is None or not credit.checkpoint:
        return None
    return BaseRef(checkpoint=credit.checkpoint.uri, sha256=credit.checkpoint.sha256)


def _stage(purpose: Purpose) -> Stage:
    if purpose is Purpose.BASE:
        return "base"
    return "confirm" if purpose is Purpose.CONFIRM else "search"


def _is_kept(accepted: Accepted, planned: PlannedTrial) -> bool:
    """`Winner` keeps the first seed of every arm: which arm wins is known only afterwards."""
    keep = accepted.search.spec.proxy.keep_checkpoints
    first_of_arm = planned.purpose is Purpose.CONFIRM and planned.k == 0
    return keep == "All" or (keep == "Winner" and first_of_arm)

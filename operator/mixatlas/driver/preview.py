"""What a search would do, computed without writing anything."""

from __future__ import annotations

from dataclasses import dataclass

from mixatlas.contract.mixture import PPM
from mixatlas.driver.accept import nowhere, prepare
from mixatlas.driver.ports import FindLedger, ObjectStore
from mixatlas.driver.warm_start import brought_by
from mixatlas.plan.design import design_trials
from mixatlas.plan.observed import Accepted, ProposedTrial
from mixatlas.plan.trial_files import trains_base
from mixatlas.spec.model import MixtureSearch


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A search before it begins.

    Args:
        accepted: As it would be accepted.
        n_taken: Trials that the warm start brings, as far as images are known.
        first_round: The trials of round 1.
        epochs: Of each domain, in a trial at the natural mixture.
        trainings: How many of each kind there would be, at most.
        tokens: Manifest tokens of all of them.
        of_target: Those tokens over the target run's, or None without a target.
    """

    accepted: Accepted
    n_taken: int
    first_round: tuple[ProposedTrial, ...]
    epochs: dict[str, float]
    trainings: dict[str, int]
    tokens: int
    of_target: float | None


def preview(
    store: ObjectStore, search: MixtureSearch, *, find_ledger: FindLedger = nowhere
) -> Preview:
    """Check a document against its corpus, and say what it would do.

    Args:
        store: Where corpora and ledgers lie.
        search: The document.
        find_ledger: Finds the searches that a warm start names.

    Raises:
        SpecError, InfeasibleSpace, CorpusInvalid: It cannot be accepted.
    """
    accepted = prepare(
        store, search, uid="0" * 32, root="s3://preview", image="", find_ledger=find_ledger
    )
    spec = search.spec
    brought = brought_by(store, accepted)
    arms = spec.confirm.candidates + len(set(accepted.baselines.values()))
    trainings = {
        "search trials, replicates included": spec.search.max_trials - len(brought.trials),
        f"confirmation: {arms} arms × {spec.confirm.seeds} seeds": arms * spec.confirm.seeds,
    }
    tokens = sum(trainings.values()) * spec.proxy.tokens
    base = spec.proxy.base
    is_new = trains_base(accepted) and brought.base is None
    if is_new and base is not None and base.warmup_tokens is not None:
        trainings = {"the shared base": 1} | trainings
        tokens += base.warmup_tokens
    space = accepted.space
    return Preview(
        accepted=accepted,
        n_taken=len(brought.trials),
        first_round=design_trials(accepted, brought.mixtures(accepted.view)),
        epochs={
            name: part / PPM * spec.proxy.tokens / own
            for (name, part), own in zip(space.natural.parts, space.tokens, strict=True)
        },
        trainings=trainings,
        tokens=tokens,
        of_target=tokens / spec.target.tokens if spec.target else None,
    )

"""Outcomes → history. Rounds only tell what is pending; outcomes tell what was learned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from mixatlas.contract.metrics import Metric
from mixatlas.contract.trial import Purpose
from mixatlas.ledger.history import FloatArray, History
from mixatlas.ledger.records import OutcomeClass, TrialOutcome, mixture_of
from mixatlas.spec.view import View

SEARCH_PURPOSES = frozenset(
    {Purpose.INITIAL, Purpose.BASELINE, Purpose.PROPOSED, Purpose.REPLICATE, Purpose.MANUAL}
)
"""Purposes whose scores are on `search` items, and so are comparable with each other."""


def fold(
    outcomes: Iterable[TrialOutcome],
    *,
    view: View,
    metrics: Mapping[str, Metric],
) -> History:
    """Turn the outcomes of a search into the history that the surrogate reads.

    Args:
        outcomes: In any order. Those of other stages, and failed or cancelled ones, which say
            nothing about a mixture, are left out.
        view: The search's domains, and the cells of each.
        metrics: The objective's benchmarks in their order, with their metrics.

    Returns:
        One row for each trial that ended `ok` or `diverged`, ordered by trial number. Losses
        are negated, so that larger is better everywhere inside.

    Raises:
        ValueError: An outcome trained a cell that `view` lacks.
    """
    told = sorted(
        (
            outcome
            for outcome in outcomes
            if outcome.purpose in SEARCH_PURPOSES
            and outcome.outcome in (OutcomeClass.OK, OutcomeClass.DIVERGED)
        ),
        key=lambda outcome: outcome.trial,
    )
    if not told:
        return History.empty(view.names, tuple(metrics))
    return History(
        domains=view.names,
        benchmarks=tuple(metrics),
        trials=tuple(outcome.trial for outcome in told),
        mixtures=tuple(mixture_of(outcome.mixture, view) for outcome in told),
        W_nd=np.array([_realised(outcome, view) for outcome in told]),
        Y_nm=np.array([_scores(outcome, metrics) for outcome in told]),
        V_nm=np.array([_variances(outcome, metrics) for outcome in told]),
        diverged_n=np.array([outcome.outcome is OutcomeClass.DIVERGED for outcome in told]),
    )


def _realised(outcome: TrialOutcome, view: View) -> FloatArray:
    """Return the token shares that were really trained, or the mixture where nothing was."""
    used = view.gather({cell: use.tokens for cell, use in outcome.domains.items()})
    tokens = np.array([used[name] for name in view.names])
    if tokens.sum() > 0:
        return np.asarray(tokens / tokens.sum(), dtype=np.float64)
    return np.array(mixture_of(outcome.mixture, view).fractions)


def _scores(outcome: TrialOutcome, metrics: Mapping[str, Metric]) -> list[float]:
    return [
        (-1.0 if metric.is_loss else 1.0) * outcome.scores[name].value
        if name in outcome.scores
        else float("nan")
        for name, metric in metrics.items()
    ]


def _variances(outcome: TrialOutcome, metrics: Mapping[str, Metric]) -> list[float]:
    return [
        outcome.scores[name].sem ** 2 if name in outcome.scores else float("nan")
        for name in metrics
    ]

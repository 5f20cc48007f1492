"""The next mixtures after a table of finished runs: no search, no ledger, noise learnt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixatlas.contract.errors import FitFailed, SpecError
from mixatlas.contract.metrics import Metric
from mixatlas.contract.mixture import Mixture
from mixatlas.ledger.history import History
from mixatlas.ledger.records import NearOptimal, ObjectiveRecord
from mixatlas.propose.nominate import nominate_from
from mixatlas.propose.propose import Question, ask, fall_back
from mixatlas.propose.tried import rank_tried
from mixatlas.propose.values import Arm, ProposeSettings
from mixatlas.space.space import MixtureSpace
from mixatlas.surrogate.learning import learn
from mixatlas.surrogate.runs import Runs
from mixatlas.surrogate.threads import single_thread

FloatArray = NDArray[np.float64]

MEAN = "mean"


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """An objective over a table's metrics.

    Args:
        name: A metric, or `mean` for the mean of all as they are.
        is_minimized: Whether smaller is better.
    """

    name: str
    is_minimized: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NextRuns:
    """What to run next.

    Args:
        mixtures: Distinct.
        whys: What each is for.
        best: The mixture with the best predicted objective, larger is better, with its 95 %
            interval; None where the surrogate failed.
        near: How many mixtures are as good as the best, for all that is known; None likewise.
    """

    mixtures: tuple[Mixture, ...]
    whys: tuple[str, ...]
    best: Arm | None
    near: NearOptimal | None


def propose_from_runs(
    runs: Runs, space: MixtureSpace, goal: Goal, *, q: int, seed: int
) -> NextRuns:
    """Choose the next mixtures to run.

    Args:
        runs: Finished runs; a few of them may lie outside the space.
        space: Over the runs' domains.
        goal: The objective.
        q: Number of mixtures, 1..64.
        seed: Source of every random draw.

    Raises:
        SpecError: There is no such metric.
        SpaceExhausted: As `propose`.
    """
    names = metrics_of(runs, goal.name)
    kept = [runs.metrics.index(name) for name in names]
    Y_nm = runs.Y_nm[:, kept] * (-1.0 if goal.is_minimized else 1.0)
    mixtures = tuple(nearest(runs.domains, w_d) for w_d in runs.W_nd)
    unknown_m = dict.fromkeys(names, 0.0)
    history = History(
        domains=space.domains,
        benchmarks=names,
        trials=tuple(range(1, len(mixtures) + 1)),
        mixtures=mixtures,
        W_nd=np.array([mixture.fractions for mixture in mixtures]),
        Y_nm=Y_nm,
        V_nm=runs.S_nm[:, kept] ** 2,
        diverged_n=np.zeros(len(mixtures), dtype=bool),
    )
    record = ObjectiveRecord(
        scale="Raw",
        reference="",
        # Any metric that is not a loss: values are taken as they are.
        metrics=dict.fromkeys(names, Metric.EXACT_MATCH),
        weights=dict.fromkeys(names, 1.0),
        chance=unknown_m,
        means=unknown_m,
        seed_sd=unknown_m,
        degrees_of_freedom=float(len(mixtures)),
    )
    question = Question(
        space=space,
        history=history,
        q=q,
        pending=(),
        seed=seed,
        settings=ProposeSettings(objective=record),
    )
    with single_thread():
        try:
            learned = learn(history, record, is_noise_known=False)
            tried = rank_tried(space, history, learned)
            proposal = ask(question, learned, tried)
            found = nominate_from(space, learned.posterior, tried, n=1, named={}, seed=seed)
        except FitFailed as error:
            proposal = fall_back(question, error)
            return NextRuns(mixtures=proposal.mixtures, whys=proposal.whys, best=None, near=None)
    return NextRuns(
        mixtures=proposal.mixtures, whys=proposal.whys, best=found.arms[0], near=found.near
    )


def metrics_of(runs: Runs, objective: str) -> tuple[str, ...]:
    """Return the metrics whose mean an objective is: one, or all for `mean`.

    Raises:
        SpecError: There is no such metric.
    """
    if objective in runs.metrics:
        return (objective,)
    if objective != MEAN:
        raise SpecError(
            f"there is no metric {objective!r}",
            hint=f"There are {', '.join(runs.metrics)}, and `{MEAN}` for the mean of all.",
        )
    return runs.metrics


def nearest(domains: Sequence[str], w_d: FloatArray) -> Mixture:
    """Return the mixture nearest to weights."""
    return Mixture.nearest(dict(zip(domains, w_d.tolist(), strict=True)))

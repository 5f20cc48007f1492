"""The next mixtures when several objectives are asked for: what extends their Pareto front most.

There is no best mixture then, only those that no other beats in every objective. The worth of a
batch is the volume by which it is expected to extend what the front dominates, counted from a
reference point below it: no weights between the objectives are needed.

Notation: n runs, d domains, j objectives, b runs that may be on the front, k candidates, s draws.
Objectives are larger-is-better inside, and in the runs' sds where `z` is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from botorch.sampling.normal import IIDNormalSampler
from botorch.utils.multi_objective.box_decompositions.dominated import DominatedPartitioning
from numpy.typing import NDArray

from mixatlas.contract.errors import FitFailed, SpecError
from mixatlas.contract.mixture import Mixture
from mixatlas.objective.pareto import non_dominated, reference_point
from mixatlas.propose.ascent import candidate_pool
from mixatlas.propose.from_runs import Goal, metrics_of, nearest
from mixatlas.space.design import fill, is_apart
from mixatlas.space.lattice import repair
from mixatlas.space.space import MixtureSpace
from mixatlas.surrogate.botorch import MixtureModel
from mixatlas.surrogate.gp import JITTER
from mixatlas.surrogate.runs import Runs
from mixatlas.surrogate.table import TablePosterior, learn_table
from mixatlas.surrogate.threads import single_thread

FloatArray = NDArray[np.float64]

MOST_OBJECTIVES = 4
"""With more, hardly any run beats another, and what is drawn needs a GiB."""
N_DRAWS = 128
MOST_DRAWN = 32
"""Runs that may be on the front and are drawn with the candidates."""
LIKELY_SD = 2.0
"""A run that another beats by so many posterior sds in every objective is not on the front."""
N_POOL = 1536
N_AROUND = 16
"""Best candidates, around which others are drawn."""
N_KEPT = 256
LEAST_GROWTH = 1e-9
"""Of the hypervolume, in the objectives' sds: below it is rounding."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ParetoFront:
    """The finished runs that no other finished run beats, as measured.

    Args:
        runs: Their names, those best in the first objective first.
        values_kj: Their objectives.
        reference_j: Where the hypervolume is counted from (see `objective.pareto`).
        hypervolume: Of what the front dominates, in the product of the objectives' units.
        n_compared: Runs that it is the front of.
    """

    runs: tuple[str, ...]
    values_kj: FloatArray
    reference_j: FloatArray
    hypervolume: float
    n_compared: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NextOnFront:
    """What to run next.

    Args:
        mixtures: Distinct; each adds most to the front and to those before it.
        front: Of the finished runs.
        why: One sentence for people.
    """

    mixtures: tuple[Mixture, ...]
    front: ParetoFront
    why: str


def propose_for_front(
    runs: Runs, space: MixtureSpace, goals: Sequence[Goal], *, q: int, seed: int
) -> NextOnFront:
    """Choose the mixtures that are expected to extend the Pareto front most.

    One process an objective is drawn jointly at the runs that may be on the front and at a pool of
    candidates. Mixtures are taken one by one: each is the candidate that adds most hypervolume, on
    average over the draws, to the front and to those taken before it. Draws are of what mixtures
    make of the objectives, without the noise of a measurement, at finished runs too.

    Args:
        runs: Finished runs. Compared are those inside the space that measured all objectives, and
            where none of these is inside, all of them; the processes learn from all runs.
        space: Over the runs' domains.
        goals: Two to four.
        q: Number of mixtures, 1..64.
        seed: Source of every random draw.

    Raises:
        SpecError: There is no such metric, no run measured all objectives, or there are more than
            four.
        SpaceExhausted: Fewer than `q` mixtures at the least distance remain.

    Cost:
        A fit of the objectives; then, on one core, 2 s for two of them and about 10 s for four.
    """
    if len(goals) > MOST_OBJECTIVES:
        raise SpecError(
            f"{len(goals)} objectives are asked for",
            hint=f"A front is of {MOST_OBJECTIVES} at most: ask for a mean of metrics.",
        )
    Y_nj, S_nj = _objectives(runs, goals)
    mixtures = tuple(nearest(runs.domains, w_d) for w_d in runs.W_nd)
    compared = _compared(Y_nj, space, mixtures)
    W_nd = np.array([mixture.fractions for mixture in mixtures])
    why = "largest expected growth of the hypervolume"
    with single_thread():
        try:
            posterior = learn_table(space.domains, W_nd, Y_nj, S_nj)
            search = _Search.over(posterior, W_nd[compared], reference_point(Y_nj[compared]))
            chosen = search.batch(space, q=q, seed=seed, taken=mixtures)
        except FitFailed as error:
            chosen, why = (), f"quasi-random, because the surrogate failed: {error.message}"
    more = fill(space, q - len(chosen), taken=(*mixtures, *chosen), seed=seed)
    return NextOnFront(
        mixtures=(*chosen, *more),
        front=_front(runs, goals, Y_nj, compared),
        why=why,
    )


def _objectives(runs: Runs, goals: Sequence[Goal]) -> tuple[FloatArray, FloatArray]:
    """Return the objectives (n, j) of the runs with their known standard errors.

    Larger is better; NaN where not measured.
    """
    columns, sems = [], []
    for goal in goals:
        kept = [runs.metrics.index(name) for name in metrics_of(runs, goal.name)]
        columns.append((-1.0 if goal.is_minimized else 1.0) * runs.Y_nm[:, kept].mean(axis=1))
        sems.append(np.linalg.norm(runs.S_nm[:, kept], axis=1) / len(kept))
    return np.column_stack(columns), np.column_stack(sems)


def _compared(
    Y_nj: FloatArray, space: MixtureSpace, mixtures: Sequence[Mixture]
) -> NDArray[np.int64]:
    """Return the rows that the front is of."""
    measured = np.flatnonzero(np.isfinite(Y_nj).all(axis=1))
    if not len(measured):
        raise SpecError(
            "no run has values of all objectives",
            hint="A front compares runs in all of them: measure more, or ask for fewer.",
        )
    inside_n = np.array([space.contains(mixture) for mixture in mixtures])
    inside = measured[inside_n[measured]]
    return inside if len(inside) else measured


def _front(
    runs: Runs, goals: Sequence[Goal], Y_nj: FloatArray, compared: NDArray[np.int64]
) -> ParetoFront:
    rows = compared[non_dominated(Y_nj[compared])]
    rows = rows[np.lexsort([rows, *(-Y_nj[rows].T)[::-1]])]
    reference_j = reference_point(Y_nj[compared])
    boxes = DominatedPartitioning(torch.as_tensor(reference_j), Y=torch.as_tensor(Y_nj[rows]))
    sign_j = np.array([-1.0 if goal.is_minimized else 1.0 for goal in goals])
    return ParetoFront(
        runs=tuple(runs.runs[row] for row in rows),
        values_kj=sign_j * Y_nj[rows],
        reference_j=sign_j * reference_j,
        hypervolume=boxes.compute_hypervolume().item(),
        n_compared=len(compared),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Search:
    """What candidates are compared by.

    Args:
        model: Of the objectives, in their runs' sds.
        reference_z: The reference point (j,).
        W_bd: Mixtures that may be on the front.
        mean_bz: Their posterior means.
    """

    model: MixtureModel
    reference_z: FloatArray
    W_bd: FloatArray
    mean_bz: FloatArray

    @classmethod
    def over(cls, posterior: TablePosterior, W_nd: FloatArray, reference_j: FloatArray) -> Self:
        """Choose the mixtures that may be on the front, among those compared."""
        W_nd = np.unique(W_nd, axis=0)
        mean_nz, variance_nz = posterior.processes.marginals(W_nd)
        at_best_nz = mean_nz + LIKELY_SD * np.sqrt(variance_nz)
        # By how much each is beyond the mixture that comes nearest to beating it.
        beyond_n = np.array([(at_best_z - mean_nz).max(axis=1).min() for at_best_z in at_best_nz])
        kept = np.argsort(-beyond_n, kind="stable")[:MOST_DRAWN]
        kept = kept[beyond_n[kept] >= 0]
        j = len(reference_j)
        return cls(
            # Not in the objectives' own units: there their variance may be below any jitter.
            model=MixtureModel(posterior.processes, shift_m=np.zeros(j), spread_m=np.ones(j)),
            reference_z=(reference_j - posterior.shift_m) / posterior.spread_m,
            W_bd=W_nd[kept],
            mean_bz=mean_nz[kept],
        )

    def batch(
        self, space: MixtureSpace, *, q: int, seed: int, taken: Sequence[Mixture]
    ) -> tuple[Mixture, ...]:
        """Take one candidate after the other; fewer where no other would add anything."""
        rng = np.random.default_rng(seed)
        front_bd = self.W_bd[non_dominated(self.mean_bz)]
        inside_bd = front_bd[[space.contains(nearest(space.domains, w_d)) for w_d in front_bd]]
        pool_kd = candidate_pool(space, inside_bd, n=N_POOL, rng=rng)
        boxes, Y_skz = self._drawn(pool_kd, seed=seed)
        best = np.argsort(-self._growth(boxes, Y_skz), kind="stable")
        around_kd = candidate_pool(space, pool_kd[best[:N_AROUND]], n=N_POOL // 2, rng=rng)
        pool_kd = np.concatenate([pool_kd[best[:N_KEPT]], around_kd])
        boxes, Y_skz = self._drawn(pool_kd, seed=seed)
        chosen: list[Mixture] = []
        while len(chosen) < q:
            growth_k = self._growth(boxes, Y_skz)
            ranked = np.argsort(-growth_k, kind="stable")
            for k in ranked[growth_k[ranked] > LEAST_GROWTH]:
                mixture = repair(space, pool_kd[k])
                if is_apart(mixture, (*taken, *chosen)):
                    break
            else:
                break
            chosen.append(mixture)
            for box, y_z in zip(boxes, Y_skz[:, k], strict=True):
                box.update(torch.as_tensor(y_z[None, :]))
        return tuple(chosen)

    def _drawn(
        self, pool_kd: FloatArray, *, seed: int
    ) -> tuple[list[DominatedPartitioning], FloatArray]:
        """Draw what the front dominates, as boxes, and the candidates' objectives (s, k, j)."""
        X = torch.as_tensor(np.concatenate([self.W_bd, pool_kd]))
        # Candidates that are nearly equal would make the covariance singular.
        jitter = torch.full((1, 1), JITTER, dtype=torch.float64)
        with torch.no_grad():
            sampler = IIDNormalSampler(torch.Size([N_DRAWS]), seed=seed)
            Y_srz = sampler(self.model.posterior(X, observation_noise=jitter))
        reference, b = torch.as_tensor(self.reference_z), len(self.W_bd)
        boxes = [DominatedPartitioning(reference, Y=Y_rz[:b]) for Y_rz in Y_srz]
        return boxes, Y_srz[:, b:].numpy()

    def _growth(self, boxes: list[DominatedPartitioning], Y_skz: FloatArray) -> FloatArray:
        """Return the hypervolume (k,) that each candidate adds, on average over the draws."""
        total_k = np.zeros(Y_skz.shape[1])
        for box, Y_kz in zip(boxes, Y_skz, strict=True):
            low_cz, high_cz = box.get_hypercell_bounds().numpy()
            volume_kc = np.ones((len(Y_kz), len(low_cz)))
            for y_k, low_c, high_c in zip(Y_kz.T, low_cz.T, high_cz.T, strict=True):
                volume_kc *= np.maximum(np.minimum(y_k[:, None], high_c) - low_c, 0.0)
            own_k = np.maximum(Y_kz - self.reference_z, 0.0).prod(axis=1)
            total_k += own_k - volume_kc.sum(axis=1)
        return total_k / len(Y_skz)

"""The objective's record: scale, reference, noise and flags, fixed once after the design."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mixatlas.contract.errors import HistoryMismatch
from mixatlas.contract.mixture import Mixture
from mixatlas.ledger.history import History
from mixatlas.ledger.records import BasedOn, ObjectiveRecord
from mixatlas.objective.flags import find_flags
from mixatlas.objective.noise import seed_noise
from mixatlas.objective.scale import Benchmark, ScaleName


def fix_objective(
    history: History,
    benchmarks: Sequence[Benchmark],
    *,
    scale: ScaleName,
    reference: str,
    reference_mixture: Mixture,
) -> ObjectiveRecord:
    """Fix the objective from the trials of the design and its replicates.

    Args:
        history: All trials that have ended so far.
        benchmarks: Those of the objective, in the history's order.
        scale: As in the search document.
        reference: Name of the baseline that gains compare with.
        reference_mixture: Its mixture.

    Returns:
        The record for `objective.json`; means in each metric's own direction.

    Raises:
        HistoryMismatch: The history has other benchmarks, or no scores of the reference.
    """
    if history.benchmarks != tuple(b.name for b in benchmarks):
        raise HistoryMismatch(
            f"the history has benchmarks {list(history.benchmarks)}",
            hint=f"The objective has {[b.name for b in benchmarks]}.",
        )
    scored = {
        mixture: kept
        for mixture, rows in history.groups().items()
        if (kept := [row for row in rows if np.isfinite(history.Y_nm[row]).all()])
    }
    if reference_mixture not in scored:
        raise HistoryMismatch(
            f"no finished trial has all scores of the reference {reference!r}",
            hint="The reference is trained in round 1; give it further seeds.",
        )
    groups = list(scored.values())
    noise = seed_noise(history.Y_nm, groups)
    Y_gm = np.array([history.Y_nm[rows].mean(axis=0) for rows in groups])
    reference_m = Y_gm[list(scored).index(reference_mixture)]
    return ObjectiveRecord(
        scale=scale,
        reference=reference,
        metrics={b.name: b.metric for b in benchmarks},
        weights={b.name: b.weight for b in benchmarks},
        chance={b.name: b.chance for b in benchmarks},
        means={b.name: b.sign * float(y) for b, y in zip(benchmarks, reference_m, strict=True)},
        seed_sd={b.name: float(sd) for b, sd in zip(benchmarks, noise.sd_m, strict=True)},
        degrees_of_freedom=noise.degrees_of_freedom,
        flags=find_flags(
            benchmarks,
            noise,
            Y_gm=Y_gm,
            V_gm=np.array([history.V_nm[rows].mean(axis=0) for rows in groups]),
            n_g=np.array([len(rows) for rows in groups]),
        ),
        based_on=BasedOn(finished=history.trials),
    )

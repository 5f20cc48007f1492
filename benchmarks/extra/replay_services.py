"""`replay.py` against BayBE and Ax, which the project does not install: run by hand.

    pip install baybe==0.15.0 ax-platform==1.3.1
    PYTHONPATH=operator:benchmarks python benchmarks/extra/replay_services.py [--seeds 4] [--jobs 2]

Both are asked as their guides show, with everything at its default, for 4 runs at a time after the
same 8 random ones. BayBE chooses among the runs of the table, whose weights are numerical discrete
parameters. Ax chooses in a box of logits, and the run nearest to their softmax is what it is told
of, as `peers.choosers.tpe`. Takes 15 minutes on 2 cores, nearly all of it BayBE's and Ax's.
"""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
from ax.api.client import Client
from ax.api.configs import RangeParameterConfig
from baybe import Campaign
from baybe.parameters import NumericalDiscreteParameter
from baybe.searchspace import SearchSpace
from baybe.settings import Settings
from baybe.targets import NumericalTarget
from peers.regression import EPSILON
from replay import SEARCHERS, main

from mixatlas.propose.replay import Pool

logging.getLogger("ax").setLevel(logging.WARNING)
OBJECTIVE = "objective"


def baybe(pool: Pool, tried: Sequence[int], q: int, *, seed: int) -> Sequence[int]:
    """Recommend among the runs not tried, with BayBE's default recommender."""
    names = [f"w{d}" for d in range(len(pool.domains))]
    table = pd.DataFrame(pool.W_kd, columns=names)
    parameters = [NumericalDiscreteParameter(n, np.unique(table[n])) for n in names]
    measured = table.iloc[list(tried)].assign(**{OBJECTIVE: pool.objective_k[list(tried)]})
    with warnings.catch_warnings(), Settings(random_seed=(seed + len(tried)) % 2**32):
        warnings.simplefilter("ignore")
        campaign = Campaign(
            SearchSpace.from_dataframe(table, parameters),
            NumericalTarget(OBJECTIVE).to_objective(),
            allow_recommending_already_measured=False,
        )
        campaign.add_measurements(measured)
        wanted = campaign.recommend(batch_size=q)
    return [int(row) for row in wanted.index]


def ax(pool: Pool, tried: Sequence[int], q: int, *, seed: int) -> Sequence[int]:
    """Suggest logits with Ax's default strategy, and take the runs nearest to their softmax."""
    names = [f"x{d}" for d in range(len(pool.domains))]
    low, high = float(np.log(EPSILON)), float(np.log(1 + EPSILON))
    logits_kd = np.clip(np.log(pool.W_kd + EPSILON), low, high)
    client = Client(random_seed=(seed + len(tried)) % 2**31)
    client.configure_experiment(
        [RangeParameterConfig(name=n, parameter_type="float", bounds=(low, high)) for n in names]
    )
    client.configure_optimization(objective=OBJECTIVE)
    client.configure_generation_strategy(initialization_budget=0)
    for row in tried:
        trial = client.attach_trial(dict(zip(names, logits_kd[row].tolist(), strict=True)))
        client.complete_trial(trial, raw_data={OBJECTIVE: float(pool.objective_k[row])})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        asked = client.get_next_trials(max_trials=q)
    chosen: list[int] = []
    for parameters in asked.values():
        target_d = np.exp([parameters[n] for n in names])
        target_d /= target_d.sum()
        untried = np.setdiff1d(np.arange(len(pool.W_kd)), [*tried, *chosen])
        chosen.append(int(untried[np.abs(pool.W_kd[untried] - target_d).sum(axis=1).argmin()]))
    return chosen


SEARCHERS |= {"baybe": baybe, "ax": ax}

if __name__ == "__main__":
    sys.exit(main(["--methods", "ours", "baybe", "ax", *sys.argv[1:]]))

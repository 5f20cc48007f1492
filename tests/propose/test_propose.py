"""`propose`: what a search may rely on."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from builders import a_scored_history, a_space, an_objective, true_scores
from mixatlas.contract.errors import HistoryMismatch, SpaceExhausted
from mixatlas.contract.mixture import Mixture
from mixatlas.ledger.history import History
from mixatlas.objective.scale import Scale
from mixatlas.propose.propose import propose
from mixatlas.propose.values import Proposal, ProposeSettings
from mixatlas.space.build import Bound, build_space
from mixatlas.space.design import is_apart, quasi_random
from mixatlas.surrogate.feasibility import MaxDrop

ROOT = Path(__file__).parents[2]
SPACE = a_space()
MIXTURES = (SPACE.natural, SPACE.natural, *quasi_random(SPACE, 10, taken=(), seed=2))
HISTORY = a_scored_history(MIXTURES)
OBJECTIVE = an_objective(HISTORY)
QUICK = ProposeSettings(objective=OBJECTIVE, n_starts=2, n_pool=300, n_draws=256)


def ask(history: History = HISTORY, **changes: object) -> Proposal:
    arguments = {"q": 2, "seed": 7, "settings": QUICK} | changes
    return propose(SPACE, history, **arguments)


FIRST = ask()


def objective_of(mixture: Mixture) -> float:
    W_nd = np.array([mixture.fractions])
    return float(Scale.of_record(OBJECTIVE).objective(true_scores(W_nd))[0])


def test_a_few_rounds_beat_everything_tried_before() -> None:
    history = HISTORY
    for seed in (1, 2, 3):
        proposal = ask(history, q=3, seed=seed)
        assert proposal.basis == "surrogate"
        history = a_scored_history((*history.mixtures, *proposal.mixtures))
    found = [objective_of(mixture) for mixture in history.mixtures[HISTORY.n :]]
    assert max(found) > max(map(objective_of, MIXTURES)) + 0.01


def test_noisy_improvement_too_beats_everything_tried_before() -> None:
    settings = replace(QUICK, acquisition="LogNoisyExpectedImprovement")
    history = HISTORY
    for seed in (1, 2, 3):
        proposal = ask(history, q=3, seed=seed, settings=settings)
        assert proposal.basis == "surrogate"
        history = a_scored_history((*history.mixtures, *proposal.mixtures))
    found = [objective_of(mixture) for mixture in history.mixtures[HISTORY.n :]]
    assert max(found) > max(map(objective_of, MIXTURES)) + 0.01


def test_slices_of_one_axis_need_no_grid() -> None:
    names = ("chart", "document", "photo", "screen", "text")
    space = build_space(tokens={name: 1000 * (i + 1) for i, name in enumerate(names)})
    tried = (space.natural, space.natural, *quasi_random(space, 8, taken=(), seed=2))
    history = a_scored_history(tried)
    for seed in (1, 2, 3):
        proposal = propose(space, history, q=3, seed=seed, settings=QUICK)
        assert proposal.basis == "surrogate"
        history = a_scored_history((*history.mixtures, *proposal.mixtures))
    found = [objective_of(mixture) for mixture in history.mixtures[len(tried) :]]
    assert max(found) > max(map(objective_of, tried)) + 0.01


def test_mixtures_are_distinct_feasible_and_apart_from_everything() -> None:
    pending = [FIRST.mixtures[0]]
    proposal = ask(q=4, pending=pending)
    others = [*MIXTURES, *pending]
    for mixture in proposal.mixtures:
        assert SPACE.contains(mixture)
        assert is_apart(mixture, others)
        others.append(mixture)


def test_a_pending_mixture_sends_the_next_elsewhere() -> None:
    alone = ask(q=3)
    beside = ask(q=3, pending=alone.mixtures)
    assert alone.whys == beside.whys
    for one, other in zip(alone.mixtures, beside.mixtures, strict=True):
        assert one.distance(other) > 0.01


def test_every_mixture_says_what_it_is_for() -> None:
    proposal = ask(q=6)
    assert proposal.whys[:3] == proposal.whys[3:]
    assert len(set(proposal.whys)) == 3
    for mixture, why in zip(proposal.mixtures, proposal.whys, strict=True):
        best = max(map(objective_of, MIXTURES))
        assert why.startswith("quasi-random") or objective_of(mixture) > best - 0.01, why


def test_what_is_left_to_gain_does_not_hang_on_whose_turn_it_is() -> None:
    by_turn = [ask(q=1, pending=FIRST.mixtures[:n]) for n in range(2)]
    assert by_turn[0].whys != by_turn[1].whys
    gains = [proposal.expected_improvement for proposal in (ask(q=6), *by_turn)]
    assert min(gains) > 0.5 * max(gains)


def test_equal_arguments_give_equal_answers_and_another_seed_another_one() -> None:
    assert ask() == FIRST
    assert ask(seed=8).mixtures != FIRST.mixtures


def test_the_order_of_the_history_does_not_matter() -> None:
    order = np.random.default_rng(0).permutation(HISTORY.n)
    shuffled = replace(
        HISTORY,
        trials=tuple(HISTORY.trials[i] for i in order),
        mixtures=tuple(HISTORY.mixtures[i] for i in order),
        W_nd=HISTORY.W_nd[order],
        Y_nm=HISTORY.Y_nm[order],
        V_nm=HISTORY.V_nm[order],
        diverged_n=HISTORY.diverged_n[order],
    )
    assert ask(shuffled) == FIRST


def test_the_incumbent_is_a_tried_mixture_with_its_interval() -> None:
    incumbent = FIRST.incumbent
    assert incumbent is not None
    assert MIXTURES[incumbent.trial - 1] == incumbent.mixture
    assert incumbent.lower < incumbent.mean < incumbent.upper
    assert objective_of(incumbent.mixture) > sorted(map(objective_of, MIXTURES))[-3]


def test_expected_improvement_falls_as_the_search_closes_in() -> None:
    early = FIRST.expected_improvement
    history = a_scored_history((*MIXTURES, *ask(q=4).mixtures), noise=0.001)
    late = ask(history).expected_improvement
    assert early is not None
    assert late is not None
    assert 0 <= late < early


def test_every_mixture_is_predicted_and_the_fit_is_handed_on() -> None:
    for mixture, predicted in zip(FIRST.mixtures, FIRST.predicted, strict=True):
        assert predicted is not None
        assert abs(predicted.mean - objective_of(mixture)) < 4 * predicted.sd
    assert set(FIRST.hyperparameters or {}) == {"answers", "loss"}


def test_a_constraint_keeps_proposals_from_giving_a_benchmark_away() -> None:
    only_answers = OBJECTIVE.model_copy(update={"weights": {"answers": 1.0, "loss": 0.0}})
    keep = MaxDrop(benchmark="loss", max_drop=0.05, relative_to=SPACE.natural)
    free = replace(QUICK, objective=only_answers)
    reference = true_scores(np.array([SPACE.natural.fractions]))[0, 1]
    # Of spreading, testing and exploring.
    lost = [
        reference
        - true_scores(np.array([m.fractions for m in ask(q=3, settings=s).mixtures]))[:, 1]
        for s in (free, replace(free, constraints=(keep,)))
    ]
    assert (lost[0] > 0.2).all()
    assert (lost[1] < 0.1).all()


def test_a_diverged_mixture_is_kept_away_from() -> None:
    (best,) = ask(q=1).mixtures
    history = a_scored_history((*MIXTURES, best), diverged=[len(MIXTURES)])
    (other,) = ask(history, q=1).mixtures
    assert other.distance(best) > 0.02


@pytest.mark.parametrize(
    ("settings", "basis"),
    [
        pytest.param(ProposeSettings(), "design", id="objective not fixed"),
        pytest.param(replace(QUICK, method="Sobol"), "design", id="Sobol"),
        pytest.param(replace(QUICK, method="Random"), "design", id="Random"),
    ],
)
def test_other_methods_fill_the_space(settings: ProposeSettings, basis: str) -> None:
    proposal = ask(settings=settings)
    assert proposal.basis == basis
    assert len(set(proposal.mixtures)) == 2
    assert (proposal.incumbent is not None) == (settings.objective is not None)


def test_an_empty_history_is_allowed() -> None:
    empty = History.empty(SPACE.domains, HISTORY.benchmarks)
    assert len(ask(empty, settings=ProposeSettings()).mixtures) == 2


def test_a_failed_fit_falls_back_to_quasi_random_points_and_says_why() -> None:
    hollow = replace(HISTORY, Y_nm=np.full_like(HISTORY.Y_nm, np.nan))
    proposal = ask(hollow)
    assert proposal.basis == "fallback"
    assert "no score" in proposal.why
    assert proposal.predicted == (None, None)
    assert all(SPACE.contains(mixture) for mixture in proposal.mixtures)


def test_a_space_without_room_is_exhausted() -> None:
    tight = build_space(
        tokens=dict.fromkeys(SPACE.domains, 1000),
        bounds=[Bound(domain=d, min="0.166", max="0.168") for d in SPACE.domains],
    )
    history = a_scored_history((tight.uniform, tight.uniform, tight.uniform))
    settings = replace(QUICK, objective=an_objective(history))
    with pytest.raises(SpaceExhausted, match=r"0\.005 apart"):
        propose(tight, history, q=2, seed=1, settings=settings)


@pytest.mark.parametrize("q", [0, 65])
def test_a_wrong_number_of_mixtures_is_refused(q: int) -> None:
    with pytest.raises(ValueError, match="1 to 64"):
        ask(q=q)


def test_a_history_over_other_domains_is_refused() -> None:
    with pytest.raises(HistoryMismatch, match="other domains"):
        ask(replace(HISTORY, domains=("a", "b", "c", "d", "e", "f")))


@pytest.mark.slow
def test_regret_is_below_sobol_and_random(tmp_path: Path) -> None:
    out = tmp_path / "regret.json"
    subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "regret.py", "--quick", "--json", out],
        check=True,
        env={"PYTHONPATH": str(ROOT / "operator"), "OMP_NUM_THREADS": "1"},
        timeout=900,
    )
    rows = json.loads(out.read_text())["rows"]
    assert len(rows) == 2
    for row in rows:
        assert row["median"]["Bayesian"] < 0.5 * min(row["median"][m] for m in ("Sobol", "Random"))


@pytest.mark.slow
def test_no_proposal_on_random_polytopes_is_infeasible(tmp_path: Path) -> None:
    out = tmp_path / "count.json"
    subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "regret.py", "--count", "320", "--json", out],
        check=True,
        env={"PYTHONPATH": str(ROOT / "operator"), "OMP_NUM_THREADS": "1"},
        timeout=900,
    )
    counted = json.loads(out.read_text())
    assert counted["infeasible"] == 0
    assert counted["proposals"] >= 320

"""Proposals for several objectives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from botorch.utils.multi_objective.hypervolume import Hypervolume
from botorch.utils.multi_objective.pareto import is_non_dominated

from mixatlas.contract.errors import FitFailed, SpaceExhausted, SpecError
from mixatlas.contract.mixture import Mixture
from mixatlas.objective.pareto import non_dominated, reference_point
from mixatlas.propose import front as module
from mixatlas.propose.from_runs import Goal
from mixatlas.propose.front import NextOnFront, propose_for_front
from mixatlas.space.build import Bound, Linear, build_space
from mixatlas.space.design import is_apart
from mixatlas.space.sampling import sample_uniform
from mixatlas.space.space import MixtureSpace
from mixatlas.surrogate.runs import Runs
from mixatlas.surrogate.table import learn_table

DOMAINS = ("code", "math", "prose", "web")
SPACE = MixtureSpace.of(*DOMAINS)
GOALS = (Goal(name="loss", is_minimized=True), Goal(name="gain", is_minimized=False))
BEST_FOR_LOSS, BEST_FOR_GAIN = np.array([0.6, 0.4, 0.0, 0.0]), np.array([0.0, 0.1, 0.2, 0.7])


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "N_POOL", 240)
    monkeypatch.setattr(module, "N_DRAWS", 32)


def measured(W_nd: np.ndarray) -> np.ndarray:
    """Return loss and gain: each has an optimum of its own."""

    def far(goal_d: np.ndarray) -> np.ndarray:
        return ((np.sqrt(W_nd) - np.sqrt(goal_d)) ** 2).sum(axis=1)

    return np.column_stack([2 + far(BEST_FOR_LOSS), 5 - 3 * far(BEST_FOR_GAIN)])


def table(W_nd: np.ndarray, Y_nm: np.ndarray | None = None) -> Runs:
    return Runs(
        runs=tuple(f"r{n}" for n in range(len(W_nd))),
        domains=DOMAINS,
        metrics=("loss", "gain"),
        W_nd=W_nd,
        Y_nm=measured(W_nd) if Y_nm is None else Y_nm,
        S_nm=np.zeros((len(W_nd), 2)),
        unmeasured=(),
        unweighted=(),
    )


def a_table(seed: int = 0, n: int = 12) -> Runs:
    return table(np.random.default_rng(seed).dirichlet(np.ones(4), size=n))


def bounded(*bounds: Bound) -> MixtureSpace:
    return build_space(tokens=dict.fromkeys(DOMAINS, 10), bounds=bounds)


def ask(
    runs: Runs, *, space: MixtureSpace = SPACE, q: int = 1, seed: int = 1, goals=GOALS
) -> NextOnFront:
    return propose_for_front(runs, space, goals, q=q, seed=seed)


def fractions(found: NextOnFront) -> np.ndarray:
    return np.array([mixture.fractions for mixture in found.mixtures])


# --- the front of finished runs ----------------------------------------------------------------

SMALL = table(
    np.array([[0.7, 0.1, 0.1, 0.1], [0.1, 0.7, 0.1, 0.1], [0.1, 0.1, 0.7, 0.1], [0.25] * 4]),
    np.array([[1.0, 2.0], [3.0, 6.0], [2.0, 4.0], [3.5, 4.0]]),
)


def test_front_reference_and_hypervolume_are_those_computed_by_hand() -> None:
    front = ask(SMALL).front
    assert front.runs == ("r0", "r2", "r1")
    assert front.values_kj.tolist() == [[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]]
    # A tenth of the ranges 2.5 and 4 beyond a loss of 3.5 and a gain of 2.
    np.testing.assert_allclose(front.reference_j, [3.75, 1.6])
    # Boxes from the lowest loss on: widths 1, 1 and 0.75, heights above 1.6.
    by_hand = 1.0 * (2.0 - 1.6) + 1.0 * (4.0 - 1.6) + 0.75 * (6.0 - 1.6)
    assert front.hypervolume == pytest.approx(by_hand)
    assert front.n_compared == 4


def test_the_order_of_runs_and_domains_does_not_matter() -> None:
    runs = a_table()
    rows, columns = np.random.default_rng(4).permutation(12), [2, 0, 3, 1]
    turned = replace(
        runs,
        runs=tuple(runs.runs[row] for row in rows),
        domains=tuple(DOMAINS[column] for column in columns),
        W_nd=runs.W_nd[np.ix_(rows, columns)],
        Y_nm=runs.Y_nm[rows],
    )
    one, other = ask(runs).front, ask(turned).front
    assert one.runs == other.runs
    assert one.hypervolume == pytest.approx(other.hypervolume)


def test_runs_outside_the_space_are_not_on_the_front() -> None:
    space = bounded(Bound(domain="math", max="0.5"))
    assert "r1" not in ask(SMALL, space=space).front.runs
    assert ask(SMALL, space=space).front.n_compared == 3


def test_what_was_not_measured_is_not_on_the_front() -> None:
    Y_nm = SMALL.Y_nm.copy()
    Y_nm[0, 1] = np.nan
    assert ask(replace(SMALL, Y_nm=Y_nm)).front.runs == ("r2", "r1")


# --- proposals ---------------------------------------------------------------------------------


@pytest.mark.parametrize("n_objectives", [2, 3, 4])
def test_growth_is_the_difference_of_hypervolumes(n_objectives: int) -> None:
    rng = np.random.default_rng(n_objectives)
    W_nd, pool_kd = rng.dirichlet(np.ones(4), size=12), rng.dirichlet(np.ones(4), size=5)
    Y_nj = -((np.sqrt(W_nd) - 0.5) ** 2)[:, :n_objectives]
    posterior = learn_table(DOMAINS, W_nd, Y_nj)
    search = module._Search.over(posterior, W_nd, reference_point(Y_nj))
    boxes, Y_skz = search._drawn(pool_kd, seed=1)
    fronts = [box.pareto_Y for box in boxes]
    exact = Hypervolume(torch.as_tensor(search.reference_z))

    def volume(rows: torch.Tensor) -> float:
        return exact.compute(rows[is_non_dominated(rows)])

    for _ in range(2):
        expected_k = [
            np.mean(
                [
                    volume(torch.cat([front, torch.as_tensor(y_z[None])])) - volume(front)
                    for front, y_z in zip(fronts, Y_sz, strict=True)
                ]
            )
            for Y_sz in np.moveaxis(Y_skz, 1, 0)
        ]
        growth_k = search._growth(boxes, Y_skz)
        assert max(growth_k) > 0
        np.testing.assert_allclose(growth_k, expected_k, atol=1e-9)
        # From here on what the best adds is there already.
        for box, y_z in zip(boxes, Y_skz[:, int(growth_k.argmax())], strict=True):
            box.update(torch.as_tensor(y_z[None]))
        fronts = [box.pareto_Y for box in boxes]


def true_volume(W_nd: np.ndarray) -> float:
    Y_nj = measured(W_nd) * np.array([-1.0, 1.0])
    reference = torch.tensor([-3.4, 0.5], dtype=torch.float64)
    return Hypervolume(reference).compute(torch.as_tensor(Y_nj[non_dominated(Y_nj)]))


def test_proposals_extend_the_front_more_than_random_ones() -> None:
    ours, random = [], []
    for seed in range(4):
        runs = a_table(seed)
        before = true_volume(runs.W_nd)
        proposed = fractions(ask(runs, q=4, seed=seed))
        anywhere = sample_uniform(SPACE, 4, 100 + seed)
        for gained, W_qd in ((ours, proposed), (random, anywhere)):
            gained.append(true_volume(np.vstack([runs.W_nd, W_qd])) - before)
    assert all(our > other for our, other in zip(ours, random, strict=True))
    assert np.mean(ours) > 2 * np.mean(random)


def test_each_of_a_batch_is_chosen_for_what_the_others_leave() -> None:
    spreads = [np.ptp(measured(fractions(ask(a_table(s), q=4, seed=s)))[:, 0]) for s in range(3)]
    assert np.mean(spreads) > 0.3


def test_mixtures_keep_the_limits_and_their_distance() -> None:
    space = build_space(
        tokens=dict.fromkeys(DOMAINS, 10),
        bounds=[Bound(domain="prose", min="0.1", max="0.3")],
        linear=[
            Linear(name="code", terms=(("code", "7"), ("math", "-5"), ("web", "-3")), min="0.6")
        ],
    )
    runs = a_table()
    taken = [Mixture.nearest(dict(zip(DOMAINS, w_d, strict=True))) for w_d in runs.W_nd]
    for mixture in ask(runs, space=space, q=6).mixtures:
        assert space.contains(mixture)
        assert is_apart(mixture, taken)
        taken.append(mixture)


def test_directions_are_turned_once() -> None:
    runs = a_table()
    turned = replace(runs, Y_nm=runs.Y_nm * np.array([-1.0, 1.0]))
    upward = (Goal(name="loss", is_minimized=False), GOALS[1])
    assert ask(runs, q=2).mixtures == ask(turned, q=2, goals=upward).mixtures


def test_a_seed_gives_one_batch() -> None:
    assert ask(a_table(), q=3).mixtures == ask(a_table(), q=3).mixtures
    assert ask(a_table(), q=3, seed=2).mixtures != ask(a_table(), q=3).mixtures


@pytest.mark.parametrize(
    "runs",
    [
        pytest.param(table(SMALL.W_nd[:1], SMALL.Y_nm[:1]), id="one run"),
        pytest.param(table(SMALL.W_nd, np.full((4, 2), 2.0)), id="constant objectives"),
        pytest.param(table(SMALL.W_nd, SMALL.Y_nm * [1e-9, 1e9]), id="tiny and huge"),
        pytest.param(table(SMALL.W_nd[[0, 0, 1, 1]], SMALL.Y_nm), id="replicates"),
    ],
)
def test_poor_tables_get_a_batch(runs: Runs) -> None:
    found = ask(runs, q=3)
    assert len(set(found.mixtures)) == 3
    assert np.isfinite(found.front.hypervolume)


def test_what_cannot_be_compared_is_refused() -> None:
    Y_nm = SMALL.Y_nm.copy()
    Y_nm[:2, 0] = np.nan
    Y_nm[2:, 1] = np.nan
    with pytest.raises(SpecError, match="no run has values of all objectives"):
        ask(replace(SMALL, Y_nm=Y_nm))
    with pytest.raises(SpecError, match="5 objectives"):
        ask(SMALL, goals=GOALS * 2 + GOALS[:1])


def test_a_run_that_is_known_badly_hardly_moves_the_batch() -> None:
    runs = a_table()
    lucky_nm, S_nm = runs.Y_nm.copy(), np.zeros_like(runs.Y_nm)
    lucky_nm[3] += [-30, 30]
    S_nm[3] = 300
    untold = replace(runs, Y_nm=lucky_nm)
    told = replace(untold, S_nm=S_nm)

    def farness(found: NextOnFront) -> float:
        """Return how far the batch is from what is best for one objective or for the other."""
        loss_n, gain_n = measured(fractions(found)).T
        return float(np.minimum(loss_n - 2, (5 - gain_n) / 3).mean())

    assert farness(ask(told, q=3)) < 2 * farness(ask(runs, q=3)) < farness(ask(untold, q=3))


def test_a_space_without_room_is_exhausted() -> None:
    space = bounded(*(Bound(domain=name, min="0.25", max="0.251") for name in DOMAINS[:3]))
    with pytest.raises(SpaceExhausted):
        ask(SMALL, space=space, q=3)


def test_where_the_surrogate_fails_mixtures_fill_the_space(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise FitFailed("no luck", hint="")

    monkeypatch.setattr(module, "learn_table", fail)
    found = ask(SMALL, q=3)
    assert len(set(found.mixtures)) == 3
    assert "no luck" in found.why
    assert found.front.runs == ("r0", "r2", "r1")

"""Runs of elsewhere help as much as they are of use, and hardly harm where they are of none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from builders import a_scored_history, a_source, a_space, an_objective
from mixatlas.ledger.evidence import Source
from mixatlas.ledger.history import History
from mixatlas.ledger.records import ObjectiveRecord
from mixatlas.objective.scale import Scale
from mixatlas.space.design import quasi_random
from mixatlas.space.grid import Grid
from mixatlas.space.sampling import sample_uniform
from mixatlas.surrogate.calibration import choose
from mixatlas.surrogate.evidence import LEAST_SPREAD, Evidence
from mixatlas.surrogate.fit import start_from
from mixatlas.surrogate.kernel import TRUST
from mixatlas.surrogate.learning import Learned, learn


def an_rng() -> np.random.Generator:
    return np.random.default_rng(5)


SPACE = a_space(4, 5)
GRID = Grid.of(SPACE.domains)
WORTH_DM = np.vstack([2 * GRID.C_cd, np.eye(SPACE.d)]).T @ an_rng().normal(size=(4 + SPACE.d, 2))
MIXTURES = (SPACE.natural, SPACE.natural, *quasi_random(SPACE, 22, taken=(), seed=2))
UNSEEN = sample_uniform(SPACE, 200, 3)
ELSEWHERE = sample_uniform(SPACE, 70, 4)


def truth(W_nd: np.ndarray) -> np.ndarray:
    """Return scores (n, 2): each domain is worth something or does harm, the first tokens most."""
    return 0.02 * (1 - (1 + 2 * SPACE.d * W_nd) ** -0.5) @ WORTH_DM - (0, 1)


def elsewhere(W_nd: np.ndarray) -> np.ndarray:
    """Return scores of another model: larger where ours are, but not by as much."""
    luck_nm = np.random.default_rng(len(W_nd)).normal(size=(len(W_nd), 2))
    return -np.exp(-20 * truth(W_nd) - (0, 20)) + 0.01 * luck_nm


SCORES = elsewhere(ELSEWHERE)
SOURCE = a_source(SPACE.domains, ELSEWHERE, SCORES)


def history_of(n: int, *sources: Source) -> History:
    """Return `n` trials with little noise, and evidence."""
    history = a_scored_history(MIXTURES[:n])
    Y_nm = truth(history.W_nd) + 0.001 * np.random.default_rng(n).normal(size=(n, 2))
    return replace(history, Y_nm=Y_nm, evidence=sources)


def learned(n: int, *sources: Source) -> tuple[Learned, ObjectiveRecord]:
    """Learn from `n` trials and evidence."""
    history = history_of(n, *sources)
    record = an_objective(history)
    return learn(history, record), record


def ranked(n: int, *sources: Source) -> float:
    """Return how well unseen mixtures are ranked."""
    found, record = learned(n, *sources)
    truth_q = Scale.of_record(record).objective(truth(UNSEEN))
    return float(spearmanr(found.posterior.moments(UNSEEN)[0], truth_q).statistic)


def shuffled(seed: int) -> Source:
    rng = np.random.default_rng([seed, 7])
    return a_source(SPACE.domains, ELSEWHERE, rng.permuted(SCORES, axis=0))


def test_runs_that_rank_like_the_truth_help_while_trials_are_few() -> None:
    assert ranked(8, SOURCE) > ranked(8) + 0.2


def test_it_does_not_matter_whether_gains_or_losses_were_measured() -> None:
    flipped = a_source(SPACE.domains, ELSEWHERE, -SCORES)
    assert ranked(8, flipped) == pytest.approx(ranked(8, SOURCE), abs=0.02)


def test_misleading_runs_cost_little_once_there_are_trials() -> None:
    sizes = (20, 22, 24)
    misled = [ranked(n, shuffled(seed)) for n in sizes for seed in range(4)]
    assert np.mean(misled) > np.mean([ranked(n) for n in sizes]) - 0.03


def test_trust_is_learnt_by_source() -> None:
    found, _ = learned(24, SOURCE, shuffled(0))
    for of_one in found.hyperparameters.values():
        good, bad = of_one[-2:]
        assert good > 4 * bad


def test_no_order_of_the_runs_matters() -> None:
    order = an_rng().permutation(len(ELSEWHERE))
    other = a_source(SPACE.domains, ELSEWHERE[order], SCORES[order])
    one, same = (learned(8, source)[0].posterior.moments(UNSEEN) for source in (SOURCE, other))
    assert one[0].tobytes() == same[0].tobytes()
    assert one[1].tobytes() == same[1].tobytes()


def test_a_benchmark_that_a_source_does_not_measure_is_learnt_without_it() -> None:
    half = a_source(SPACE.domains, ELSEWHERE, SCORES[:, :1], metrics=("answers",))
    found, _ = learned(12, half)
    answers, loss = (found.hyperparameters[name][-1] for name in ("answers", "loss"))
    untold = np.exp(TRUST[0])
    assert answers > 3 * untold
    assert loss == pytest.approx(untold, rel=1e-3), "nothing speaks for or against it"
    trusted = found.posterior.processes.kernel.trust_me
    assert trusted is not None
    assert trusted[1] == 0


def test_scores_that_were_not_measured_are_no_obstacle() -> None:
    some = SCORES.copy()
    some[::3, 0] = np.nan
    assert ranked(8, a_source(SPACE.domains, ELSEWHERE, some)) > ranked(8) + 0.2


def test_several_seeds_of_one_mixture_are_no_obstacle() -> None:
    twice = a_source(
        SPACE.domains,
        np.concatenate([ELSEWHERE, ELSEWHERE[:20]]),
        np.concatenate([SCORES, SCORES[:20] + 0.01 * an_rng().normal(size=(20, 2))]),
    )
    assert ranked(8, twice) > ranked(8) + 0.2


def test_a_stored_fit_is_a_start_for_the_same_evidence_alone() -> None:
    found, record = learned(8, SOURCE)
    names, n_groups = record.metrics, found.posterior.processes.features.n_groups
    stored = found.hyperparameters
    assert start_from(stored, tuple(names), n_groups, 1) is not None
    for n_sources in (0, 2):
        assert start_from(stored, tuple(names), n_groups, n_sources) is None
    again = learn(history_of(8, SOURCE), record, warm_start=stored).posterior
    np.testing.assert_allclose(
        again.moments(UNSEEN)[0], found.posterior.moments(UNSEEN)[0], atol=2e-3
    )


def one_axis() -> Source:
    """Whole concepts were weighed; the cells of each had their natural shares."""
    W_nc = an_rng().dirichlet(np.ones(4), size=70)
    natural_d = np.array(SPACE.natural.fractions)
    inside_cd = GRID.C_cd * natural_d
    W_nd = W_nc @ (inside_cd / inside_cd.sum(axis=1, keepdims=True))
    return a_source(SPACE.domains, W_nc, elsewhere(W_nd), domains=GRID.concepts, shares=GRID.C_cd.T)


def fewer_domains() -> Source:
    kept = np.arange(SPACE.d) % 5 > 0
    W_nc = ELSEWHERE[:, kept]
    W_nc = W_nc / W_nc.sum(axis=1, keepdims=True)
    names = [name for name, is_kept in zip(SPACE.domains, kept, strict=True) if is_kept]
    whole_nd = np.zeros_like(ELSEWHERE)
    whole_nd[:, kept] = W_nc
    return a_source(SPACE.domains, W_nc, elsewhere(whole_nd), domains=names)


def more_domains() -> Source:
    extra_n1 = an_rng().uniform(0, 0.5, size=(len(ELSEWHERE), 1))
    W_nc = np.hstack([ELSEWHERE * (1 - extra_n1), extra_n1])
    return a_source(
        SPACE.domains, W_nc, SCORES - 0.1 * extra_n1, domains=(*SPACE.domains, "audio.vqa")
    )


@pytest.mark.parametrize("source", [one_axis, fewer_domains, more_domains])
def test_sources_over_other_domains_help(source) -> None:
    assert ranked(8, source()) > ranked(8) + 0.1


def expectations(source: Source, W_nd: np.ndarray, trials: np.ndarray = ELSEWHERE) -> np.ndarray:
    evidence = Evidence.over((source,), ("answers", "loss"), trials)
    assert evidence is not None
    return evidence(torch.as_tensor(W_nd)).numpy()


def test_unknown_domains_are_left_out_and_the_rest_renormalised() -> None:
    known = np.r_[1, 2, 3]
    W_nc = an_rng().dirichlet(np.ones(3), size=40)
    names = [SPACE.domains[d] for d in known]
    source = a_source(SPACE.domains, W_nc, W_nc[:, :2], domains=names)
    rest = np.zeros((2, SPACE.d))
    rest[:, known] = (0.5, 0.3, 0.2)
    rest[1] *= 0.4
    rest[1, 0] = 0.6
    one, other = expectations(source, rest)
    np.testing.assert_allclose(one, other, atol=0.02)


def test_a_mixture_of_unknown_domains_is_expected_to_be_as_the_mean_one() -> None:
    known = np.r_[1, 2, 3]
    W_nc = an_rng().dirichlet(np.ones(3), size=40)
    names = [SPACE.domains[d] for d in known]
    source = a_source(SPACE.domains, W_nc, W_nc[:, :2], domains=names)
    nothing, mean = np.zeros((2, SPACE.d))
    nothing[0] = 1.0
    mean[known] = W_nc.mean(axis=0)
    one, other = expectations(source, np.array([nothing, mean]))
    np.testing.assert_allclose(one, other, atol=1e-9)


def test_expectations_are_standardised_and_flat_ones_stay_small() -> None:
    E_ne = expectations(SOURCE, ELSEWHERE)
    np.testing.assert_allclose(E_ne.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(E_ne.std(axis=0), 1, rtol=1e-6)
    alike = ELSEWHERE[0] + 1e-4 * (ELSEWHERE[:8] - ELSEWHERE[0])
    assert np.abs(expectations(SOURCE, ELSEWHERE, trials=alike)).max() < 5 / LEAST_SPREAD


def test_gradients_flow_to_weights_in_batches() -> None:
    evidence = Evidence.over((SOURCE,), ("answers", "loss"), ELSEWHERE)
    assert evidence is not None
    W = torch.tensor(UNSEEN[:6].reshape(2, 3, -1), requires_grad=True)
    E = evidence(W)
    assert E.shape == (2, 3, 2)
    np.testing.assert_allclose(
        E.detach().reshape(6, 2), evidence(torch.as_tensor(UNSEEN[:6])), atol=1e-9
    )
    (slope,) = torch.autograd.grad(E.sum(), W)
    assert torch.isfinite(slope).all()
    assert (slope != 0).any()


def test_evidence_is_linearised_around_a_mixture() -> None:
    evidence = Evidence.over((SOURCE,), ("answers", "loss"), ELSEWHERE)
    assert evidence is not None
    here = UNSEEN[0]
    W_nd = torch.as_tensor(here + 0.02 * (UNSEEN[:20] - here))
    exact, local = evidence(W_nd), evidence.near(here[None, :])(W_nd)
    np.testing.assert_allclose(local[0], exact[0], atol=1e-9)
    moved = (exact - exact[0]).abs().max()
    assert (local - exact).abs().max() < 0.1 * moved


def test_a_linearised_posterior_knows_evidence() -> None:
    posterior = learned(8, SOURCE)[0].posterior
    here = UNSEEN[0]
    near = here + 0.02 * (UNSEEN[1:20] - here)
    exact, local = (p.moments(near)[0] for p in (posterior, posterior.near(here[None, :])))
    assert spearmanr(exact, local).statistic > 0.95


def test_pending_mixtures_are_observed_with_evidence() -> None:
    posterior = learned(8, SOURCE)[0].posterior
    after = posterior.observing(UNSEEN[:2])
    np.testing.assert_allclose(
        after.processes.marginals(UNSEEN)[0], posterior.processes.marginals(UNSEEN)[0], atol=1e-9
    )
    assert (after.moments(UNSEEN[:2])[1] < posterior.moments(UNSEEN[:2])[1]).all()


def test_left_out_folds_are_predicted_with_evidence() -> None:
    misses = []
    for sources in ((), (SOURCE,)):
        found, left_out = choose(learned(12, *sources)[0].posterior.processes, np.arange(12))
        assert found.data.n_sources == len(sources)
        assert left_out is not None
        misses.append(np.abs(left_out.seen_nm - left_out.mean_nm).mean())
    assert misses[1] < 0.8 * misses[0]


def test_without_evidence_nothing_is_expected() -> None:
    assert Evidence.over((), ("answers",), ELSEWHERE) is None
    assert History.empty(SPACE.domains, ("answers",)).evidence == ()

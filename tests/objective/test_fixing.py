"""The objective's record."""

from __future__ import annotations

from dataclasses import replace

import pytest

from builders import TWO_BENCHMARKS, a_scored_history, a_space, an_objective
from mixatlas.contract.errors import HistoryMismatch
from mixatlas.objective.fixing import fix_objective
from mixatlas.space.design import quasi_random

SPACE = a_space()
MIXTURES = (SPACE.natural, *quasi_random(SPACE, 5, taken=(), seed=1), SPACE.natural)


def test_means_are_the_references_in_each_metrics_own_direction() -> None:
    history = a_scored_history(MIXTURES)
    record = an_objective(history)
    assert record.means["loss"] == pytest.approx(-history.Y_nm[[0, 6], 1].mean())
    assert record.means["answers"] == pytest.approx(history.Y_nm[[0, 6], 0].mean())
    assert record.degrees_of_freedom == 2
    assert record.based_on.finished == history.trials


def test_a_diverged_trial_takes_no_part() -> None:
    with_diverged = an_objective(a_scored_history(MIXTURES, diverged=[3]))
    history = a_scored_history(MIXTURES)
    assert with_diverged.means == an_objective(history).means


def test_clear_benchmarks_have_no_flags_and_mere_noise_has() -> None:
    assert an_objective(a_scored_history(MIXTURES)).flags == ()
    noisy = an_objective(a_scored_history(MIXTURES, noise=5.0))
    assert {flag.name for flag in noisy.flags} >= {"NoisyBenchmark"}


def test_a_reference_without_scores_is_refused_by_name() -> None:
    history = a_scored_history(MIXTURES[1:6])
    with pytest.raises(HistoryMismatch, match="reference 'current'"):
        fix_objective(
            history,
            TWO_BENCHMARKS,
            scale="Raw",
            reference="current",
            reference_mixture=SPACE.natural,
        )


def test_other_benchmarks_are_refused() -> None:
    history = replace(a_scored_history(MIXTURES), benchmarks=("answers", "other"))
    with pytest.raises(HistoryMismatch, match="other"):
        an_objective(history)

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from mixatlas.contract.mixture import Mixture
from mixatlas.contract.trial import Purpose
from mixatlas.space.build import Bound, Group, build_space
from mixatlas.space.crowd import LEAST_DISTANCE, is_sparse
from mixatlas.space.design import initial_design, quasi_random
from mixatlas.space.grid import Grid
from mixatlas.space.space import MixtureSpace

DEMO_SAMPLES = {
    "animal": {"caption": 5000, "grounding": 700, "detection": 900, "vqa": 1000},
    "object": {"caption": 6000, "ocr": 900, "grounding": 800, "detection": 1500, "vqa": 1500},
    "document": {"caption": 1200, "ocr": 3000, "grounding": 600, "vqa": 900},
    "chart": {"caption": 1200, "ocr": 600, "detection": 600, "vqa": 900},
    "screen": {"caption": 2500, "ocr": 700, "grounding": 800, "detection": 700, "vqa": 900},
}
DEMO_TOKENS = {
    f"{concept}.{task}": 25 * n for concept, row in DEMO_SAMPLES.items() for task, n in row.items()
}
DEMO = build_space(tokens=DEMO_TOKENS)
CUT = build_space(
    tokens=DEMO_TOKENS,
    groups=[Group(name="charts", domains=("chart.*",), min="0.6")],
    bounds=[Bound(domain="object.ocr", max="0.02")],
    max_repeats="8",
    target_tokens=sum(DEMO_TOKENS.values()) * 2 // 3,
)
SLIVER = build_space(
    tokens=dict.fromkeys("abcd", 1),
    bounds=[Bound(domain=name, min="0.2499", max="0.2501") for name in "abcd"],
)


def baselines_of(space: MixtureSpace) -> dict[str, Mixture]:
    return {"natural": space.natural, "uniform": space.uniform}


def design(space: MixtureSpace, n: int, **settings):
    return initial_design(space, baselines=baselines_of(space), n=n, **({"seed": 7} | settings))


def kinds(points) -> Counter[str]:
    return Counter(point.why.split(" around ")[0] for point in points)


def test_a_design_of_ten_is_the_recipe():
    assert kinds(design(DEMO, 10)) == {
        "baseline natural": 1,
        "baseline uniform": 1,
        "whole concepts and tasks tilted": 4,
        "Dirichlet of concentration 3": 2,
        "Dirichlet of concentration 1": 2,
    }


def test_a_larger_design_ends_with_sobol_points():
    points = design(DEMO, 32)
    assert kinds(points) == {
        "baseline natural": 1,
        "baseline uniform": 1,
        "whole concepts and tasks tilted": 10,
        "Dirichlet of concentration 3": 6,
        "Dirichlet of concentration 1": 4,
        "Sobol point": 10,
    }
    centers = Counter(point.why.split(" around ")[1] for point in points if "around" in point.why)
    assert centers == {"uniform": 10, "natural": 10}


def test_tilts_multiply_whole_concepts_and_whole_tasks():
    """log(w / center) of a tilt is a sum of one number a concept and one a task."""
    grid = Grid.of(DEMO.domains)
    columns = np.vstack([grid.C_cd, grid.T_td]).T
    for point in design(DEMO, 10):
        if "tilted" in point.why:
            center = DEMO.uniform if point.why.endswith("uniform") else DEMO.natural
            logs = np.log(np.array(point.mixture.fractions) / np.array(center.fractions))
            fitted = columns @ np.linalg.lstsq(columns, logs, rcond=None)[0]
            assert np.abs(logs - fitted).max() < 0.01
            assert np.ptp(logs) > 0.5


def test_domains_of_one_axis_are_tilted_one_by_one():
    space = build_space(tokens={"caption": 500, "ocr": 200, "vqa": 300})
    assert kinds(design(space, 8))["single domains tilted"] == 3


@pytest.mark.parametrize("space", [DEMO, CUT], ids=["simplex", "cut"])
@pytest.mark.parametrize("n", [10, 24])
@pytest.mark.parametrize("method", ["Bayesian", "Sobol", "Random"])
def test_a_design_is_feasible_apart_and_complete(space, n, method):
    points = design(space, n, method=method)
    assert len(points) == n
    assert [point.purpose for point in points[:2]] == [Purpose.BASELINE] * 2
    for point in points[2:]:
        assert point.purpose is Purpose.INITIAL
        assert space.contains(point.mixture)
    for a, b in combinations(points, 2):
        assert a.mixture.distance(b.mixture) >= LEAST_DISTANCE


@pytest.mark.parametrize(("n", "most"), [(10, 0), (15, 0), (16, 3), (40, 8)])
def test_sparse_points_are_few_and_none_in_a_small_design(n, most):
    for space in (DEMO, CUT):
        points = design(space, n, seed=3)
        assert sum(is_sparse(space, point.mixture) for point in points) <= most


def test_sparse_rule_bites_where_natural_is_skewed():
    """Dirichlets around such a natural would nearly all be sparse."""
    tokens = {f"d{i:02d}.vqa": 4**i for i in range(12)}
    space = build_space(tokens=tokens)
    rng = np.random.default_rng(0)
    shape = np.array(space.natural.fractions) * space.d + 1e-3
    draws = [
        Mixture.nearest(dict(zip(space.domains, rng.dirichlet(shape), strict=True)))
        for _ in range(50)
    ]
    assert sum(is_sparse(space, draw) for draw in draws) > 40
    assert not any(is_sparse(space, point.mixture) for point in design(space, 12))


def test_a_point_is_sparse_when_more_than_a_quarter_has_vanished():
    space = MixtureSpace.of(*"abcdefgh")
    three = {"a": 100, "b": 100, "c": 100, "d": 100, "e": 100, "f": 0, "g": 0, "h": 0}
    two = three | {"f": 100}
    assert is_sparse(space, Mixture.nearest(three))
    assert not is_sparse(space, Mixture.nearest(two))


def test_baselines_run_even_outside_the_space():
    assert not CUT.contains(CUT.natural)
    assert design(CUT, 10)[0].mixture == CUT.natural


def test_equal_baselines_are_one_point_and_near_ones_are_two():
    space = MixtureSpace.of("a.x", "b.x", "c.x")
    near = Mixture.of({"a.x": 333_335, "b.x": 333_333, "c.x": 333_332})
    baselines = baselines_of(space) | {"current": near}
    points = initial_design(space, baselines=baselines, n=8, seed=1)
    assert [point.why for point in points[:2]] == ["baseline natural, uniform", "baseline current"]
    assert len(points) == 8


def test_a_baseline_over_other_domains_is_refused():
    with pytest.raises(ValueError, match="baseline current is over other domains"):
        initial_design(DEMO, baselines={"current": Mixture.of({"a": 1_000_000})}, n=10, seed=1)


def test_all_baselines_are_kept_when_there_are_more_than_n():
    assert len(design(DEMO, 1)) == 2


def test_the_seed_decides_the_design():
    assert design(DEMO, 12) == design(DEMO, 12)
    other = {point.mixture for point in design(DEMO, 12, seed=8)}
    assert {point.mixture for point in design(DEMO, 12)} & other == set(baselines_of(DEMO).values())


def test_order_of_the_corpus_does_not_matter():
    turned = build_space(tokens=dict(reversed(DEMO_TOKENS.items())))
    assert design(turned, 20) == design(DEMO, 20)


def test_methods_fill_with_their_own_points():
    assert kinds(design(DEMO, 8, method="Sobol"))["Sobol point"] == 6
    assert kinds(design(DEMO, 8, method="Random"))["uniformly random"] == 6


def test_a_space_too_small_gives_what_there_is():
    points = design(SLIVER, 10)
    assert [point.why for point in points] == ["baseline natural, uniform"]
    assert len(quasi_random(SLIVER, 3, taken=[], seed=1)) == 1
    assert quasi_random(SLIVER, 3, taken=[SLIVER.uniform], seed=1) == ()


def test_quasi_random_points_keep_away_from_what_is_taken():
    first = quasi_random(CUT, 10, taken=[CUT.natural], seed=3)
    second = quasi_random(CUT, 10, taken=[CUT.natural, *first], seed=4)
    for a, b in combinations([CUT.natural, *first, *second], 2):
        assert a.distance(b) >= LEAST_DISTANCE


def test_a_quasi_random_sequence_is_continued_under_its_seed():
    whole = quasi_random(DEMO, 12, taken=[], seed=3)
    assert quasi_random(DEMO, 4, taken=whole[:8], seed=3) == whole[8:]
    assert quasi_random(DEMO, 0, taken=[], seed=3) == ()

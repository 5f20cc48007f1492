"""Slices as cells: whole parts that sum exactly, at natural shares, whatever the corpus."""

from __future__ import annotations

import random
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from builders import a_cell
from mixatlas.contract.manifest import TASKS, Domain
from mixatlas.contract.mixture import PPM, Mixture
from mixatlas.space.build import build_space
from mixatlas.space.lattice import repair
from mixatlas.spec.view import Axis, View

AXES: tuple[tuple[Axis, ...], ...] = (("concept",), ("task",), ("concept", "task"))


@st.composite
def corpora(draw: st.DrawFn) -> list[Domain]:
    """Return some cells of a grid, of 1 to 10¹² tokens each."""
    names = [f"{concept}.{task}" for concept in ("chart", "photo", "vqa") for task in TASKS]
    some = draw(st.lists(st.sampled_from(names), min_size=1, max_size=21, unique=True))
    sizes = st.one_of(st.integers(1, 5), st.integers(1, 10**12))
    return [a_cell(name, tokens=draw(sizes)) for name in some]


@st.composite
def mixtures(draw: st.DrawFn) -> tuple[list[Domain], tuple[Axis, ...], Mixture]:
    """Return a corpus, axes, and a mixture over their domains, many of them zero or tiny."""
    cells, axes = draw(corpora()), draw(st.sampled_from(AXES))
    view = View.of(cells, axes)
    share = st.sampled_from((0, 0, 1, 2, 1000, 10**6, 3 * 10**6 + 1))
    shares = [draw(share) for _ in view.names]
    shares[0] += not any(shares)
    return cells, axes, Mixture.nearest(dict(zip(view.names, shares, strict=True)))


@given(mixtures())
def test_cells_sum_exactly_to_each_domain_and_give_it_back(
    drawn: tuple[list[Domain], tuple[Axis, ...], Mixture],
) -> None:
    cells, axes, mixture = drawn
    view = View.of(cells, axes)
    expanded = view.expand(mixture)
    assert sum(expanded.ppm) == PPM
    assert set(expanded.domains) == {cell.name for cell in cells}
    assert Mixture.of(view.gather(dict(expanded.parts))) == mixture


@given(mixtures())
def test_cells_keep_their_natural_shares_within_one_part(
    drawn: tuple[list[Domain], tuple[Axis, ...], Mixture],
) -> None:
    cells, axes, mixture = drawn
    view = View.of(cells, axes)
    weight, ppm = dict(mixture.parts), dict(view.expand(mixture).parts)
    for part in view.slices:
        for name, tokens in part.cells.items():
            exact = Fraction(weight[part.name] * tokens, part.tokens)
            assert abs(ppm[name] - exact) < 1
            assert ppm[name] == 0 or weight[part.name]
    assert sum(view.tokens.values()) == sum(cell.tokens for cell in cells)


@given(mixtures(), st.integers(0, 2**32))
def test_the_order_of_cells_and_axes_is_no_matter(
    drawn: tuple[list[Domain], tuple[Axis, ...], Mixture], seed: int
) -> None:
    cells, axes, mixture = drawn
    other = View.of(random.Random(seed).sample(cells, len(cells)), axes[::-1])
    view = View.of(cells, axes)
    assert other == view
    assert other.expand(mixture).parts == view.expand(mixture).parts


@given(mixtures(), st.integers(3, 8))
def test_the_cap_of_a_slice_holds_for_each_of_its_cells(
    drawn: tuple[list[Domain], tuple[Axis, ...], Mixture], repeats: int
) -> None:
    """Cells of a slice repeat alike, but for the rounding to whole parts."""
    cells, axes, wished = drawn
    view = View.of(cells, axes)
    target = 2 * sum(view.tokens.values())
    space = build_space(tokens=view.tokens, max_repeats=str(repeats), target_tokens=target)
    mixture = repair(space, np.array(wished.fractions))
    ppm = dict(view.expand(mixture).parts)
    for cell in cells:
        epochs = Fraction(ppm[cell.name] * target, PPM * cell.tokens)
        one_part = Fraction(target, PPM * cell.tokens)
        assert epochs < repeats + one_part

"""What must hold between the fields that say what is searched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from mixatlas.spec.mixtures import Baseline
from mixatlas.spec.model import MixtureSearch
from mixatlas.spec.places import Mistake, Path

BUILT_IN_BASELINES = ("natural", "uniform")
SUM_TOLERANCE = Fraction(1, 1_000_000)


def check_corpus(search: MixtureSearch) -> Iterator[Mistake]:
    """The corpus is given in exactly one way."""
    corpus = search.spec.corpus
    if (corpus.manifest is None) == (corpus.ref is None):
        yield Mistake(
            path=("spec", "corpus"),
            message="exactly one of `manifest` and `ref` must be given",
            remedy="write `manifest: s3://…/manifest.json`",
            at_key=True,
        )


def check_repetition(search: MixtureSearch) -> Iterator[Mistake]:
    """Lists that are maps by a name, and sets, hold each entry once."""
    spec = search.spec
    space, objective = spec.space, spec.objective
    lists: list[tuple[Path, str, Sequence[str]]] = [
        (("axes",), "", spec.axes),
        (("space", "bounds"), "domain", [b.domain for b in space.bounds]),
        (("space", "groups"), "name", [g.name for g in space.groups]),
        (("space", "linear"), "name", [row.name for row in space.linear]),
        (("baselines",), "name", [b.name for b in spec.baselines]),
        (("objective", "benchmarks"), "name", [b.name for b in objective.benchmarks]),
        (("objective", "constraints"), "benchmark", [c.benchmark for c in objective.constraints]),
        (("output", "formats"), "", spec.output.formats if spec.output else ()),
    ]
    for i, group in enumerate(space.groups):
        lists.append((("space", "groups", i, "domains"), "", group.domains))
    for i, row in enumerate(space.linear):
        lists.append((("space", "linear", i, "terms"), "domain", [t.domain for t in row.terms]))
    for i, baseline in enumerate(spec.baselines):
        lists.append((("baselines", i, "mixture"), "domain", [w.domain for w in baseline.mixture]))
    for path, key, names in lists:
        for index, name in enumerate(names):
            if name in names[:index]:
                yield Mistake(
                    path=("spec", *path, index, *([key] if key else [])),
                    message=f"`{name}` occurs twice",
                    remedy=f"give each {key or 'entry'} once",
                )


def check_limits(search: MixtureSearch) -> Iterator[Mistake]:
    """Limits are in order, and those of weights are shares."""
    space = search.spec.space
    shares: list[tuple[Path, str, str]] = [
        *((("bounds", i), b.min, b.max) for i, b in enumerate(space.bounds)),
        *((("groups", i), g.min, g.max) for i, g in enumerate(space.groups)),
    ]
    for place, low, high in shares:
        path: Path = ("spec", "space", *place)
        for key, value in (("min", low), ("max", high)):
            yield from check_share((*path, key), value)
        yield from check_range(path, low, high)
    for i, row in enumerate(space.linear):
        path = ("spec", "space", "linear", i)
        if row.min is None and row.max is None:
            yield Mistake(
                path=path,
                message="neither `min` nor `max` is given",
                remedy="give one of them, or remove the constraint",
            )
        if row.min is not None and row.max is not None:
            yield from check_range(path, row.min, row.max)


def check_minimums(search: MixtureSearch) -> Iterator[Mistake]:
    """The least weights leave room for a mixture."""
    total = sum((Fraction(bound.min) for bound in search.spec.space.bounds), Fraction(0))
    if total > 1:
        yield Mistake(
            path=("spec", "space", "bounds"),
            message=f"the least weights sum to {float(total):g}, above 1",
            remedy="lower some of them",
            at_key=True,
        )


def check_repeats(search: MixtureSearch) -> Iterator[Mistake]:
    """Caps on repetition follow from the length of the target run."""
    if search.spec.space.max_repeats is not None and search.spec.target is None:
        yield Mistake(
            path=("spec", "space", "maxRepeats"),
            message="needs `spec.target.tokens`, from which the caps follow",
            remedy="add `target: {tokens: …}`",
        )


def check_baselines(search: MixtureSearch) -> Iterator[Mistake]:
    """Named baselines are mixtures; natural and uniform follow from the corpus."""
    for index, baseline in enumerate(search.spec.baselines):
        path: Path = ("spec", "baselines", index)
        if baseline.name in BUILT_IN_BASELINES:
            if baseline.mixture:
                yield Mistake(
                    path=(*path, "mixture"),
                    message=f"`{baseline.name}` follows from the corpus",
                    remedy="remove the mixture, or choose another name",
                    at_key=True,
                )
        else:
            yield from _check_mixture(path, baseline)


def _check_mixture(path: Path, baseline: Baseline) -> Iterator[Mistake]:
    if not baseline.mixture:
        yield Mistake(
            path=path,
            message=f"baseline `{baseline.name}` has no mixture",
            remedy="add `mixture: [{domain: …, weight: …}]`",
        )
        return
    for row, weight in enumerate(baseline.mixture):
        yield from check_share((*path, "mixture", row, "weight"), weight.weight)
    total = sum((Fraction(weight.weight) for weight in baseline.mixture), Fraction(0))
    if abs(total - 1) > SUM_TOLERANCE:
        yield Mistake(
            path=(*path, "mixture"),
            message=f"the weights sum to {float(total):g}, not to 1",
            remedy="correct them; domains left out get 0",
            at_key=True,
        )


def check_share(path: Path, value: str) -> Iterator[Mistake]:
    """A share lies between 0 and 1."""
    if not 0 <= Fraction(value) <= 1:
        yield Mistake(
            path=path, message=f"{value} is no share", remedy='give a number from "0" to "1"'
        )


def check_range(path: Path, low: str, high: str) -> Iterator[Mistake]:
    """A least value is not above the largest."""
    if Fraction(low) > Fraction(high):
        yield Mistake(
            path=(*path, "min"),
            message=f"min {low} is above max {high}",
            remedy="exchange them, or correct one",
        )

"""What must hold between fields, as far as the document alone can tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from mixatlas.spec.model import MixtureSearch
from mixatlas.spec.places import Mistake, Path, did_you_mean

BUILT_IN_BASELINES = ("natural", "uniform")
SUM_TOLERANCE = Fraction(1, 1_000_000)


def find_mistakes(search: MixtureSearch) -> list[Mistake]:
    """Return every contradiction inside a document whose single fields are legal."""
    return [mistake for check in CHECKS for mistake in check(search)]


def _corpus(search: MixtureSearch) -> Iterator[Mistake]:
    corpus = search.spec.corpus
    if (corpus.manifest is None) == (corpus.ref is None):
        yield Mistake(
            path=("spec", "corpus"),
            message="exactly one of `manifest` and `ref` must be given",
            remedy="write `manifest: s3://…/manifest.json`",
        )


def _axes(search: MixtureSearch) -> Iterator[Mistake]:
    if len(set(search.spec.axes)) != len(search.spec.axes):
        yield Mistake(
            path=("spec", "axes"), message="an axis is named twice", remedy="name each once"
        )


def _unique_names(search: MixtureSearch) -> Iterator[Mistake]:
    spec = search.spec
    lists: list[tuple[Path, str, Sequence[str]]] = [
        (("spec", "space", "bounds"), "domain", [b.domain for b in spec.space.bounds]),
        (("spec", "space", "groups"), "name", [g.name for g in spec.space.groups]),
        (("spec", "space", "linear"), "name", [row.name for row in spec.space.linear]),
        (("spec", "baselines"), "name", [b.name for b in spec.baselines]),
        (("spec", "objective", "benchmarks"), "name", [b.name for b in spec.objective.benchmarks]),
        (
            ("spec", "objective", "constraints"),
            "benchmark",
            [c.benchmark for c in spec.objective.constraints],
        ),
    ]
    lists += [
        (("spec", "space", "linear", row, "terms"), "domain", [t.domain for t in linear.terms])
        for row, linear in enumerate(spec.space.linear)
    ]
    lists += [
        (("spec", "baselines", row, "mixture"), "domain", [w.domain for w in baseline.mixture])
        for row, baseline in enumerate(spec.baselines)
    ]
    for path, key, names in lists:
        for index, name in enumerate(names):
            if name in names[:index]:
                yield Mistake(
                    path=(*path, index, key),
                    message=f"`{name}` occurs twice",
                    remedy=f"give each {key} once",
                )


def _ranges(search: MixtureSearch) -> Iterator[Mistake]:
    space = search.spec.space
    path: Path
    shares: list[tuple[Path, str, str]] = [
        (("bounds", i), b.min, b.max) for i, b in enumerate(space.bounds)
    ]
    shares += [(("groups", i), g.min, g.max) for i, g in enumerate(space.groups)]
    for place, low, high in shares:
        path = ("spec", "space", *place)
        for key, value in (("min", low), ("max", high)):
            if not 0 <= Fraction(value) <= 1:
                yield Mistake(
                    path=(*path, key), message=f"{value} is no share", remedy='give "0" to "1"'
                )
        yield from _ordered(path, low, high)
    for i, row in enumerate(space.linear):
        path = ("spec", "space", "linear", i)
        if row.min is None and row.max is None:
            yield Mistake(
                path=path,
                message="neither `min` nor `max` is given",
                remedy="give one of them, or remove the constraint",
            )
        if row.min is not None and row.max is not None:
            yield from _ordered(path, row.min, row.max)


def _ordered(path: Path, low: str, high: str) -> Iterator[Mistake]:
    if Fraction(low) > Fraction(high):
        yield Mistake(
            path=(*path, "min"),
            message=f"min {low} is above max {high}",
            remedy="exchange them, or correct one",
        )


def _minimums(search: MixtureSearch) -> Iterator[Mistake]:
    total = sum(Fraction(bound.min) for bound in search.spec.space.bounds)
    if total > 1:
        yield Mistake(
            path=("spec", "space", "bounds"),
            message=f"the minimums sum to {float(total):g}, above 1",
            remedy="lower some of them",
        )


def _positive(search: MixtureSearch) -> Iterator[Mistake]:
    spec = search.spec
    values: list[tuple[Path, str | None]] = [
        (("spec", "space", "maxRepeats"), spec.space.max_repeats),
        (("spec", "budget", "gpuHours"), spec.budget.gpu_hours),
        (("spec", "proxy", "trainer", "learningRate"), spec.proxy.trainer.learning_rate),
    ]
    for path, value in values:
        if value is not None and Fraction(value) <= 0:
            yield Mistake(path=path, message="must be above 0", remedy=f"got {value}")
    not_negative: list[tuple[Path, str]] = [
        (("spec", "objective", "benchmarks", i, "weight"), b.weight)
        for i, b in enumerate(spec.objective.benchmarks)
    ]
    not_negative += [
        (("spec", "objective", "constraints", i, "maxDrop"), c.max_drop)
        for i, c in enumerate(spec.objective.constraints)
    ]
    not_negative.append((("spec", "search", "acquisition", "beta"), spec.search.acquisition.beta))
    for path, value in not_negative:
        if Fraction(value) < 0:
            yield Mistake(path=path, message="must not be negative", remedy=f"got {value}")
    if all(Fraction(b.weight) == 0 for b in spec.objective.benchmarks):
        yield Mistake(
            path=("spec", "objective", "benchmarks"),
            message="every benchmark has weight 0",
            remedy='give one of them a weight above "0"',
        )


def _repeats_need_target(search: MixtureSearch) -> Iterator[Mistake]:
    if search.spec.space.max_repeats is not None and search.spec.target is None:
        yield Mistake(
            path=("spec", "space", "maxRepeats"),
            message="needs `spec.target.tokens`, from which the caps follow",
            remedy="add `target: {tokens: …}`",
        )


def _baselines(search: MixtureSearch) -> Iterator[Mistake]:
    for index, baseline in enumerate(search.spec.baselines):
        path: Path = ("spec", "baselines", index)
        if baseline.name in BUILT_IN_BASELINES:
            if baseline.mixture:
                yield Mistake(
                    path=(*path, "mixture"),
                    message=f"`{baseline.name}` is computed from the corpus",
                    remedy="remove the mixture, or choose another name",
                )
            continue
        if not baseline.mixture:
            yield Mistake(
                path=path,
                message=f"baseline `{baseline.name}` has no mixture",
                remedy="add `mixture: [{domain: …, weight: …}]`",
            )
            continue
        weights = [Fraction(weight.weight) for weight in baseline.mixture]
        for row, share in enumerate(weights):
            if share < 0:
                yield Mistake(
                    path=(*path, "mixture", row, "weight"),
                    message="must not be negative",
                    remedy=f"got {baseline.mixture[row].weight}",
                )
        if abs(sum(weights, Fraction(0)) - 1) > SUM_TOLERANCE:
            yield Mistake(
                path=(*path, "mixture"),
                message=f"the weights sum to {float(sum(weights)):g}, not to 1",
                remedy="correct them",
            )


def _references(search: MixtureSearch) -> Iterator[Mistake]:
    spec = search.spec
    baselines = [*BUILT_IN_BASELINES, *(b.name for b in spec.baselines)]
    known = list(dict.fromkeys(baselines))
    benchmarks = list(dict.fromkeys(b.name for b in spec.objective.benchmarks))
    named: list[tuple[Path, str, list[str], str]] = [
        (("spec", "objective", "reference"), spec.objective.reference, known, "baseline")
    ]
    for i, constraint in enumerate(spec.objective.constraints):
        at: Path = ("spec", "objective", "constraints", i)
        named.append(((*at, "benchmark"), constraint.benchmark, benchmarks, "benchmark"))
        if constraint.relative_to is not None:
            named.append(((*at, "relativeTo"), constraint.relative_to, known, "baseline"))
    if spec.proxy.base is not None and spec.proxy.base.checkpoint is None:
        named.append(
            (("spec", "proxy", "base", "mixture"), spec.proxy.base.mixture, known, "baseline")
        )
    for path, name, names, what in named:
        if name not in names:
            yield Mistake(
                path=path, message=f"no {what} `{name}`", remedy=did_you_mean(name, names)
            )


def _trials(search: MixtureSearch) -> Iterator[Mistake]:
    settings = search.spec.search
    baselines = {*BUILT_IN_BASELINES, *(b.name for b in search.spec.baselines)}
    if settings.initial_trials < len(baselines):
        yield Mistake(
            path=("spec", "search", "initialTrials"),
            message=f"{len(baselines)} baselines do not fit into {settings.initial_trials} trials",
            remedy=f"give at least {len(baselines) + 2}",
        )


def _proxy(search: MixtureSearch) -> Iterator[Mistake]:
    proxy = search.spec.proxy
    base, path = proxy.base, ("spec", "proxy")
    if base is not None and (base.warmup_tokens is None) == (base.checkpoint is None):
        yield Mistake(
            path=(*path, "base"),
            message="exactly one of `warmupTokens` and `checkpoint` must be given",
            remedy="warmupTokens trains a base here; checkpoint starts from yours",
        )
    needs_model = base is None or base.checkpoint is None
    if needs_model and proxy.trainer.model is None:
        yield Mistake(
            path=(*path, "trainer"),
            message="`model.config` is missing: no checkpoint gives the architecture",
            remedy="add `model: {config: {…}}`, or `base: {checkpoint: …}`",
        )
    if proxy.trainer.global_batch_tokens > proxy.tokens:
        yield Mistake(
            path=(*path, "tokens"),
            message=f"{proxy.tokens} is less than one batch of {proxy.trainer.global_batch_tokens}",
            remedy="raise it, or lower proxy.trainer.globalBatchTokens",
        )


def _job_template(search: MixtureSearch) -> Iterator[Mistake]:
    """Refuse what would take the Job out of our hands; the rest is the user's."""
    job = _mapping(search.spec.proxy.job_template, "spec")
    path: Path = ("spec", "proxy", "jobTemplate", "spec")
    for key in ("ttlSecondsAfterFinished", "backoffLimit"):
        if key in job:
            yield Mistake(
                path=(*path, key), message="is set by the operator", remedy="remove it", at_key=True
            )
    for key in ("completions", "parallelism"):
        if job.get(key, 1) != 1:
            yield Mistake(
                path=(*path, key), message="a trial is one pod", remedy="remove it, or give 1"
            )
    pod = _mapping(_mapping(job, "template"), "spec")
    if pod.get("restartPolicy", "Never") != "Never":
        yield Mistake(
            path=(*path, "template", "spec", "restartPolicy"),
            message="attempts are counted by the operator",
            remedy="remove it, or give Never",
        )


def _mapping(parent: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = parent.get(key)
    return value if isinstance(value, dict) else {}


CHECKS: tuple[Callable[[MixtureSearch], Iterator[Mistake]], ...] = (
    _corpus,
    _axes,
    _unique_names,
    _ranges,
    _minimums,
    _positive,
    _repeats_need_target,
    _baselines,
    _references,
    _trials,
    _proxy,
    _job_template,
)

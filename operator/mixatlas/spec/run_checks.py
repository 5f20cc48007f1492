"""What must hold between the fields that say how a search is run and measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from mixatlas.spec.model import MixtureSearch
from mixatlas.spec.places import Mistake, Path, did_you_mean
from mixatlas.spec.running import ProxyBase
from mixatlas.spec.space_checks import BUILT_IN_BASELINES


def check_signs(search: MixtureSearch) -> Iterator[Mistake]:
    """Decimals have the sign that their meaning asks for."""
    spec = search.spec
    above_zero: list[tuple[Path, str | None]] = [
        (("space", "maxRepeats"), spec.space.max_repeats),
        (("budget", "gpuHours"), spec.budget.gpu_hours),
        (("proxy", "trainer", "learningRate"), spec.proxy.trainer.learning_rate),
    ]
    for path, value in above_zero:
        if value is not None and Fraction(value) <= 0:
            yield Mistake(path=("spec", *path), message="must be above 0", remedy=f"got {value}")
    stop = spec.search.stop
    at_least_zero: list[tuple[Path, str]] = [
        (("search", "acquisition", "beta"), spec.search.acquisition.beta),
        (("search", "stop", "minImprovement"), stop.min_improvement if stop else "0"),
        *(
            (("objective", "benchmarks", i, "weight"), benchmark.weight)
            for i, benchmark in enumerate(spec.objective.benchmarks)
        ),
        *(
            (("objective", "constraints", i, "maxDrop"), constraint.max_drop)
            for i, constraint in enumerate(spec.objective.constraints)
        ),
    ]
    for path, value in at_least_zero:
        if Fraction(value) < 0:
            yield Mistake(path=("spec", *path), message="must be at least 0", remedy=f"got {value}")


def check_weights(search: MixtureSearch) -> Iterator[Mistake]:
    """Something is maximised."""
    if all(Fraction(benchmark.weight) == 0 for benchmark in search.spec.objective.benchmarks):
        yield Mistake(
            path=("spec", "objective", "benchmarks"),
            message="every benchmark has weight 0",
            remedy='give one of them a weight above "0"',
            at_key=True,
        )


def check_references(search: MixtureSearch) -> Iterator[Mistake]:
    """Baselines and benchmarks that are named exist."""
    spec = search.spec
    baselines = _baselines(search)
    benchmarks = list(dict.fromkeys(benchmark.name for benchmark in spec.objective.benchmarks))
    named: list[tuple[Path, str | None, list[str], str]] = [
        (("objective", "reference"), spec.objective.reference, baselines, "baseline"),
    ]
    for i, constraint in enumerate(spec.objective.constraints):
        at: Path = ("objective", "constraints", i)
        named.append(((*at, "benchmark"), constraint.benchmark, benchmarks, "benchmark"))
        named.append(((*at, "relativeTo"), constraint.relative_to, baselines, "baseline"))
    if spec.proxy.base is not None:
        named.append((("proxy", "base", "mixture"), spec.proxy.base.mixture, baselines, "baseline"))
    for path, name, known, what in named:
        if name is not None and name not in known:
            remedy = did_you_mean(name, known)
            yield Mistake(path=("spec", *path), message=f"no {what} `{name}`", remedy=remedy)


def check_design(search: MixtureSearch) -> Iterator[Mistake]:
    """The initial design has room for the baselines.

    Whether it fits below `maxTrials` is asked at acceptance: a search that runs may be lowered
    below its design.
    """
    initial, n_baselines = search.spec.search.initial_trials, len(_baselines(search))
    if initial < n_baselines:
        yield Mistake(
            path=("spec", "search", "initialTrials"),
            message=f"{n_baselines} baselines do not fit into {initial} trials",
            remedy=f"give at least {n_baselines}; natural and uniform are always trained",
        )


def check_warm_start(search: MixtureSearch) -> Iterator[Mistake]:
    """Each entry has one form, and names another search."""
    for i, entry in enumerate(search.spec.search.warm_start):
        forms = (entry.search, entry.ledger, entry.ratios)
        one = sum(form is not None for form in forms) == 1
        if not one or (entry.ratios is None) != (entry.metrics is None):
            yield Mistake(
                path=("spec", "search", "warmStart", i),
                message="exactly one of `ledger`, `search`, and `ratios` with `metrics` must be "
                "given",
                remedy="`ledger: s3://…/UID` takes over the trials of an earlier search",
            )
        elif entry.search == search.metadata.name:
            yield Mistake(
                path=("spec", "search", "warmStart", i, "search"),
                message="is this search itself",
                remedy="name another one; a search that is run again goes on by itself",
            )


def check_base(search: MixtureSearch) -> Iterator[Mistake]:
    """Trials start from one base, whose architecture something gives."""
    proxy = search.spec.proxy
    base, path = proxy.base, ("spec", "proxy", "base")
    has_checkpoint = base is not None and base.checkpoint is not None
    if base is not None and (base.warmup_tokens is None) == (base.checkpoint is None):
        yield Mistake(
            path=path,
            message="exactly one of `warmupTokens` and `checkpoint` must be given",
            remedy="warmupTokens trains a base here; checkpoint starts from yours",
            at_key=True,
        )
    elif base is not None and has_checkpoint and base.mixture != ProxyBase().mixture:
        yield Mistake(
            path=(*path, "mixture"),
            message="is for a base trained here, and `checkpoint` gives one",
            remedy="remove it",
            at_key=True,
        )
    if not has_checkpoint and proxy.trainer.model is None:
        yield Mistake(
            path=("spec", "proxy", "trainer"),
            message="`model.config` is missing: no checkpoint gives the architecture",
            remedy="add `model: {config: {…}}`, or `base: {checkpoint: s3://…}`",
            at_key=True,
        )


def check_budgets(search: MixtureSearch) -> Iterator[Mistake]:
    """Every training is at least one batch long."""
    proxy = search.spec.proxy
    batch = proxy.trainer.global_batch_tokens
    lengths: list[tuple[Path, int | None]] = [
        (("tokens",), proxy.tokens),
        (("base", "warmupTokens"), proxy.base.warmup_tokens if proxy.base else None),
    ]
    for path, tokens in lengths:
        if tokens is not None and tokens < batch:
            yield Mistake(
                path=("spec", "proxy", *path),
                message=f"{tokens} is less than one batch of {batch} tokens",
                remedy="raise it, or lower proxy.trainer.globalBatchTokens",
            )


def check_job_template(search: MixtureSearch) -> Iterator[Mistake]:
    """The template leaves the Job's life to the operator; the rest is the user's."""
    job = _mapping(search.spec.proxy.job_template, "spec")
    path: Path = ("spec", "proxy", "jobTemplate", "spec")
    for key in ("backoffLimit", "ttlSecondsAfterFinished"):
        if key in job:
            message = "is set by the operator, which counts attempts itself"
            yield Mistake(path=(*path, key), message=message, remedy="remove it", at_key=True)
    for key in ("completions", "parallelism"):
        if job.get(key, 1) != 1:
            remedy = "remove it; `search.parallelism` sets the trials at once"
            yield Mistake(path=(*path, key), message="a trial is one pod", remedy=remedy)
    pod = _mapping(_mapping(job, "template"), "spec")
    pod_path: Path = (*path, "template", "spec")
    if pod.get("restartPolicy", "Never") != "Never":
        yield Mistake(
            path=(*pod_path, "restartPolicy"),
            message="must be Never: a new attempt is a new Job",
            remedy="remove it",
        )
    containers = pod.get("containers")
    names = [
        container.get("name")
        for container in (containers if isinstance(containers, list) else ())
        if isinstance(container, dict)
    ]
    if len(names) > 1 and "trainer" not in names:
        yield Mistake(
            path=(*pod_path, "containers"),
            message="none of several containers is named `trainer`",
            remedy="name the one that trains `trainer`",
            at_key=True,
        )


def _baselines(search: MixtureSearch) -> list[str]:
    return list(dict.fromkeys([*BUILT_IN_BASELINES, *(b.name for b in search.spec.baselines)]))


def _mapping(parent: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = parent.get(key)
    return value if isinstance(value, dict) else {}

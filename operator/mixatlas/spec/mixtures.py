"""The searched half of the resource: data, allowed mixtures, baselines, and the objective."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mixatlas.contract.canonical import DecimalString, Record
from mixatlas.contract.metrics import Metric
from mixatlas.spec.names import DomainGlob, DomainName, Name, S3Uri, Weight


class CorpusReference(Record):
    """A corpus known to the cluster by name."""

    name: Name = Field(description="Name of the corpus.")


class CorpusSource(Record):
    """Where the training data comes from: exactly one of `manifest` and `ref`."""

    manifest: S3Uri | None = Field(
        None,
        description="URI of the corpus manifest, such as `s3://corpora/llava/manifest.json`. Left "
        "out: `ref` is given.",
    )
    ref: CorpusReference | None = Field(
        None, description="A corpus by name. Not yet supported: give `manifest`."
    )


class BoundSpec(Record):
    """Limits of one domain's weight."""

    domain: DomainName = Field(
        description="Name of the domain: `CONCEPT.TASK`, or one of the two on one axis."
    )
    min: Weight = Field("0", description="Least weight, a share of manifest tokens from 0 to 1.")
    max: Weight = Field("1", description="Largest weight, a share of manifest tokens from 0 to 1.")


class GroupSpec(Record):
    """Limits of the summed weight of several domains."""

    name: Name = Field(description="Name of the group; messages use it.")
    domains: tuple[DomainGlob, ...] = Field(
        min_length=1, max_length=128, description="Domains or patterns, such as `document.*`."
    )
    min: Weight = Field("0", description="Least sum, a share of manifest tokens from 0 to 1.")
    max: Weight = Field("1", description="Largest sum, a share of manifest tokens from 0 to 1.")


class Term(Record):
    """One summand of a linear constraint."""

    domain: DomainName = Field(description="Name of the domain.")
    coefficient: DecimalString = Field(
        description="Factor of the domain's weight, of either sign and without a unit."
    )


class LinearSpec(Record):
    """Limits of a weighted sum of domains: at least one of `min` and `max`."""

    name: Name = Field(description="Name of the constraint; messages use it.")
    terms: tuple[Term, ...] = Field(
        min_length=1, max_length=128, description="Summands: coefficient times weight."
    )
    min: DecimalString | None = Field(
        None, description="Least value of the sum, in shares of tokens. Left out: none."
    )
    max: DecimalString | None = Field(
        None, description="Largest value of the sum, in shares of tokens. Left out: none."
    )


class SpaceSpec(Record):
    """Which mixtures are allowed. Zero is a legal weight."""

    bounds: tuple[BoundSpec, ...] = Field(
        (), max_length=128, description="Limits of single domains; others go from 0 to 1."
    )
    groups: tuple[GroupSpec, ...] = Field(
        (), max_length=32, description="Limits of sums over domains."
    )
    linear: tuple[LinearSpec, ...] = Field(
        (), max_length=32, description="Limits of weighted sums over domains."
    )
    max_repeats: DecimalString | None = Field(
        None,
        description="Epochs that the target run may make over a domain, above 0; with "
        "`spec.target.tokens` it caps each domain's weight by its tokens. Left out: no cap.",
    )


class Target(Record):
    """The run that the mixture is for."""

    tokens: int = Field(gt=0, le=10**17, description="Length of the target run, manifest tokens.")
    parameters: int | None = Field(
        None,
        gt=0,
        le=10**15,
        description="Parameters of the target model; with them the search's cost is stated as a "
        "fraction of the run's. Left out: it is not.",
    )


class BaselineWeight(Record):
    """The weight of one domain in a named mixture."""

    domain: DomainName = Field(description="Name of the domain.")
    weight: Weight = Field(
        description="Share of manifest tokens from 0 to 1; all weights of a mixture sum to 1."
    )


class Baseline(Record):
    """A mixture that is trained for comparison. `natural` and `uniform` always are."""

    name: Name = Field(description="`natural`, `uniform`, or a name of your own.")
    mixture: tuple[BaselineWeight, ...] = Field(
        (),
        max_length=128,
        description="Weights of a baseline with a name of its own; domains left out get 0.",
    )


class BenchmarkSpec(Record):
    """One benchmark of the objective."""

    name: Name = Field(description="Name of the benchmark, as in its manifest.")
    source: S3Uri | None = Field(
        None, description="URI of its manifest. Left out: the one that the corpus carries."
    )
    metric: Metric | None = Field(
        None, description="Its metric, which must equal the manifest's. Left out: the manifest's."
    )
    weight: DecimalString = Field(
        "1", description="Part in the objective, at least 0; weights are divided by their sum."
    )
    max_items: int | None = Field(
        None,
        ge=30,
        le=10**9,
        description="Items used of each half, search and confirm, at least 30. Left out: all.",
    )


class ConstraintSpec(Record):
    """Do no harm: a benchmark on which the winner must not lose."""

    benchmark: Name = Field(description="Name of a benchmark of the objective.")
    max_drop: DecimalString = Field(
        description="Largest loss that is allowed, at least 0, in the score's own unit."
    )
    relative_to: Name | None = Field(
        None, description="Baseline compared with. Left out: the objective's reference."
    )


class Objective(Record):
    """What is maximised."""

    scale: Literal["Normalized", "Raw"] = Field(
        "Normalized",
        description="Normalized: each score counts from chance (0) to perfect (1). Raw: as "
        "measured, in the metric's own unit.",
    )
    reference: Name = Field(
        "natural",
        description="Baseline that gains and drops are measured against: natural, uniform, or a "
        "named one.",
    )
    benchmarks: tuple[BenchmarkSpec, ...] = Field(
        min_length=1, max_length=32, description="Benchmarks whose weighted mean is the objective."
    )
    constraints: tuple[ConstraintSpec, ...] = Field(
        (), max_length=32, description="Benchmarks that must not drop."
    )

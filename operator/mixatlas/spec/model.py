"""The MixtureSearch resource, field by field. Outside names are camelCase, decimals quoted."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from mixatlas.contract.canonical import DecimalString, Record
from mixatlas.contract.metrics import Metric
from mixatlas.contract.trainer_config import TrainerConfig

DomainName = Annotated[str, StringConstraints(min_length=1, max_length=61)]
Name = Annotated[
    str,
    StringConstraints(
        min_length=1, max_length=63, pattern=r"^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$"
    ),
]
SearchName = Annotated[
    str, StringConstraints(max_length=40, pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")
]
Uri = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
Weight = DecimalString


class CorpusReference(Record):
    """A corpus known to the cluster by name."""

    name: Name = Field(description="Name of the corpus.")


class CorpusSource(Record):
    """Where the training data comes from: exactly one of the two."""

    manifest: Uri | None = Field(
        None, description="URI of the corpus manifest (`s3://…/manifest.json`)."
    )
    ref: CorpusReference | None = Field(
        None, description="A corpus by name. Not yet supported: give `manifest`."
    )


class BoundSpec(Record):
    """Limits of one domain's weight."""

    domain: DomainName = Field(description="Name of the domain, `CONCEPT.TASK`.")
    min: Weight = Field("0", description="Least weight, a share of tokens from 0 to 1.")
    max: Weight = Field("1", description="Largest weight, a share of tokens from 0 to 1.")


class GroupSpec(Record):
    """Limits of the summed weight of several domains."""

    name: Name = Field(description="Name of the group, used in messages.")
    domains: tuple[DomainName, ...] = Field(
        min_length=1, max_length=128, description="Domains or patterns, such as `document.*`."
    )
    min: Weight = Field("0", description="Least sum, a share of tokens from 0 to 1.")
    max: Weight = Field("1", description="Largest sum, a share of tokens from 0 to 1.")


class Term(Record):
    """One summand of a linear constraint."""

    domain: DomainName = Field(description="Name of the domain.")
    coefficient: DecimalString = Field(description="Factor of the domain's weight.")


class LinearSpec(Record):
    """Limits of a weighted sum of domains."""

    name: Name = Field(description="Name of the constraint, used in messages.")
    terms: tuple[Term, ...] = Field(
        min_length=1, max_length=128, description="Summands: coefficient times weight."
    )
    min: DecimalString | None = Field(None, description="Least value of the sum; left out: none.")
    max: DecimalString | None = Field(None, description="Largest value of the sum; left out: none.")


class SpaceSpec(Record):
    """Which mixtures are allowed. Zero is a legal weight."""

    bounds: tuple[BoundSpec, ...] = Field(
        (), max_length=128, description="Limits of single domains; default 0 to 1."
    )
    groups: tuple[GroupSpec, ...] = Field(
        (), max_length=32, description="Limits of sums over domains."
    )
    linear: tuple[LinearSpec, ...] = Field(
        (), max_length=32, description="Limits of weighted sums over domains."
    )
    max_repeats: DecimalString | None = Field(
        None,
        description="Epochs that the target run may make over a domain; caps its weight by its "
        "tokens. Left out: no cap.",
    )


class Target(Record):
    """The run that the mixture is for."""

    tokens: int = Field(gt=0, description="Manifest tokens of the target run.")
    parameters: int | None = Field(
        None, gt=0, description="Parameters of the target model; states the search's relative cost."
    )


class BaselineWeight(Record):
    """The weight of one domain in a named mixture."""

    domain: DomainName = Field(description="Name of the domain.")
    weight: Weight = Field(description="Share of tokens, 0 to 1; all weights sum to 1.")


class Baseline(Record):
    """A mixture that is trained for comparison. `natural` and `uniform` always are."""

    name: Name = Field(description="`natural`, `uniform`, or a name of your own.")
    mixture: tuple[BaselineWeight, ...] = Field(
        (), max_length=128, description="Weights of a baseline with a name of its own."
    )


class BenchmarkSpec(Record):
    """One benchmark of the objective."""

    name: Name = Field(description="Name of the benchmark.")
    source: Uri | None = Field(
        None, description="URI of its manifest; left out: the one that the corpus carries."
    )
    metric: Metric | None = Field(
        None, description="Its metric; must equal the manifest's. Left out: the manifest's."
    )
    weight: DecimalString = Field("1", description="Share of the objective before normalisation.")
    max_items: int | None = Field(
        None, ge=30, description="Items used of each half, at least 30; left out: all."
    )


class ConstraintSpec(Record):
    """Do no harm: a benchmark that the winner must not lose on."""

    benchmark: Name = Field(description="Name of the benchmark.")
    max_drop: DecimalString = Field(description="Largest loss, in the score's own unit.")
    relative_to: Name | None = Field(
        None, description="Baseline compared with; default: the objective's reference."
    )


class Objective(Record):
    """What is maximised."""

    scale: Literal["Normalized", "Raw"] = Field(
        "Normalized",
        description="Normalized: each score from chance (0) to perfect (1). Raw: as measured.",
    )
    reference: Name = Field(
        "natural", description="Baseline that gains are measured against; default natural."
    )
    benchmarks: tuple[BenchmarkSpec, ...] = Field(
        min_length=1, max_length=32, description="Benchmarks whose weighted mean is the objective."
    )
    constraints: tuple[ConstraintSpec, ...] = Field(
        (), max_length=32, description="Benchmarks that must not drop."
    )


class Acquisition(Record):
    """How the next mixtures are chosen under the surrogate."""

    name: Literal["UpperConfidenceBound", "LogNoisyExpectedImprovement"] = Field(
        "UpperConfidenceBound", description="Acquisition function; default UpperConfidenceBound."
    )
    beta: DecimalString = Field(
        "2", description="Exploration: mean + sqrt(beta) · sd is maximised; default 2."
    )


class Stop(Record):
    """Ends the search stage early."""

    patience: int = Field(16, ge=1, description="Last trials that must all have promised little.")
    min_improvement: DecimalString = Field(
        "0.001", description="Expected improvement below which a round promises little."
    )


class WarmStart(Record):
    """Earlier evidence. Not yet supported."""

    search: SearchName | None = Field(None, description="Name of a search of this namespace.")
    ledger: Uri | None = Field(None, description="URI prefix of a ledger.")
    ratios: Uri | None = Field(None, description="URI of a CSV table of mixtures.")
    metrics: Uri | None = Field(None, description="URI of a CSV table of their scores.")


class SearchSettings(Record):
    """How the space is searched."""

    max_trials: int = Field(
        64, ge=4, le=2000, description="Trials of the search stage; editable while it runs."
    )
    parallelism: int = Field(
        8, ge=0, le=64, description="Trials at once; 0 pauses. Editable while it runs."
    )
    initial_trials: int = Field(
        16, ge=2, le=2000, description="Trials of the design, baselines included."
    )
    seed: int = Field(0, ge=0, lt=2**53, description="Source of every random draw; default 0.")
    method: Literal["Bayesian", "Sobol", "Random"] = Field(
        "Bayesian", description="Bayesian, or quasi-random or random points; default Bayesian."
    )
    acquisition: Acquisition = Field(
        Acquisition(), description="Choice of the next mixtures under the surrogate."
    )
    stop: Stop | None = Field(None, description="Early stop; left out: all trials are made.")
    warm_start: tuple[WarmStart, ...] = Field(
        (), max_length=8, description="Earlier searches or tables. Not yet supported."
    )


class ProxyBase(Record):
    """The start that all trials share: exactly one of the two."""

    warmup_tokens: int | None = Field(
        None, gt=0, description="Tokens of a base that the search trains once."
    )
    mixture: Name = Field("natural", description="Baseline that the base is trained on.")
    checkpoint: Uri | None = Field(
        None, description="URI of a folder in the Hugging Face layout, with safetensors weights."
    )


class Proxy(Record):
    """The small model that stands for the target."""

    tokens: int = Field(gt=0, description="Manifest tokens of one trial.")
    simulate_epochs: bool = Field(
        False,
        description="Cut domains so that trials repeat data as the target will. Not yet supported.",
    )
    base: ProxyBase | None = Field(
        None, description="Shared start of all trials; left out: random weights."
    )
    trainer: TrainerConfig = Field(TrainerConfig(), description="Settings handed to the trainer.")
    job_template: dict[str, Any] = Field(
        default_factory=dict,
        description="batch/v1 JobTemplateSpec of a trial. Locally only `activeDeadlineSeconds` "
        "and `env` are used.",
    )
    keep_checkpoints: Literal["Winner", "All", "None"] = Field(
        "Winner", description="Which final checkpoints stay; default the arms' first seeds."
    )


class CaBundle(Record):
    """A certificate authority in a ConfigMap."""

    config_map: Name = Field(description="Name of the ConfigMap.")
    key: Name = Field("ca.crt", description="Key in it.")


class Storage(Record):
    """The object store that holds the ledger."""

    endpoint: Uri | None = Field(None, description="URL of the S3 endpoint.")
    region: Name = Field("us-east-1", description="Region; default us-east-1.")
    bucket: Name = Field("mixatlas", description="Bucket of the ledger; default mixatlas.")
    prefix: Annotated[str, StringConstraints(max_length=256)] = Field(
        "searches", description="Key prefix of all ledgers; default searches."
    )
    secret_name: Name | None = Field(
        None, description="Secret with the pods' credentials; left out: their own identity."
    )
    ca_bundle: CaBundle | None = Field(
        None, description="Certificate authority of the endpoint. Not yet supported."
    )


class Confirm(Record):
    """The confirmation of candidates on unseen seeds and items; editable while it runs."""

    candidates: int = Field(3, ge=1, le=16, description="Mixtures that may win; default 3.")
    seeds: int = Field(
        5, ge=2, le=64, description="Fresh seeds of each arm, at least 2; default 5."
    )


class Transfer(Record):
    """A check on a bigger model. Not yet supported."""

    proxy: dict[str, Any] = Field(default_factory=dict, description="Overrides of `spec.proxy`.")
    seeds: int = Field(3, ge=2, le=64, description="Fresh seeds of each arm; default 3.")


class Output(Record):
    """Where the winner goes; editable while it runs."""

    config_map: Name | None = Field(
        None, description="ConfigMap written on a cluster; default: NAME-mixture."
    )
    formats: tuple[Literal["energon", "llava-next", "megatron", "csv", "json"], ...] = Field(
        (), max_length=8, description="Further forms of the mixture."
    )
    job: dict[str, Any] | None = Field(
        None, description="Job started with the winner. Not yet supported."
    )


class Budget(Record):
    """Limits; editable while it runs."""

    gpu_hours: DecimalString | None = Field(
        None, description="GPU hours of the whole search, confirmation included; left out: none."
    )
    max_failed_trials: int = Field(
        12, ge=1, le=2000, description="Failed trials at which the search fails; default 12."
    )
    retries: int = Field(
        3, ge=0, le=20, description="Further attempts of a trial after failures; default 3."
    )


class MixtureSearchSpec(Record):
    """What to search, over what, and how."""

    corpus: CorpusSource = Field(description="The training data.")
    axes: tuple[Literal["concept", "task"], ...] = Field(
        ("concept", "task"), min_length=1, max_length=2, description="Axes that are searched."
    )
    space: SpaceSpec = Field(SpaceSpec(), description="Which mixtures are allowed.")
    target: Target | None = Field(None, description="The run that the mixture is for.")
    baselines: tuple[Baseline, ...] = Field(
        (), max_length=16, description="Mixtures for comparison, beside natural and uniform."
    )
    objective: Objective = Field(description="What is maximised.")
    search: SearchSettings = Field(SearchSettings(), description="How the space is searched.")
    proxy: Proxy = Field(description="The small model that stands for the target.")
    storage: Storage | None = Field(
        None, description="Object store of the ledger; left out: the operator's, or a local one."
    )
    confirm: Confirm = Field(Confirm(), description="The confirmation of candidates.")
    transfer: Transfer | None = Field(None, description="Not yet supported.")
    output: Output | None = Field(None, description="Where the winner goes.")
    budget: Budget = Field(Budget(), description="Limits of the search.")
    suspend: bool = Field(False, description="While true nothing new starts; default false.")
    suspend_mode: Literal["Drain", "Checkpoint"] = Field(
        "Drain", description="Drain: what runs goes on. Checkpoint is not yet supported."
    )
    conclude: Literal["Drain", "Now"] | None = Field(
        None, description="Drain: finish what runs, then confirm. Now: end without confirmation."
    )


class Metadata(Record):
    """Name and place of the search. Other Kubernetes metadata is kept by the cluster."""

    name: SearchName = Field(description="Name of the search, at most 40 characters.")
    namespace: Name | None = Field(None, description="Namespace; locally `default`.")
    labels: dict[str, str] = Field(default_factory=dict, description="Kubernetes labels.")
    annotations: dict[str, str] = Field(default_factory=dict, description="Kubernetes annotations.")
    generation: int | None = Field(None, description="Counted by the API server.")


class MixtureSearch(Record):
    """One search for the best mixture over a corpus."""

    api_version: Literal["mixatlas.dev/v1alpha1"] = Field(description="API version.")
    kind: Literal["MixtureSearch"] = Field(description="Kind.")
    metadata: Metadata = Field(description="Name and place.")
    spec: MixtureSearchSpec = Field(description="What to search.")
    status: dict[str, Any] | None = Field(None, description="Written by the operator.")

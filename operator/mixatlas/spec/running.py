"""The running half of the resource: search, proxy, storage, confirmation, output, budget."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from mixatlas.contract.canonical import DecimalString, Record
from mixatlas.contract.trainer_config import TrainerConfig
from mixatlas.spec.names import (
    BucketName,
    DataKey,
    Endpoint,
    KeyPrefix,
    Name,
    ObjectName,
    S3Uri,
    SearchName,
)


class Acquisition(Record):
    """How the next mixtures are chosen under the surrogate."""

    name: Literal["UpperConfidenceBound", "LogNoisyExpectedImprovement"] = Field(
        "UpperConfidenceBound",
        description="Acquisition function: what every third proposed mixture maximises. The "
        "others are the one with the best mean and a quasi-random one, in turn.",
    )
    beta: DecimalString = Field(
        "2",
        description="Exploration, at least 0, of UpperConfidenceBound: mean + sqrt(beta) · sd of "
        "the objective is maximised.",
    )


class Stop(Record):
    """Ends the search stage early (method Bayesian only). Editable while it runs."""

    patience: int = Field(
        16, ge=1, le=2000, description="How many of the last trials must all promise little."
    )
    min_improvement: DecimalString = Field(
        "0.001",
        description="Expected improvement below which a trial promises little, in units of the "
        "objective.",
    )


class WarmStart(Record):
    """Runs that were made elsewhere: exactly one form."""

    search: SearchName | None = Field(
        None,
        description="Name of a search of this namespace, locally of one beside this one, with the "
        "same store: its ledger is read when this search is accepted. Left out: another form is "
        "given.",
    )
    ledger: S3Uri | None = Field(
        None,
        description="URI prefix of an earlier search, `status.ledger`: those of its trials that "
        "this search would train from the same digest and image are taken as done, and count in "
        "`maxTrials`. The others are evidence: domains match by their `definition`, and how much "
        "they count is learnt. Left out: another form is given.",
    )
    ratios: S3Uri | None = Field(
        None,
        description="URI of a CSV table of mixtures, with a column `run`, the others named as "
        "this search's domains, concepts or tasks; evidence, as far as it is of use. Left out: "
        "another form is given.",
    )
    metrics: S3Uri | None = Field(
        None,
        description="URI of a CSV table of their scores, with a column `run`, the others named as "
        "this search's benchmarks; gains or losses. Left out: another form is given.",
    )


class SearchSettings(Record):
    """How the space is searched."""

    max_trials: int = Field(
        64,
        ge=4,
        le=2000,
        description="Trials of the search stage, replicates included; base and confirmation come "
        "on top. Editable while it runs.",
    )
    parallelism: int = Field(
        8, ge=0, le=64, description="Trials at once; 0 pauses. Editable while it runs."
    )
    initial_trials: int = Field(
        16, ge=2, le=2000, description="Trials of the initial design, baselines included."
    )
    seed: int = Field(0, ge=0, lt=2**53, description="Source of every random draw.")
    method: Literal["Bayesian", "Sobol", "Random"] = Field(
        "Bayesian",
        description="How trials after the design are chosen: by the surrogate (Bayesian), or as "
        "quasi-random (Sobol) or random points.",
    )
    acquisition: Acquisition = Field(
        Acquisition(), description="Choice of the next mixtures under the surrogate."
    )
    stop: Stop | None = Field(
        None,
        description="Early stop, for method Bayesian. Left out: all trials are made. Editable "
        "while it runs.",
    )
    warm_start: tuple[WarmStart, ...] = Field(
        (), max_length=8, description="Runs made elsewhere: taken as done, or evidence."
    )


class ProxyBase(Record):
    """The start that all trials share: exactly one of `warmupTokens` and `checkpoint`."""

    warmup_tokens: int | None = Field(
        None,
        gt=0,
        le=10**17,
        description="Manifest tokens of a base that the search trains once. Left out: "
        "`checkpoint` is given.",
    )
    mixture: Name = Field(
        "natural", description="Baseline on which such a base is trained, beside `warmupTokens`."
    )
    checkpoint: S3Uri | None = Field(
        None,
        description="URI of a folder in the Hugging Face layout, with safetensors weights. Left "
        "out: `warmupTokens` is given.",
    )


class Proxy(Record):
    """The small model that stands for the target."""

    tokens: int = Field(gt=0, le=10**17, description="Budget of one trial, manifest tokens.")
    simulate_epochs: bool = Field(
        False,
        description="Cut domains so that trials repeat data as the target will. true is not yet "
        "supported.",
    )
    base: ProxyBase | None = Field(
        None, description="Shared start of all trials. Left out: random weights."
    )
    trainer: TrainerConfig = Field(
        TrainerConfig(), description="Settings of the trainer; our own image checks all of them."
    )
    job_template: dict[str, Any] = Field(
        default_factory=dict,
        description="batch/v1 JobTemplateSpec of a trial. Locally only `activeDeadlineSeconds` "
        "and `env` are used. Left out: the chart's.",
    )
    keep_checkpoints: Literal["Winner", "All", "None"] = Field(
        "Winner",
        description="Which checkpoints stay when their trial has ended. Winner: of each arm of the "
        "confirmation the first seed's.",
    )


class CaBundle(Record):
    """A certificate authority in a ConfigMap."""

    config_map: ObjectName = Field(description="Name of the ConfigMap.")
    key: DataKey = Field("ca.crt", description="Key in it.")


class Storage(Record):
    """The object store that holds the ledger."""

    endpoint: Endpoint | None = Field(
        None,
        description="URL of the S3 endpoint. Left out: the operator's, or AWS_ENDPOINT_URL_S3.",
    )
    region: Name = Field("us-east-1", description="Region that requests are signed for.")
    bucket: BucketName = Field("mixatlas", description="Bucket of the ledger.")
    prefix: KeyPrefix = Field("searches", description="Key prefix of all ledgers.")
    secret_name: ObjectName | None = Field(
        None,
        description="Secret of the search's namespace with the pods' credentials "
        "(AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN). Left out: the identity "
        "of their ServiceAccount.",
    )
    ca_bundle: CaBundle | None = Field(
        None,
        description="Certificate authority of the endpoint, from a ConfigMap of the search's "
        "namespace. Locally AWS_CA_BUNDLE names a file instead. Left out: the operator's.",
    )


class Confirm(Record):
    """The confirmation of candidates on unseen seeds and items. Editable while it runs."""

    candidates: int = Field(3, ge=1, le=16, description="How many mixtures may win.")
    seeds: int = Field(5, ge=2, le=64, description="Fresh seeds of each arm, at least 2.")


class Transfer(Record):
    """A check on a bigger model. Not yet supported."""

    proxy: dict[str, Any] = Field(
        default_factory=dict, description="Overrides of `spec.proxy`. Left out: none."
    )
    seeds: int = Field(3, ge=2, le=64, description="Fresh seeds of each arm, at least 2.")


class Output(Record):
    """Where the winner goes. Editable while it runs."""

    config_map: ObjectName | None = Field(
        None, description="ConfigMap written on a cluster. Left out: NAME-mixture."
    )
    formats: tuple[Literal["energon", "llava-next", "megatron", "csv", "json"], ...] = Field(
        (),
        max_length=8,
        description="Further forms of the mixture. energon, llava-next and megatron are not yet "
        "supported.",
    )
    job: dict[str, Any] | None = Field(
        None,
        description="Job that a cluster starts once for each revision of the winner: a batch/v1 "
        "JobTemplateSpec. The mixture is mounted at /etc/mixatlas in every container, and "
        "MIXATLAS_MIXTURE names its file. Left out: none.",
    )


class Budget(Record):
    """Limits of the search. Editable while it runs."""

    gpu_hours: DecimalString | None = Field(
        None,
        description="GPU hours of the whole search, confirmation included, above 0. Left out: no "
        "limit.",
    )
    max_failed_trials: int = Field(
        12, ge=1, le=2000, description="Failed trials at which the search fails."
    )
    retries: int = Field(
        3, ge=0, le=20, description="Further attempts of a trial after counted failures."
    )

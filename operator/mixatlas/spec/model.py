"""The MixtureSearch resource. Outside names are camelCase; decimals are quoted strings."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from mixatlas.contract.canonical import Record
from mixatlas.spec.mixtures import Baseline, CorpusSource, Objective, SpaceSpec, Target
from mixatlas.spec.names import Name, Namespace, SearchName
from mixatlas.spec.running import Budget, Confirm, Output, Proxy, SearchSettings, Storage, Transfer

__all__ = ["Metadata", "MixtureSearch", "MixtureSearchSpec", "Name", "SearchSettings", "Storage"]


class MixtureSearchSpec(Record):
    """What to search, over what, and how."""

    corpus: CorpusSource = Field(description="The training data.")
    axes: tuple[Literal["concept", "task"], ...] = Field(
        ("concept", "task"),
        min_length=1,
        max_length=2,
        description="Axes that are searched. One alone makes a domain of each concept, or of each "
        "task, in which the natural shares of its `CONCEPT.TASK` cells stay; status and outputs "
        "name the cells.",
    )
    space: SpaceSpec = Field(SpaceSpec(), description="Which mixtures are allowed.")
    target: Target | None = Field(
        None, description="The run that the mixture is for. Left out: costs stay absolute."
    )
    baselines: tuple[Baseline, ...] = Field(
        (), max_length=16, description="Mixtures for comparison, beside natural and uniform."
    )
    objective: Objective = Field(description="What is maximised.")
    search: SearchSettings = Field(SearchSettings(), description="How the space is searched.")
    proxy: Proxy = Field(description="The small model that stands for the target.")
    storage: Storage | None = Field(
        None,
        description="Object store of the ledger. Left out: the operator's, or locally an embedded "
        "one.",
    )
    confirm: Confirm = Field(
        Confirm(),
        description="The confirmation of candidates on unseen seeds and items. Editable while it "
        "runs.",
    )
    transfer: Transfer | None = Field(
        None, description="A check on a bigger model. Not yet supported. Left out: none."
    )
    output: Output | None = Field(
        None,
        description="Where the winner goes. Left out: status and ledger only. Editable while it "
        "runs.",
    )
    budget: Budget = Field(Budget(), description="Limits of the search. Editable while it runs.")
    suspend: bool = Field(False, description="Whether nothing new starts. Editable while it runs.")
    suspend_mode: Literal["Drain", "Checkpoint"] = Field(
        "Drain",
        description="While suspended, Drain: what runs goes on. Checkpoint: running trials store "
        "a checkpoint and end, and go on from it later. Editable while it runs.",
    )
    conclude: Literal["Drain", "Now"] | None = Field(
        None,
        description="Drain: finish what runs, then confirm. Now: end without confirmation. Left "
        "out: all trials are made. Editable while it runs.",
    )


class Metadata(Record):
    """Name and place of the search. Other Kubernetes metadata is kept by the cluster."""

    name: SearchName = Field(
        description="Name of the search, at most 40 characters, so that Job names stay under 63."
    )
    namespace: Namespace | None = Field(
        None, description="Namespace on a cluster. Left out: the current one; locally `default`."
    )
    labels: dict[str, str] = Field(
        default_factory=dict, description="Kubernetes labels. Left out: none."
    )
    annotations: dict[str, str] = Field(
        default_factory=dict, description="Kubernetes annotations. Left out: none."
    )
    generation: int | None = Field(
        None, ge=0, description="Counted by the API server. Left out: 0."
    )


class MixtureSearch(Record):
    """One search for the best mixture over a corpus."""

    api_version: Literal["mixatlas.dev/v1alpha1"] = Field(
        description="Group and version of the resource."
    )
    kind: Literal["MixtureSearch"] = Field(description="Kind of the resource.")
    metadata: Metadata = Field(description="Name and place of the search.")
    spec: MixtureSearchSpec = Field(description="What to search, over what, and how.")
    status: dict[str, Any] | None = Field(
        None, description="What the operator reports; never read. Left out: nothing yet."
    )

    @property
    def config_map(self) -> str | None:
        """Name of the winner's ConfigMap, None where the document asks for none."""
        output = self.spec.output
        if output is None:
            return None
        return output.config_map or f"{self.metadata.name}-mixture"

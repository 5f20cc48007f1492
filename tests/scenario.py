"""A whole search on fakes: its documents in a memory store, and a world that can be restarted."""

from __future__ import annotations

from dataclasses import dataclass, field

import yaml

from fakes import (
    InstantProposer,
    MemoryStore,
    RecordingSink,
    Script,
    ScriptedRunner,
    VirtualClock,
    always_ok,
)
from mixatlas.contract.canonical import sha256_hex
from mixatlas.contract.manifest import (
    BenchmarkEntry,
    BenchmarkManifest,
    CorpusManifest,
    Domain,
    ItemShard,
    Shard,
    TokenizerRef,
)
from mixatlas.contract.metrics import Metric
from mixatlas.driver.accept import accept
from mixatlas.driver.driver import Driver, Ports
from mixatlas.plan.observed import Observed
from mixatlas.report.exports import trials_json
from mixatlas.report.tables import trial_rows
from mixatlas.spec.load import load_search
from mixatlas.spec.model import MixtureSearch

ROOT = "s3://mixatlas/searches/default/golden/uid"
DOCUMENT = """\
apiVersion: mixatlas.dev/v1alpha1
kind: MixtureSearch
metadata: {name: golden}
spec:
  corpus: {manifest: s3://corpora/golden/manifest.json}
  objective: {benchmarks: [{name: first}, {name: second}]}
  search: {maxTrials: 8, parallelism: 2, initialTrials: 4, seed: 5}
  proxy:
    tokens: 10000
    base: {warmupTokens: 20000}
    trainer: {model: {config: {}}, globalBatchTokens: 100}
  confirm: {candidates: 1, seeds: 2}
  budget: {retries: 1}
"""


def a_corpus(store: MemoryStore) -> None:
    """Put the manifests of a corpus of four domains and two benchmarks into a store."""
    benchmarks = []
    for name in ("first", "second"):
        manifest = BenchmarkManifest(
            name=name,
            metric=Metric.TOKEN_NLL,
            chance=2.5,
            items=80,
            shards=(ItemShard(url="items.tar", sha256="1" * 64, items=80),),
        )
        uri = f"benchmarks/{name}/manifest.json"
        store.objects[f"s3://corpora/golden/{uri}"] = manifest.to_bytes()
        benchmarks.append(
            BenchmarkEntry(name=name, manifest=uri, sha256=sha256_hex(manifest.to_bytes()))
        )
    cells = (("chart", "caption"), ("chart", "vqa"), ("photo", "caption"), ("photo", "vqa"))
    corpus = CorpusManifest(
        domains=tuple(
            Domain(
                name=f"{concept}.{task}",
                definition=sha256_hex(concept.encode()),
                content=sha256_hex(task.encode()),
                concept=concept,
                task=task,  # type: ignore[arg-type]
                samples=1000,
                tokens=10_000 * (i + 1),
                supervised_tokens=1000,
                shards=(
                    Shard(
                        url=f"{i}.tar",
                        sha256="2" * 64,
                        bytes=1,
                        samples=1000,
                        tokens=10_000 * (i + 1),
                    ),
                ),
            )
            for i, (concept, task) in enumerate(cells)
        ),
        tokenizer=TokenizerRef(url="tokenizer", sha256="3" * 64),
        image_tokens=16,
        benchmarks=tuple(benchmarks),
    )
    store.objects["s3://corpora/golden/manifest.json"] = corpus.to_bytes()


def a_document(**changes: object) -> MixtureSearch:
    """Return the golden document with changes by dotted path below `spec`."""
    plain = yaml.safe_load(DOCUMENT)
    for path, value in changes.items():
        here = plain["spec"]
        *parents, last = path.split("__")
        for part in parents:
            here = here.setdefault(part, {})
        here[last] = value
    return load_search(yaml.safe_dump(plain, sort_keys=False))


@dataclass
class World:
    """Everything outside the driver's process; it survives a crash.

    Args:
        search: The document; replace it to edit a running search.
        uid: Of the search: another one is another search of the same name.
        script: What trainers do.
    """

    search: MixtureSearch = field(default_factory=a_document)
    script: Script = always_ok
    store: MemoryStore = field(default_factory=MemoryStore)
    sink: RecordingSink = field(default_factory=RecordingSink)
    proposer: InstantProposer = field(default_factory=InstantProposer)
    clock: VirtualClock = field(default_factory=VirtualClock)
    slots: int = 2
    uid: str = "uid00"

    def __post_init__(self) -> None:
        a_corpus(self.store)
        self.runner = ScriptedRunner(self.store, self.script)
        self.fuse = self.runner.fuse = self.sink.fuse = self.store.fuse

    def driver(self) -> Driver:
        """Return a driver with an empty memory, as after a restart."""
        accepted = accept(
            self.store, self.search, uid=self.uid, root=self.root, image=self.runner.image_id
        )
        ports = Ports(
            store=self.store,
            runner=self.runner,
            proposer=self.proposer,
            sink=self.sink,
            clock=self.clock,
        )
        return Driver(
            accepted,
            ports,
            live=lambda: self.search,
            slots=self.slots,
            render=lambda observed: b"a report",
        )

    @property
    def root(self) -> str:
        """The prefix of the search's ledger."""
        return ROOT if self.uid == "uid00" else f"{ROOT}-{self.uid}"

    def run(self) -> Observed:
        """Run the search to its end."""
        return self.driver().run()


def stable(observed: Observed) -> str:
    """Return what a repeated run must repeat, as text."""
    return trials_json(trial_rows(observed), is_stable=True)

"""A small local search: its document, its corpus in the embedded store, and running it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mixatlas.corpus import push
from mixatlas.local.place import open_store
from mixatlas.local.search import Ended, LocalRun, run_search
from mixatlas.local.state import StateFolder
from mixatlas.spec.load import load_search
from mixatlas.spec.model import MixtureSearch
from small_corpus import make_corpus

SCRIPTED = "scripted_trainer:main"

DOCUMENT = """\
apiVersion: mixatlas.dev/v1alpha1
kind: MixtureSearch
metadata: {name: small}
spec:
  corpus: {manifest: s3://corpora/small/manifest.json}
  target: {tokens: 1000000000, parameters: 1000000000}
  objective:
    benchmarks: [{name: squares}, {name: stripes}]
  search: {maxTrials: MAX_TRIALS, parallelism: PARALLELISM, initialTrials: 5, seed: 3}
  proxy:
    tokens: 400
    trainer:
      model: {config: MODEL}
      sequenceLength: 64
      globalBatchTokens: 100
      learningRate: "0.003"
      trainable: [projector, language, vision]
    jobTemplate: {spec: {template: {spec: {containers: [{name: trainer, env: ENV}]}}}}
  confirm: {candidates: 2, seeds: 3}
  budget: {retries: 1}
"""


@dataclass
class QuietSink:
    """Keeps what it is told."""

    statuses: list[dict[str, Any]] = field(default_factory=list)
    events: list[tuple[str, str]] = field(default_factory=list)

    def write(self, status: Any) -> None:
        self.statuses.append(dict(status))

    def event(self, reason: str, message: str) -> None:
        self.events.append((reason, message))


def document(
    *, max_trials: int = 9, parallelism: int = 2, script: str = "", model: str = "{}"
) -> str:
    """Return the document of the small search."""
    env = f'[{{name: SCRIPT, value: "{script}"}}]' if script else "[]"
    text = DOCUMENT.replace("MAX_TRIALS", str(max_trials)).replace("MODEL", model)
    return text.replace("PARALLELISM", str(parallelism)).replace("ENV", env)


def prepare(folder: Path, text: str) -> tuple[MixtureSearch, StateFolder]:
    """Write the document, pack its corpus, and push it into the search's own store."""
    path = folder / "search.yaml"
    path.write_text(text)
    search = load_search(text, filename=str(path))
    state = StateFolder.of(path, search.metadata.name, None)
    make_corpus(folder)
    with open_store(search, state) as (store, _):
        store.ensure_bucket("corpora")
        push(folder / "corpus", "s3://corpora/small", store)
    return search, state


def run(search: MixtureSearch, state: StateFolder, sink: QuietSink, entry: str = SCRIPTED) -> Ended:
    """Run the search with the scripted trainer."""
    return run_search(LocalRun(search=search, state=state, sink=sink, entry=entry))

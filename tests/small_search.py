"""A small local search: its document, its corpus in the embedded store, and running it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
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
TESTS = Path(__file__).resolve().parent
RUN = """
import sys
from functools import partial
import mixatlas.cli.running, mixatlas.local.search
entry = sys.argv.pop(1)
mixatlas.cli.running.LocalRun = partial(mixatlas.local.search.LocalRun, entry=entry)
from mixatlas.cli import main
main()
"""
"""The real command line, with a trainer of the test's choice."""

_TOWER = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 2}
SMALL_MODEL = json.dumps(
    {
        "vision_config": {
            "model_type": "siglip_vision_model",
            **_TOWER,
            "num_hidden_layers": 1,
            "image_size": 16,
            "patch_size": 8,
            "vision_use_head": False,
        },
        "text_config": {
            "model_type": "qwen2",
            **_TOWER,
            "num_hidden_layers": 1,
            "num_key_value_heads": 2,
            "vocab_size": 32,
            "max_position_embeddings": 64,
            "pad_token_id": 0,
            "bos_token_id": 1,
            "eos_token_id": 2,
        },
        "image_token_index": 3,
        "vision_feature_layer": -1,
        "vision_feature_select_strategy": "full",
    }
)
"""A LLaVA of a few thousand weights for `small_corpus`'s pictures."""

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
    base: {warmupTokens: 300}
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
    *,
    max_trials: int = 9,
    parallelism: int = 2,
    script: str = "",
    model: str = "{}",
    warm_start: str = "",
    axes: str = "",
) -> str:
    """Return the document of the small search; `warm_start` is the ledger of an earlier one.

    `axes` are both where none are given.
    """
    env = f'[{{name: SCRIPT, value: "{script}"}}]' if script else "[]"
    text = DOCUMENT.replace("MAX_TRIALS", str(max_trials)).replace("MODEL", model)
    if axes:
        text = text.replace("  target:", f"  axes: [{axes}]\n  target:")
    if warm_start:
        text = text.replace("seed: 3", f"seed: 3, warmStart: [{{ledger: '{warm_start}'}}]")
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


def run_command(
    folder: Path, *arguments: str, entry: str = SCRIPTED, environment: dict[str, str] | None = None
) -> subprocess.Popen[str]:
    """Start `mixatlas ARGUMENTS` in a folder, as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", RUN, entry, *arguments],
        cwd=folder,
        env={**(environment or os.environ), "PYTHONPATH": str(TESTS)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )

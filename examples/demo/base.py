"""Train the demo's shared base: a small model that reads, names and points a little.

`python examples/demo/base.py build/demo` reads `base-corpus/` and `corpus/` there and leaves
`base/`, a checkpoint in the Hugging Face layout. It runs our own trainer on a trial file, as any
search does. Whether a model of this size learns to read is partly luck: its scores are held
against a floor, and another seed is tried when they are below it.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from demo_corpus.domains import BASE_WEIGHTS
from mixatlas.contract.canonical import sha256_hex
from mixatlas.contract.manifest import BenchmarkManifest, CorpusManifest
from mixatlas.contract.mixture import Mixture
from mixatlas.contract.result import TrialResult
from mixatlas.contract.seeds import seed_for
from mixatlas.contract.trainer_config import ModelConfig, TrainerConfig
from mixatlas.contract.trial import BenchmarkRef, CorpusRef, DomainWeight, Purpose, TrialFile

SEARCH_SEED = 7
TOKENS = 3_600_000
MAX_SEEDS = 3
CEILING_BITS = {"TextRead": 1.5, "DocQA": 1.5}
"""A base is refused above these: one that has not learnt to read labels ends at 2.2 and more."""

WIDTH, LAYERS, HEADS = 96, 2, 4
_NOT_MODEL = ("checkpoint.json", "optimizer.safetensors", "training.json")


def model_config(vocabulary_size: int, image_token: int) -> dict[str, Any]:
    """Return the proxy's architecture: a LLaVA of 0.46 million parameters."""
    tower = {"hidden_size": WIDTH, "intermediate_size": 2 * WIDTH, "num_attention_heads": HEADS}
    return {
        "vision_config": {
            "model_type": "siglip_vision_model",
            **tower,
            "num_hidden_layers": LAYERS,
            "image_size": 48,
            "patch_size": 12,
            "vision_use_head": False,
        },
        "text_config": {
            "model_type": "qwen2",
            **tower,
            "num_hidden_layers": LAYERS,
            "num_key_value_heads": HEADS,
            "vocab_size": vocabulary_size,
            "max_position_embeddings": 128,
            "tie_word_embeddings": True,
            "pad_token_id": 0,
            "bos_token_id": 1,
            "eos_token_id": 2,
        },
        "image_token_index": image_token,
        "vision_feature_layer": -1,
        "vision_feature_select_strategy": "full",
        "tie_word_embeddings": True,
    }


def trainer_config(model: dict[str, Any] | None) -> TrainerConfig:
    """Return the settings that base and trials share; about 32 samples are a batch."""
    return TrainerConfig(
        model=ModelConfig(config=model) if model else None,
        sequence_length=128,
        global_batch_tokens=750,
        micro_batch=64,
        learning_rate="0.003",
        warmup="0.05",
        weight_decay="0.02",
        gradient_clip="1",
        trainable=("projector", "language", "vision"),
    )


def base_trial(build: Path, work: Path, *, k: int) -> TrialFile:
    """Return the trial file of the base.

    Args:
        build: Folder of `base-corpus/` and `corpus/`.
        work: Where the trainer writes.
        k: Number of the seed tried.
    """
    corpus = build / "base-corpus" / "manifest.json"
    words = json.loads((build / "base-corpus/tokenizer/tokenizer.json").read_bytes())
    vocabulary = words["model"]["vocab"]
    mixture = Mixture.nearest(BASE_WEIGHTS)
    return TrialFile(
        trial=0,
        purpose=Purpose.BASE,
        mixture=tuple(DomainWeight(domain=name, ppm=ppm) for name, ppm in mixture.parts),
        seed=seed_for(SEARCH_SEED, "base", k),
        tokens=TOKENS,
        corpus=CorpusRef(manifest=str(corpus), sha256=sha256_hex(corpus.read_bytes())),
        base=None,
        benchmarks=benchmark_refs(build / "corpus"),
        part="search",
        trainer=trainer_config(model_config(len(vocabulary), vocabulary["<image>"])),
        attempts=str(work / "attempts"),
        checkpoints=str(work / "checkpoints"),
        keep_checkpoint=True,
    )


def benchmark_refs(corpus: Path) -> tuple[BenchmarkRef, ...]:
    """Return the benchmarks that a packed corpus carries."""
    manifest = CorpusManifest.model_validate_json((corpus / "manifest.json").read_bytes())
    refs = []
    for entry in manifest.benchmarks:
        path = corpus / entry.manifest
        benchmark = BenchmarkManifest.model_validate_json(path.read_bytes())
        refs.append(
            BenchmarkRef(
                name=entry.name, manifest=str(path), sha256=entry.sha256, metric=benchmark.metric
            )
        )
    return tuple(refs)


def run_trainer(trial: TrialFile, work: Path, *, threads: int) -> TrialResult:
    """Run our trainer on a trial file, as a process of its own; one that ended is read again.

    What an interrupted run left in `work` is gone on with from its newest checkpoint.

    Raises:
        SystemExit: It ended without a result; its log was printed.
    """
    result = Path(trial.attempts) / "local" / "result.json"
    if result.exists():
        return TrialResult.model_validate_json(result.read_bytes())
    path = work / "trial.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(trial.to_bytes())
    environment = {
        **os.environ,
        "MIXATLAS_TRIAL": str(path),
        "MIXATLAS_TRIAL_DIGEST": trial.digest,
        "MIXATLAS_ATTEMPT": "1",
        "MIXATLAS_POD_UID": "local",
        "MIXATLAS_TERMINATION_LOG": str(work / "termination.txt"),
        "OMP_NUM_THREADS": str(threads),
    }
    ended = subprocess.run([sys.executable, "-m", "mixatlas_trainer"], env=environment)
    if ended.returncode != 0:
        raise SystemExit(f"the trainer ended with exit code {ended.returncode}")
    return TrialResult.model_validate_json(result.read_bytes())


def bits(result: TrialResult) -> dict[str, float]:
    """Return each benchmark's bits an answer token."""
    return {name: score.value / math.log(2) for name, score in result.benchmarks.items()}


def is_good(scores: dict[str, float]) -> bool:
    """Tell whether a base has learnt what trials build upon."""
    return all(scores[name] <= ceiling for name, ceiling in CEILING_BITS.items())


def main() -> None:
    """Train the base, unless it is there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("build", type=Path, help="folder that holds base-corpus/ and corpus/")
    # The matrices are small: two threads were no faster, 12 times slower on a busy machine, where
    # one waits for the other, and sum in another order.
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    build = arguments.build.resolve()
    if (build / "base").exists():
        return
    for k in range(MAX_SEEDS):
        work = build / f"base-training-{k}"
        result = run_trainer(base_trial(build, work, k=k), work, threads=arguments.threads)
        scores = bits(result)
        print(f"base {k}: " + ", ".join(f"{name} {value:.3f}" for name, value in scores.items()))
        if result.checkpoint is not None and is_good(scores):
            keep_model(Path(result.checkpoint.uri), build / "base")
            shutil.rmtree(work)
            return
    raise SystemExit(f"no base of {MAX_SEEDS} learnt to read; bits must be {CEILING_BITS}")


def keep_model(checkpoint: Path, folder: Path) -> None:
    """Copy the model out of a checkpoint, without what only resuming needs."""
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(checkpoint, partial, ignore=shutil.ignore_patterns(*_NOT_MODEL))
    partial.rename(folder)


if __name__ == "__main__":
    main()

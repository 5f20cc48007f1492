"""What the trainer costs beside the arithmetic: speed, memory, exactness of the mixture.

    python benchmarks/trainer.py [--tokens N] [--repeat N]

1. Tokens a second of the whole training path (shards, mixing, decoding, tokenizing, checkpoints,
   progress) against a bare loop of the same model, shapes and threads over batches collated
   before; alternating, the median of the pairs' ratios. Goal: at least 0.97. Beside the wall
   time: CPU of the training thread alone, and of all (batches are made in a process of their
   own, which needs part of a second core).
2. Memory of the data path on a corpus and on 100 times as many shards. Goal: flat.
3. The largest |t_d − w_d·T| / c_max over random mixtures with samples of 5 to 500 tokens. The
   contract's bound is 2, the proof's is 1.

Prints a table and writes build/benchmarks/trainer.json.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import json
import platform
import random
import resource
import shutil
import statistics
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from mixatlas.contract.canonical import sha256_hex
from mixatlas.contract.manifest import CorpusManifest, Shard
from mixatlas.contract.mixture import PPM, largest_remainder
from mixatlas.contract.trial import TrialFile
from mixatlas_trainer.attempt import Attempt
from mixatlas_trainer.batches import open_streams
from mixatlas_trainer.cache import Cache
from mixatlas_trainer.checkpoint import CheckpointStore
from mixatlas_trainer.feed import ReadyBatch, make_ready
from mixatlas_trainer.loading import Loader
from mixatlas_trainer.mixing import Mixer
from mixatlas_trainer.objects import Objects
from mixatlas_trainer.settings import Settings
from mixatlas_trainer.stop import Stop
from mixatlas_trainer.stream import ShardOpener
from mixatlas_trainer.train import BETAS, Training
from trainer_builders import build_corpus, build_trial, model_config
from trainer_builders import environ_of as environ_for

DOMAINS = {
    f"{concept}.{task}": 300
    for concept in ("animal", "chart", "document", "object", "screen")
    for task in ("caption", "detection", "ocr", "vqa")
}
EDGE = 48  # 16 image tokens, as in the demo
CHECKPOINT_EVERY = 12_000  # tokens; ten in a trial of the demo
GOAL = 0.97


def demo_trial(root: Path, tokens: int) -> TrialFile:
    """A trial of the demo's shapes: 0.46 M parameters, 25 tokens a sample, batches of 32."""
    corpus = build_corpus(root / "corpus", DOMAINS, edge=EDGE, words=(0, 8))
    return build_trial(
        corpus,
        root,
        tokens=tokens,
        part="none",
        model={"config": model_config(96, layers=2, edge=EDGE)},
        globalBatchTokens=800,
        microBatch=64,
        checkpointEveryTokens=CHECKPOINT_EVERY,
    )


def clocks() -> tuple[float, float, float]:
    """Return wall time, and CPU time of this thread and of all with the feed's, in seconds."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    total = time.process_time() + ended.ru_utime + ended.ru_stime
    return time.perf_counter(), time.thread_time(), total


def since(started: tuple[float, float, float]) -> tuple[float, ...]:
    """Return how far the clocks have gone."""
    return tuple(now - then for now, then in zip(clocks(), started, strict=True))


def time_trainer(trial: TrialFile, root: Path) -> tuple[float, ...]:
    """Train by the trainer's own path; return the clocks of the training phase."""
    objects = Objects({})
    settings = Settings.read(environ_for(trial, root))
    work = Path(tempfile.mkdtemp(dir=root))
    attempt = Attempt(settings, trial, objects, stop=Stop(), work=work)
    loaded = attempt._loader.load(attempt._opener, attempt._checkpoints)
    started = clocks()
    attempt._train(loaded)
    took = since(started)
    attempt._checkpoints.close()
    attempt._opener.close()
    attempt._progress.close()
    shutil.rmtree(root / "checkpoints")
    shutil.rmtree(work)
    return took


def collated(trial: TrialFile, root: Path) -> tuple[Training, list[ReadyBatch]]:
    """Build the model and collate every batch of a trial."""
    objects = Objects({})
    cache = Cache(root / "cache", 1 << 40, objects)
    opener = ShardOpener(cache, trial.corpus.manifest)
    work = Path(tempfile.mkdtemp(dir=root))
    checkpoints = CheckpointStore(objects, trial, pod_uid="bare", work=work)
    loaded = Loader(trial, objects, cache, work=work).load(opener, checkpoints)
    batches, total = [], 0
    while total < trial.tokens:
        batch = loaded.streams.planner.next_batch()
        total = batch.total
        batches.append(make_ready(batch, loaded.collator, trial.trainer.micro_batch))
    opener.close()
    checkpoints.close()
    return loaded.training, batches


def time_bare(trial: TrialFile, root: Path) -> tuple[float, ...]:
    """Train by the shortest loop that does the same arithmetic; return its clocks."""
    training, batches = collated(trial, root)
    model, parameters = training.model, training.parameters
    optimizer = torch.optim.AdamW(parameters, lr=1e-3, betas=BETAS, fused=True)
    model.model.train()
    started = clocks()
    for batch in batches:
        n_supervised = batch.supervised.total()
        for micro in batch.micro:
            (model.token_losses(micro).nats_k.sum() / n_supervised).backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()
    return since(started)


def measure_speed(root: Path, tokens: int, repeat: int) -> dict[str, Any]:
    """Alternate the two, so that a machine that slows down hits both."""
    trial = demo_trial(root, tokens)
    time_trainer(trial, root)  # warm-up: kernels, page cache
    rows = []
    for _ in range(repeat):
        ours, bare = time_trainer(trial, root), time_bare(trial, root)
        wall, thread, total = (b / o for b, o in zip(bare, ours, strict=True))
        rows.append(
            {
                "trainerTokensPerSecond": tokens / ours[0],
                "bareTokensPerSecond": tokens / bare[0],
                "ratio": wall,
                "threadRatio": thread,
                "totalRatio": total,
            }
        )
    medians = {
        key: statistics.median(row[key] for row in rows)
        for key in ("ratio", "threadRatio", "totalRatio")
    }
    return {"pairs": rows, "median": medians, "peakResidentBytes": peak_resident()}


def repeat_shards(source: Path, target: Path, times: int) -> None:
    """Write a corpus whose shards are those of another one, `times` over under other names.

    A byte behind the end of the archive makes each copy a file of its own.
    """
    manifest = CorpusManifest.model_validate_json((source / "manifest.json").read_bytes())
    shutil.copytree(source / "tokenizer", target / "tokenizer")
    domains = []
    for domain in manifest.domains:
        shards: list[Shard] = []
        for copy in range(times):
            for shard in domain.shards:
                content = (source / shard.url).read_bytes() + copy.to_bytes(4, "big")
                url = f"{domain.name}/{copy}-{Path(shard.url).name}"
                (target / url).parent.mkdir(parents=True, exist_ok=True)
                (target / url).write_bytes(content)
                told = {"url": url, "sha256": sha256_hex(content), "bytes": len(content)}
                shards.append(shard.model_copy(update=told))
        told_domain = {
            "shards": tuple(shards),
            "samples": domain.samples * times,
            "tokens": domain.tokens * times,
        }
        domains.append(domain.model_copy(update=told_domain))
    whole = manifest.model_copy(update={"domains": tuple(domains)})
    (target / "manifest.json").write_bytes(whole.to_bytes())


def data_path_peak(root: Path, trial: TrialFile) -> dict[str, int]:
    """Stream a trial's samples with their images; return traced bytes and open shards.

    The manifest itself is left out: it is one line a shard, and held once.
    """
    objects = Objects({})
    opener = ShardOpener(Cache(root / "cache", 1 << 40, objects), trial.corpus.manifest)
    manifest = CorpusManifest.model_validate_json(objects.read(trial.corpus.manifest))
    open_before = n_open_files()
    tracemalloc.start()
    planner = open_streams(trial, manifest, opener).planner
    total = most_open = 0
    while total < trial.tokens:
        batch = planner.next_batch()
        total = batch.total
        for sample in batch.samples:
            sample.shard.image(sample.index)
        most_open = max(most_open, n_open_files() - open_before)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    opener.close()
    return {"peakBytes": peak, "mostOpenFiles": most_open}


def n_open_files() -> int:
    """Return the number of open files of this process."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def measure_memory(root: Path, times: int) -> dict[str, Any]:
    """Run the same trial on a corpus and on one of `times` its shards."""
    small = build_corpus(root / "small", dict.fromkeys(DOMAINS, 30), edge=EDGE, shards=2)
    repeat_shards(small.root, root / "large", times)
    rows = {}
    for name in ("small", "large"):
        content = (root / name / "manifest.json").read_bytes()
        trial = build_trial(small, root, tokens=60_000, globalBatchTokens=800)
        told = {"manifest": str(root / name / "manifest.json"), "sha256": sha256_hex(content)}
        corpus = trial.corpus.model_copy(update=told)
        rows[name] = data_path_peak(root, trial.model_copy(update={"corpus": corpus}))
    rows["growth"] = rows["large"]["peakBytes"] / rows["small"]["peakBytes"]  # type: ignore[assignment]
    return {"times": times, **rows}


def measure_mixing(n_mixtures: int, n_samples: int) -> dict[str, Any]:
    """Return the largest deviation from the weights at any prefix, in longest samples."""
    rng = random.Random(0)  # noqa: S311  a benchmark, not a secret
    worst = 0.0
    for _ in range(n_mixtures):
        n_domains = rng.randint(2, 64)
        shares = {str(d): rng.gammavariate(rng.choice((0.1, 0.3, 1, 3)), 1) + 1e-9
                  for d in range(n_domains)}  # fmt: skip
        ppm = list(largest_remainder(shares).values())
        lengths = [[rng.randint(5, 500) for _ in range(64)] for _ in ppm]
        # Domains of short and of long samples side by side are the hard case.
        for row in lengths[::2]:
            row[:] = [rng.randint(5, 20) for _ in row]
        c_max = max(max(row) for row in lengths)
        mixer, drawn = Mixer(ppm), [0] * n_domains
        for _ in range(n_samples):
            domain, _ = mixer.take(lambda d, n=drawn, of=lengths: of[d][n[d] % 64])
            drawn[domain] += 1
            for d, taken in enumerate(mixer.taken):
                worst = max(worst, abs(taken * PPM - ppm[d] * mixer.total) / (PPM * c_max))
    return {"mixtures": n_mixtures, "samplesEach": n_samples, "largestDeviation": worst}


def peak_resident() -> int:
    """Return the process's peak resident bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=int, default=120_000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("build/benchmarks/trainer.json"))
    arguments = parser.parse_args()
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        speed = measure_speed(root / "speed", arguments.tokens, arguments.repeat)
        memory = measure_memory(root / "memory", 100)
    mixing = measure_mixing(200, 2000)
    versions = {"python": platform.python_version(), "torch": torch.__version__}
    told = {"speed": speed, "memory": memory, "mixing": mixing, "versions": versions}
    for row in speed["pairs"]:
        print(
            f"trainer {row['trainerTokensPerSecond']:8.0f} tokens/s   "
            f"bare {row['bareTokensPerSecond']:8.0f}   ratio {row['ratio']:.3f}   "
            f"CPU: thread {row['threadRatio']:.3f}, total {row['totalRatio']:.3f}"
        )
    median = speed["median"]
    print(
        f"median ratio {median['ratio']:.3f} (goal {GOAL}), CPU: thread "
        f"{median['threadRatio']:.3f}, total {median['totalRatio']:.3f}; "
        f"peak resident {speed['peakResidentBytes'] / 1e6:.0f} MB"
    )
    for name in ("small", "large"):
        print(
            f"data path, {name} corpus: {memory[name]['peakBytes'] / 1e6:.2f} MB, "
            f"{memory[name]['mostOpenFiles']} files open"
        )
    print(f"largest |t_d - w_d T| / c_max: {mixing['largestDeviation']:.3f} (bound 2, proven 1)")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""A trainer without torch: scores follow from mixture and seed alone, by a known formula.

It keeps the whole contract (trial file, digest, items.csv, result.json last), so a search with
it takes seconds and can be killed anywhere. `SCRIPT` in the environment changes its course:
`fail=N,M` ends trials N and M with code 1, `refuse=N` with 43, `slow=S` sleeps S seconds first.
"""

from __future__ import annotations

import csv
import hashlib
import io
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache

import numpy as np

from mixatlas.adapters.s3 import S3Store, settings_from
from mixatlas.contract.canonical import sha256_hex
from mixatlas.contract.manifest import BenchmarkManifest
from mixatlas.contract.result import (
    ITEMS_HEADER,
    Checkpoint,
    DomainUse,
    Score,
    StoredObject,
    TrialResult,
)
from mixatlas.contract.trial import BenchmarkRef, TrialFile

N_ITEMS = 40
_open_store = lru_cache(S3Store)
"""Many trainers may be threads of one process, and a connection costs more than a trial here."""


def main(environ: Mapping[str, str], pause: Callable[[float], bool | None] = time.sleep) -> int:
    """Run one scripted trial.

    Args:
        environ: As a trainer's.
        pause: Waits some seconds, or tells sooner that the trial was asked to end.
    """
    # Of the pod, which may be a thread of a process that has other credentials or none.
    keys = (environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY"))
    place = settings_from(environ, None, "us-east-1")
    store = _open_store(replace(place, access_key=keys[0], secret_key=keys[1]))
    content = store.get(environ["MIXATLAS_TRIAL"])
    if content is None:
        return 43
    trial = TrialFile.model_validate_json(content)
    if trial.digest != environ["MIXATLAS_TRIAL_DIGEST"]:
        return 43
    script = dict(part.split("=") for part in environ.get("SCRIPT", "").split(";") if part)
    if "slow" in script and pause(float(script["slow"])):
        return 143
    for word, code in (("fail", 1), ("refuse", 43)):
        if str(trial.trial) in script.get(word, "").split(","):
            print(f"scripted to end with {code}")
            return code
    prefix = f"{trial.attempts}/{environ['MIXATLAS_POD_UID']}"
    items, scores = _score(store, trial)
    store.put(f"{prefix}/items.csv", items)
    store.put(f"{prefix}/log.txt", f"trial {trial.trial}\n".encode())
    result = TrialResult(
        trial_digest=trial.digest,
        attempt=int(environ["MIXATLAS_ATTEMPT"]),
        outcome="ok",
        benchmarks=scores,
        train_loss=1.0,
        domains={
            weight.domain: DomainUse(
                tokens=trial.tokens * weight.ppm // 1_000_000,
                supervised_tokens=1,
                samples=1,
                epochs=1.0,
                loss=1.0,
            )
            for weight in trial.mixture
        },
        seconds=1.0,
        gpu_seconds=1.0,
        flops=1e9,
        peak_memory=1,
        items=StoredObject(uri=f"{prefix}/items.csv", sha256=sha256_hex(items)),
        checkpoint=_checkpoint(store, trial, environ) if trial.keep_checkpoint else None,
        pod_uid=environ["MIXATLAS_POD_UID"],
    )
    store.put(f"{prefix}/result.json", result.to_bytes())
    return 0


def true_value(weights: Mapping[str, float], benchmark: str) -> float:
    """Return a benchmark's nats without noise: lower where the weights are near its own taste."""
    names = sorted(weights)
    taste = np.array([_unit(f"{benchmark}/{name}") for name in names])
    taste = taste / taste.sum()
    w = np.array([weights[name] for name in names])
    return float(0.5 + 1.5 * np.abs(np.sqrt(w) - np.sqrt(taste)).sum())


def _score(store: S3Store, trial: TrialFile) -> tuple[bytes, dict[str, Score]]:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(ITEMS_HEADER)
    scores = {}
    weights = {weight.domain: weight.ppm / 1e6 for weight in trial.mixture}
    for benchmark in trial.benchmarks:
        rng = np.random.default_rng([trial.seed % 2**32, int(_unit(benchmark.name) * 1e9)])
        value = true_value(weights, benchmark.name) + 0.02 * rng.standard_normal()
        easy = np.array([_unit(f"{trial.part}/{benchmark.name}/{i}") for i in range(N_ITEMS)])
        items = value + 0.3 * (easy - 0.5) + 0.02 * rng.standard_normal(N_ITEMS)
        for i, score in enumerate(items):
            writer.writerow(
                (benchmark.name, f"i{i:03d}", f"{trial.part}{i:03d}", repr(float(score)))
            )
        scores[benchmark.name] = Score(
            metric=benchmark.metric,
            value=float(items.mean()),
            sem=float(items.std(ddof=1) / N_ITEMS**0.5),
            n=N_ITEMS,
            chance=_chance(store, benchmark),
        )
    return buffer.getvalue().encode(), scores


def _chance(store: S3Store, benchmark: BenchmarkRef) -> float:
    content = store.get(benchmark.manifest)
    return BenchmarkManifest.model_validate_json(content or b"").chance


def _checkpoint(store: S3Store, trial: TrialFile, environ: Mapping[str, str]) -> StoredObject:
    folder = f"{trial.checkpoints}/1-{environ['MIXATLAS_POD_UID']}"
    record = Checkpoint(trial_digest=trial.digest, step=1, tokens=trial.tokens, files=())
    store.put(f"{folder}/checkpoint.json", record.to_bytes())
    return StoredObject(uri=folder, sha256=sha256_hex(record.to_bytes()))


def _unit(text: str) -> float:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big") / 2**48

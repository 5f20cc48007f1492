"""Tiny corpora, benchmarks and trials for the trainer's tests and its benchmark script."""

from __future__ import annotations

import io
import json
import random
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers

from mixatlas.contract.canonical import sha256_hex
from mixatlas.contract.manifest import (
    BenchmarkManifest,
    CorpusManifest,
    Domain,
    ItemShard,
    Shard,
    TokenizerRef,
    file_list_digest,
)
from mixatlas.contract.metrics import Metric
from mixatlas.contract.result import TrialResult
from mixatlas.contract.trainer_config import TrainerConfig
from mixatlas.contract.trial import (
    BaseRef,
    BenchmarkRef,
    CorpusRef,
    Cut,
    DomainWeight,
    Purpose,
    TrialFile,
)
from mixatlas_trainer.main import main

EDGE, PATCH, IMAGE_TOKENS = 24, 12, 4
SPECIAL = ("<pad>", "<bos>", "<eos>", "<image>")
COLOURS = {"red": (200, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 200)}
WORDS = (
    *SPECIAL, *COLOURS, "what", "colour", "is", "it", "name", "the", "where", "light", "dark",
    *(str(n) for n in (0, 250, 500, 750, 999)), *(f"w{n}" for n in range(600)),
)  # fmt: skip


def png(colour: tuple[int, int, int], edge: int = EDGE) -> bytes:
    """A square of one colour."""
    out = io.BytesIO()
    Image.new("RGB", (edge, edge), colour).save(out, "PNG")
    return out.getvalue()


def tar_of(files: Sequence[tuple[str, bytes]]) -> bytes:
    """A tar with these files in this order."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def write_tokenizer(folder: Path) -> str:
    """Write a word-level tokenizer and return its digest."""
    folder.mkdir(parents=True)
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(WORDS)}, unk_token="<pad>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens(list(SPECIAL))
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return file_list_digest({p.name: sha256_hex(p.read_bytes()) for p in folder.iterdir()})


def sample(
    rng: random.Random, domain: str, words: tuple[int, int] = (0, 6), edge: int = EDGE
) -> dict[str, Any]:
    """Files of one sample: a coloured square and a question about it, or text alone."""
    colour = rng.choice(sorted(COLOURS))
    shade = [max(0, min(255, c + rng.randint(-30, 30))) for c in COLOURS[colour]]
    tail = " ".join(f"w{rng.randrange(600)}" for _ in range(rng.randint(*words)))
    question, answer = f"what colour is it {tail}".strip(), colour
    images = [] if domain.startswith("text") else ["0.png"]
    n_answer = len(answer.split())
    record = {
        "turns": [{"question": question, "answer": answer}],
        "images": images,
        "task": domain.split(".")[1],
        "concept": domain.split(".")[0],
        "tokens": len(question.split()) + n_answer + (edge // PATCH) ** 2 * len(images),
        "supervisedTokens": n_answer,
    }
    return {"record": record, "image": png(tuple(shade), edge) if images else None}  # type: ignore[arg-type]


@dataclass
class Corpus:
    """A corpus on disk."""

    root: Path
    manifest: CorpusManifest
    benchmarks: dict[str, BenchmarkRef] = field(default_factory=dict)

    @property
    def uri(self) -> str:
        return str(self.root / "manifest.json")

    @property
    def ref(self) -> CorpusRef:
        content = (self.root / "manifest.json").read_bytes()
        return CorpusRef(manifest=self.uri, sha256=sha256_hex(content))


def build_corpus(
    root: Path,
    domains: Mapping[str, int],
    *,
    shards: int = 2,
    words: tuple[int, int] = (0, 6),
    edge: int = EDGE,
    seed: int = 0,
) -> Corpus:
    """Write a corpus with so many samples a domain, in so many shards each."""
    rng = random.Random(seed)
    listed = []
    for name, count in sorted(domains.items()):
        written = []
        for number in range(shards):
            files: list[tuple[str, bytes]] = []
            tokens = n_samples = 0
            for index in range(number, count, shards):
                one = sample(rng, name, words, edge)
                files.append((f"{index:06d}.json", json.dumps(one["record"]).encode()))
                if one["image"] is not None:
                    files.append((f"{index:06d}.0.png", one["image"]))
                tokens += one["record"]["tokens"]
                n_samples += 1
            content = tar_of(files)
            path = root / name / f"{number}.tar"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            written.append(
                Shard(
                    url=f"{name}/{number}.tar",
                    sha256=sha256_hex(content),
                    bytes=len(content),
                    samples=n_samples,
                    tokens=tokens,
                )
            )
        concept, task = name.split(".")
        listed.append(
            Domain(
                name=name,
                definition="0" * 64,
                content="1" * 64,
                concept=concept,
                task=task,  # type: ignore[arg-type]
                samples=count,
                tokens=sum(s.tokens for s in written),
                supervised_tokens=count,
                shards=tuple(written),
            )
        )
    digest = write_tokenizer(root / "tokenizer")
    manifest = CorpusManifest(
        domains=tuple(listed),
        tokenizer=TokenizerRef(url="tokenizer", sha256=digest),
        image_tokens=(edge // PATCH) ** 2,
    )
    (root / "manifest.json").write_bytes(manifest.to_bytes())
    return Corpus(root, manifest)


def add_benchmark(
    corpus: Corpus, name: str, metric: Metric, *, n: int = 80, max_items: int | None = 30
) -> BenchmarkRef:
    """Write a benchmark of coloured squares beside the corpus."""
    rng = random.Random(name)
    files: list[tuple[str, bytes]] = []
    for index in range(n):
        one = sample(rng, "photo.vqa")
        item = {
            "id": f"i{index}",
            "question": one["record"]["turns"][0]["question"],
            "answers": [one["record"]["turns"][0]["answer"]],
            "boxes": [[0.0, 0.0, 0.5, 0.5]] if metric is Metric.BOX_IOU else [],
            "images": ["0.png"],
        }
        files.append((f"{index:04d}.json", json.dumps(item).encode()))
        files.append((f"{index:04d}.0.png", one["image"]))
    folder = corpus.root / "benchmarks" / name
    folder.mkdir(parents=True)
    content = tar_of(files)
    (folder / "0.tar").write_bytes(content)
    manifest = BenchmarkManifest(
        name=name,
        metric=metric,
        chance=0.25,
        items=n,
        shards=(ItemShard(url="0.tar", sha256=sha256_hex(content), items=n),),
    )
    (folder / "manifest.json").write_bytes(manifest.to_bytes())
    ref = BenchmarkRef(
        name=name,
        manifest=str(folder / "manifest.json"),
        sha256=sha256_hex(manifest.to_bytes()),
        metric=metric,
        max_items=max_items,
    )
    corpus.benchmarks[name] = ref
    return ref


def model_config(
    width: int = 32, *, layers: int = 1, dropout: float = 0.0, edge: int = EDGE
) -> dict[str, Any]:
    """A SigLIP tower and a Qwen2 of a width, small enough for a test."""
    return {
        "image_token_index": WORDS.index("<image>"),
        "vision_feature_layer": -1,
        "vision_feature_select_strategy": "full",
        "tie_word_embeddings": True,
        "vision_config": {
            "model_type": "siglip_vision_model",
            "hidden_size": width,
            "intermediate_size": 2 * width,
            "num_hidden_layers": layers,
            "num_attention_heads": 4,
            "image_size": edge,
            "patch_size": PATCH,
            "vision_use_head": False,
            "attention_dropout": dropout,
        },
        "text_config": {
            "model_type": "qwen2",
            "vocab_size": len(WORDS),
            "hidden_size": width,
            "intermediate_size": 2 * width,
            "num_hidden_layers": layers,
            "num_attention_heads": 4,
            "num_key_value_heads": 4,
            "max_position_embeddings": 1024,
            "tie_word_embeddings": True,
            "attention_dropout": dropout,
        },
    }


def trainer_config(**changes: Any) -> TrainerConfig:
    """Settings of a trial of some seconds."""
    plain: dict[str, Any] = {
        "model": {"config": model_config()},
        "sequenceLength": 64,
        "globalBatchTokens": 120,
        "microBatch": 32,
        "learningRate": "0.003",
        "warmup": "0.1",
        "weightDecay": "0.02",
        "trainable": ["projector", "language", "vision"],
    }
    return TrainerConfig.model_validate(plain | changes)


def build_trial(
    corpus: Corpus,
    root: Path,
    *,
    mixture: Mapping[str, int] | None = None,
    seed: int = 7,
    tokens: int = 1200,
    base: BaseRef | None = None,
    cut: Cut | None = None,
    keep_checkpoint: bool = False,
    part: str = "search",
    **changes: Any,
) -> TrialFile:
    """A trial of a corpus that writes under `root`; `changes` go to the trainer's settings."""
    names = [domain.name for domain in corpus.manifest.domains]
    if mixture is None:
        share = 1_000_000 // len(names)
        mixture = dict.fromkeys(names, share)
        mixture[names[0]] += 1_000_000 - share * len(names)
    return TrialFile(
        trial=3,
        purpose=Purpose.INITIAL,
        mixture=tuple(DomainWeight(domain=d, ppm=p) for d, p in sorted(mixture.items())),
        seed=seed,
        tokens=tokens,
        corpus=corpus.ref.model_copy(update={"cut": cut}),
        base=base,
        benchmarks=tuple(corpus.benchmarks.values()),
        part=part,  # type: ignore[arg-type]
        trainer=trainer_config(**changes),
        attempts=str(root / "trials/000003/attempts"),
        checkpoints=str(root / "checkpoints/000003"),
        keep_checkpoint=keep_checkpoint,
    )


def environ_of(trial: TrialFile, root: Path, *, pod: str = "pod-a", **more: str) -> dict[str, str]:
    """Write the trial file and return the environment of an attempt."""
    path = root / f"trials/000003/{trial.digest[:12]}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(trial.to_bytes())
    return {
        "MIXATLAS_TRIAL": str(path),
        "MIXATLAS_TRIAL_DIGEST": trial.digest,
        "MIXATLAS_ATTEMPT": "1",
        "MIXATLAS_POD_UID": pod,
        "MIXATLAS_TERMINATION_LOG": str(root / "termination"),
        "OMP_NUM_THREADS": "1",
    } | more


def run_trial(trial: TrialFile, root: Path, *, pod: str = "pod-a", **more: str) -> int:
    """Run an attempt in this process and return its exit code."""
    return main(environ_of(trial, root, pod=pod, **more))


def result_of(trial: TrialFile, pod: str = "pod-a") -> TrialResult:
    """Read what an attempt stored."""
    path = Path(trial.attempts) / pod / "result.json"
    return TrialResult.model_validate_json(path.read_bytes())

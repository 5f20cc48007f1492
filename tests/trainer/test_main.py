"""Whole trials in this process: results, exit codes, resumption."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from transformers import LlavaForConditionalGeneration

from mixatlas.contract.canonical import sha256_hex
from mixatlas.contract.manifest import file_list_digest
from mixatlas.contract.metrics import Metric
from mixatlas.contract.result import Progress, TrialResult
from mixatlas.contract.trial import BaseRef, TrialFile
from mixatlas.local.s3_server import S3Server
from mixatlas_trainer.attempt import Attempt
from mixatlas_trainer.main import main
from mixatlas_trainer.objects import Objects
from mixatlas_trainer.settings import Settings
from mixatlas_trainer.stop import Stop, Terminated
from trainer_builders import (
    Corpus,
    add_benchmark,
    build_corpus,
    build_trial,
    environ_of,
    result_of,
    run_trial,
)

DOMAINS = {"chart.ocr": 60, "photo.vqa": 80, "text.other": 40}
TIMES = {"seconds", "gpuSeconds", "peakMemory", "podUid", "attempt"}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    corpus = build_corpus(tmp_path_factory.mktemp("corpus"), DOMAINS)
    add_benchmark(corpus, "nll", Metric.TOKEN_NLL)
    return corpus


@pytest.fixture(scope="module")
def undisturbed(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> TrialFile:
    """A trial that ran to its end; resumed ones must give the same."""
    root = tmp_path_factory.mktemp("undisturbed")
    trial = resumable(corpus, root)
    assert run_trial(trial, root) == 0
    return trial


def resumable(corpus: Corpus, root: Path) -> TrialFile:
    return build_trial(corpus, root, keep_checkpoint=True, checkpointEveryTokens=300)


def comparable(result: TrialResult) -> dict[str, Any]:
    """What must be equal bit for bit."""
    plain = {key: value for key, value in result.to_plain().items() if key not in TIMES}
    for stored in ("items", "checkpoint"):
        plain[stored] = plain[stored]["sha256"]
    return plain


def test_a_trial_gives_a_result_with_all_that_it_trained_on(undisturbed: TrialFile) -> None:
    result = result_of(undisturbed)

    assert (result.outcome, result.attempt, result.pod_uid) == ("ok", 1, "pod-a")
    assert result.trial_digest == undisturbed.digest
    total = sum(use.tokens for use in result.domains.values())
    assert 0 <= total - undisturbed.tokens < undisturbed.trainer.global_batch_tokens
    for use in result.domains.values():
        assert abs(use.tokens - total / 3) <= 12  # the longest sample
        assert use.samples > 0
        assert use.epochs > 0
    assert result.train_loss is not None
    assert 0 < result.train_loss < 10
    assert result.flops > 0
    score = result.benchmarks["nll"]
    assert (score.metric, score.n, score.chance) == (Metric.TOKEN_NLL, 30, 0.25)


def test_items_are_listed_with_the_hash_of_their_image(undisturbed: TrialFile) -> None:
    result = result_of(undisturbed)
    assert result.items is not None
    content = Path(result.items.uri).read_bytes()
    rows = list(csv.DictReader(content.decode().splitlines()))

    assert sha256_hex(content) == result.items.sha256
    assert len(rows) == 30
    assert list(rows[0]) == ["benchmark", "item", "image", "score"]
    mean = sum(float(row["score"]) for row in rows) / 30
    assert mean == pytest.approx(result.benchmarks["nll"].value)
    # The search half: the lowest bit of the hash's first byte.
    assert all(int(row["image"][:2], 16) % 2 == 0 for row in rows)


def test_progress_and_log_are_left_behind(undisturbed: TrialFile) -> None:
    folder = Path(undisturbed.attempts) / "pod-a"

    progress = Progress.model_validate_json((folder / "progress.json").read_bytes())
    assert progress.trial_digest == undisturbed.digest
    assert "exit code 0" in (folder / "log.txt").read_text()


def test_the_kept_checkpoint_loads_with_transformers_and_nothing_else_is_left(
    undisturbed: TrialFile,
) -> None:
    kept = result_of(undisturbed).checkpoint
    assert kept is not None

    assert [p.name for p in Path(undisturbed.checkpoints).iterdir()] == [Path(kept.uri).name]
    assert sha256_hex((Path(kept.uri) / "checkpoint.json").read_bytes()) == kept.sha256
    model, info = LlavaForConditionalGeneration.from_pretrained(kept.uri, output_loading_info=True)
    assert model.config.image_token_id == 3
    assert not any(info[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))


class Interrupting:
    """A store that ends the process's work at the n-th checkpoint, as a kill would."""

    def __init__(self, n: int, stop: Stop | None = None) -> None:
        self._store = Objects({})
        self._left = n
        self._stop = stop

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def write(self, uri: str, content: bytes) -> None:
        self._store.write(uri, content)
        if uri.endswith("/checkpoint.json"):
            self._left -= 1
            if self._left == 0:
                if self._stop is None:
                    raise KeyboardInterrupt
                self._stop.request()


@pytest.mark.parametrize("polite", [False, True], ids=["killed", "SIGTERM"])
@pytest.mark.parametrize("n", [1, 3])
def test_a_resumed_trial_gives_what_the_undisturbed_one_gives(
    corpus: Corpus, undisturbed: TrialFile, tmp_path: Path, polite: bool, n: int
) -> None:
    trial = resumable(corpus, tmp_path)
    assert trial.digest == undisturbed.digest
    stop = Stop()
    attempt = Attempt(
        Settings.read(environ_of(trial, tmp_path)),
        trial,
        Interrupting(n, stop if polite else None),  # type: ignore[arg-type]
        stop=stop,
        work=tmp_path / "work",
    )
    with pytest.raises(Terminated if polite else KeyboardInterrupt):
        attempt.run()
    n_before = len(list(Path(trial.checkpoints).iterdir()))

    assert run_trial(trial, tmp_path, pod="pod-b") == 0
    assert n_before >= 1
    log = (Path(trial.attempts) / "pod-b/log.txt").read_text()
    assert "going on from checkpoint" in log
    assert comparable(result_of(trial, "pod-b")) == comparable(result_of(undisturbed))


def test_a_damaged_or_foreign_checkpoint_is_passed_over(
    corpus: Corpus, undisturbed: TrialFile, tmp_path: Path
) -> None:
    trial = resumable(corpus, tmp_path)
    kept = result_of(undisturbed).checkpoint
    assert kept is not None
    damaged = Path(trial.checkpoints) / "00000099-pod-x"
    shutil.copytree(kept.uri, damaged)
    (damaged / "model.safetensors").write_bytes(b"damaged")
    foreign = Path(trial.checkpoints) / "00000098-pod-x"
    shutil.copytree(kept.uri, foreign)
    index = json.loads((foreign / "checkpoint.json").read_text())
    (foreign / "checkpoint.json").write_text(json.dumps(index | {"trialDigest": "0" * 64}))
    unfinished = Path(trial.checkpoints) / "00000100-pod-x"
    unfinished.mkdir()
    shutil.copy(damaged / "config.json", unfinished)

    assert run_trial(trial, tmp_path) == 0
    assert comparable(result_of(trial)) == comparable(result_of(undisturbed))


def test_another_seed_gives_another_score(
    corpus: Corpus, undisturbed: TrialFile, tmp_path: Path
) -> None:
    trial = build_trial(corpus, tmp_path, seed=8, checkpointEveryTokens=300)
    assert run_trial(trial, tmp_path) == 0
    first, second = result_of(undisturbed), result_of(trial)

    assert first.benchmarks["nll"].value != second.benchmarks["nll"].value
    assert second.checkpoint is None
    assert list(Path(trial.checkpoints).rglob("*.json")) == []


def test_half_the_micro_batch_trains_the_same(
    corpus: Corpus, undisturbed: TrialFile, tmp_path: Path
) -> None:
    trial = resumable(corpus, tmp_path)
    assert run_trial(trial, tmp_path, MIXATLAS_MICRO_BATCH_DIVISOR="16") == 0
    whole, split = result_of(undisturbed), result_of(trial)

    assert split.train_loss == pytest.approx(whole.train_loss, rel=1e-4)
    assert split.benchmarks["nll"].value == pytest.approx(whole.benchmarks["nll"].value, rel=1e-3)
    assert split.flops == pytest.approx(whole.flops)
    for name, use in whole.domains.items():
        assert split.domains[name].samples == use.samples


def test_the_confirmation_is_scored_on_the_other_half(
    corpus: Corpus, undisturbed: TrialFile, tmp_path: Path
) -> None:
    trial = build_trial(corpus, tmp_path, part="confirm", tokens=240)
    assert run_trial(trial, tmp_path) == 0

    def images(of: TrialFile) -> set[str]:
        text = (Path(of.attempts) / "pod-a/items.csv").read_text()
        return {row["image"] for row in csv.DictReader(text.splitlines())}

    assert images(trial).isdisjoint(images(undisturbed))


@pytest.fixture
def plain_base(undisturbed: TrialFile, tmp_path: Path) -> Path:
    """A checkpoint as a user has one: a folder without `checkpoint.json`."""
    kept = result_of(undisturbed).checkpoint
    assert kept is not None
    folder = tmp_path / "user"
    folder.mkdir()
    for name in ("config.json", "model.safetensors"):
        shutil.copy(Path(kept.uri) / name, folder)
    return folder


def folder_digest(folder: Path) -> str:
    return file_list_digest({p.name: sha256_hex(p.read_bytes()) for p in folder.iterdir()})


def test_a_base_of_ours_and_a_plain_folder_with_its_weights_train_the_same(
    corpus: Corpus, undisturbed: TrialFile, plain_base: Path, tmp_path: Path
) -> None:
    ours = result_of(undisturbed).checkpoint
    assert ours is not None
    losses = []
    for name, base in (
        ("a", BaseRef(checkpoint=ours.uri, sha256=ours.sha256)),
        ("b", BaseRef(checkpoint=str(plain_base), sha256=folder_digest(plain_base))),
    ):
        trial = build_trial(corpus, tmp_path / name, base=base, tokens=240, part="none", model=None)
        assert run_trial(trial, tmp_path / name) == 0
        losses.append(result_of(trial).train_loss)

    assert losses[0] == losses[1]
    fresh = build_trial(corpus, tmp_path / "c", tokens=240, part="none")
    assert run_trial(fresh, tmp_path / "c") == 0
    assert losses[0] is not None
    assert losses[0] < (result_of(fresh).train_loss or 0) - 0.2


def test_a_changed_base_is_refused(corpus: Corpus, plain_base: Path, tmp_path: Path) -> None:
    base = BaseRef(checkpoint=str(plain_base), sha256=folder_digest(plain_base))
    (plain_base / "pytorch_model.bin").write_bytes(b"pickle")
    trial = build_trial(corpus, tmp_path, base=base, model=None)

    assert run_trial(trial, tmp_path) == 44


def test_weights_in_a_pickle_are_refused(corpus: Corpus, plain_base: Path, tmp_path: Path) -> None:
    (plain_base / "model.safetensors").rename(plain_base / "pytorch_model.bin")
    base = BaseRef(checkpoint=str(plain_base), sha256=folder_digest(plain_base))
    trial = build_trial(corpus, tmp_path, base=base, model=None)

    assert run_trial(trial, tmp_path) == 43
    assert "base:" in (tmp_path / "termination").read_text()


def test_divergence_is_an_outcome(corpus: Corpus, tmp_path: Path) -> None:
    trial = build_trial(corpus, tmp_path, learningRate="1e6", keep_checkpoint=True)

    assert run_trial(trial, tmp_path) == 42
    result = result_of(trial)
    assert (result.outcome, result.benchmarks, result.checkpoint) == ("diverged", {}, None)
    assert result.reason.startswith("the loss is")


def test_another_digest_is_refused(corpus: Corpus, tmp_path: Path) -> None:
    trial = build_trial(corpus, tmp_path)
    code = run_trial(trial, tmp_path, MIXATLAS_TRIAL_DIGEST="0" * 64)

    assert code == 43
    assert "MIXATLAS_TRIAL_DIGEST is 000" in (tmp_path / "termination").read_text()
    assert "exit code 43" in (Path(trial.attempts) / "pod-a/log.txt").read_text()


def test_a_missing_variable_is_named(corpus: Corpus, tmp_path: Path) -> None:
    environ = environ_of(build_trial(corpus, tmp_path), tmp_path)
    del environ["MIXATLAS_POD_UID"]

    assert main(environ) == 43
    assert "MIXATLAS_POD_UID is not set" in (tmp_path / "termination").read_text()


def test_a_broken_trial_file_names_the_field(corpus: Corpus, tmp_path: Path) -> None:
    environ = environ_of(build_trial(corpus, tmp_path), tmp_path)
    path = Path(environ["MIXATLAS_TRIAL"])
    path.write_text(json.dumps(json.loads(path.read_text()) | {"tokens": 0}))

    assert main(environ) == 43
    assert ": tokens: Input should be greater than 0" in (tmp_path / "termination").read_text()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sequenceLength": 8}, "sequenceLength: 8 tokens"),
        ({"model": None}, "there is no base checkpoint and no model.config"),
        ({"model": {"config": {"text_config": {"model_type": "none"}}}}, "trainer.model.config"),
        ({"tokenizer": "/no/such/folder"}, "/no/such/folder does not exist"),
    ],
    ids=["length", "no-model", "bad-model", "no-tokenizer"],
)
def test_settings_that_do_not_fit_are_refused(
    corpus: Corpus, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    trial = build_trial(corpus, tmp_path, **changes)

    assert run_trial(trial, tmp_path) in (43, 44)
    assert message in (tmp_path / "termination").read_text()


@pytest.mark.parametrize("what", ["shard", "manifest", "tokenizer", "benchmark"])
def test_changed_data_is_refused(corpus: Corpus, tmp_path: Path, what: str) -> None:
    copied = tmp_path / "corpus"
    shutil.copytree(corpus.root, copied)
    changed = Corpus(copied, corpus.manifest)
    benchmark = corpus.benchmarks["nll"]
    changed.benchmarks["nll"] = benchmark.model_copy(
        update={"manifest": str(copied / "benchmarks/nll/manifest.json")}
    )
    trial = build_trial(changed, tmp_path)
    pattern = {
        "shard": "photo.vqa/*.tar",
        "manifest": "manifest.json",
        "tokenizer": "tokenizer/tokenizer_config.json",
        "benchmark": "benchmarks/nll/0.tar",
    }[what]
    for path in copied.glob(pattern):
        path.write_bytes(path.read_bytes() + b"\n")

    assert run_trial(trial, tmp_path) == 44
    assert "sha256" in (tmp_path / "termination").read_text()


def test_a_metric_that_is_not_computed_is_refused_before_training(
    corpus: Corpus, tmp_path: Path
) -> None:
    trial = build_trial(corpus, tmp_path)
    other = trial.benchmarks[0].model_copy(update={"metric": Metric.VQA_ACCURACY})
    trial = trial.model_copy(update={"benchmarks": (other,)})

    assert run_trial(trial, tmp_path) == 43
    assert "VqaAccuracy is not computed" in (tmp_path / "termination").read_text()
    assert not Path(trial.checkpoints).exists()


@pytest.mark.slow
def test_sigterm_ends_with_a_checkpoint_and_the_log(
    corpus: Corpus, undisturbed: TrialFile, tmp_path: Path
) -> None:
    trial = build_trial(corpus, tmp_path, tokens=1_000_000, checkpointEveryTokens=300)
    environ = os.environ | environ_of(trial, tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-m", "mixatlas_trainer"],
        env=environ,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "step" in line:
            process.send_signal(signal.SIGTERM)
            break
    process.stderr.read()

    assert process.wait(timeout=60) == 143
    log = (Path(trial.attempts) / "pod-a/log.txt").read_text()
    assert "told to end: stored" in log
    assert list(Path(trial.checkpoints).glob("*/checkpoint.json"))
    assert not (Path(trial.attempts) / "pod-a/result.json").exists()


@pytest.mark.slow
def test_a_model_learns_to_tell_colours_and_the_metrics_show_it(tmp_path: Path) -> None:
    corpus = build_corpus(tmp_path / "corpus", {"photo.vqa": 400})
    add_benchmark(corpus, "nll", Metric.TOKEN_NLL)
    add_benchmark(corpus, "exact", Metric.EXACT_MATCH)
    add_benchmark(corpus, "anls", Metric.ANLS)
    trial = build_trial(corpus, tmp_path, tokens=30_000, globalBatchTokens=200)
    assert run_trial(trial, tmp_path) == 0
    scores = result_of(trial).benchmarks

    assert scores["exact"].value > 0.9
    assert scores["anls"].value > 0.9
    assert scores["nll"].value < 0.2


@pytest.mark.slow
def test_a_trial_on_a_real_s3_server_gives_what_it_gives_on_a_folder(
    corpus: Corpus, undisturbed: TrialFile, tmp_path: Path
) -> None:
    with S3Server(tmp_path / "s3") as server:
        told = server.settings
        environ = {
            "AWS_ENDPOINT_URL_S3": told.endpoint,
            "AWS_ACCESS_KEY_ID": told.access_key,
            "AWS_SECRET_ACCESS_KEY": told.secret_key,
        }
        objects, root = Objects(environ), "s3://mixatlas"
        for name in Objects({}).names(str(corpus.root)):
            objects.upload(f"{root}/corpus/{name}", corpus.root / name)
        plain = resumable(corpus, tmp_path).to_plain()
        plain["corpus"]["manifest"] = f"{root}/corpus/manifest.json"
        plain["benchmarks"][0]["manifest"] = f"{root}/corpus/benchmarks/nll/manifest.json"
        plain |= {"attempts": f"{root}/attempts", "checkpoints": f"{root}/checkpoints"}
        trial = TrialFile.model_validate(plain)
        objects.write(f"{root}/trial.json", trial.to_bytes())
        environ |= environ_of(trial, tmp_path, MIXATLAS_TRIAL=f"{root}/trial.json")
        assert main(environ | {"MIXATLAS_CACHE": str(tmp_path / "cache")}) == 0
        result = TrialResult.model_validate_json(objects.read(f"{root}/attempts/pod-a/result.json"))
        left = {name.split("/")[0] for name in objects.names(f"{root}/checkpoints")}

    assert trial.digest == undisturbed.digest
    assert comparable(result) == comparable(result_of(undisturbed))
    assert left == {"00000010-pod-a"}
    assert list((tmp_path / "cache").iterdir())

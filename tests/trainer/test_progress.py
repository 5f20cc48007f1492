from __future__ import annotations

from pathlib import Path

from mixatlas.contract.result import Progress
from mixatlas_trainer.objects import Objects
from mixatlas_trainer.progress import ProgressReporter
from trainer_builders import build_corpus, build_trial


def test_progress_is_written_at_most_every_ten_seconds(tmp_path: Path) -> None:
    trial = build_trial(build_corpus(tmp_path / "c", {"text.other": 4}, shards=1), tmp_path)
    path = tmp_path / "progress.json"
    now = 0.0
    reporter = ProgressReporter(Objects({}), str(path), trial, clock=lambda: now)
    reporter.report("loading", None)
    now = 9.9
    reporter.report("evaluating", None)
    reporter.close()

    progress = Progress.model_validate_json(path.read_bytes())
    assert (progress.phase, progress.total_tokens) == ("loading", trial.tokens)


def test_a_store_that_is_down_does_not_end_the_trial(tmp_path: Path) -> None:
    trial = build_trial(build_corpus(tmp_path / "c", {"text.other": 4}, shards=1), tmp_path)
    environ = {
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1",
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
    }
    objects = Objects(environ, wait=lambda _: None)
    reporter = ProgressReporter(objects, "s3://bucket/progress.json", trial)
    reporter.report("loading", None)
    reporter.close()

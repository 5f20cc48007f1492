"""Real SIGKILLs of `mixatlas run`: the finished search is the undisturbed one, byte for byte."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from mixatlas.adapters.s3 import S3Store
from mixatlas.corpus import push
from mixatlas.local.s3_server import S3Server
from small_corpus import make_corpus
from small_search import SMALL_MODEL, document, run_command

TESTS = Path(__file__).resolve().parent.parent
REAL, SCRIPTED = "mixatlas_trainer.main:main", "scripted_trainer:main"


@dataclass
class Place:
    """A store that outlives the killed processes, with the small corpus in it."""

    environment: dict[str, str]
    endpoint: str

    def begin(self, folder: Path, name: str, *, real: bool) -> Path:
        """Write the document of a search of its own."""
        folder.mkdir()
        text = document(max_trials=7, parallelism=1, model=SMALL_MODEL if real else "{}")
        storage = f'  storage: {{endpoint: "{self.endpoint}"}}\n'
        path = folder / "search.yaml"
        path.write_text(text.replace("{name: small}", f"{{name: {name}}}") + storage)
        return path

    @contextmanager
    def run(self, path: Path, entry: str) -> Iterator[subprocess.Popen[str]]:
        process = run_command(path.parent, "run", entry=entry, environment=self.environment)
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def to_the_end(self, path: Path, entry: str) -> None:
        with self.run(path, entry) as process:
            output, _ = process.communicate(timeout=600)
            assert process.returncode == 0, output

    def trials(self, path: Path) -> str:
        """Return what `mixatlas trials -o json --stable` prints."""
        program = "from mixatlas.cli import main; main()"
        ended = subprocess.run(
            [sys.executable, "-c", program, "trials", "-o", "json", "--stable"],
            cwd=path.parent,
            env=self.environment,
            capture_output=True,
            text=True,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("place")
    make_corpus(folder)
    with S3Server(folder / "s3") as server:
        store = S3Store(server.settings)
        store.ensure_bucket("corpora")
        push(folder / "corpus", "s3://corpora/small", store)
        environment = {**os.environ, **server.settings.environment(), "PYTHONPATH": str(TESTS)}
        yield Place(environment=environment, endpoint=server.settings.endpoint)


@pytest.mark.slow
def test_twenty_kills_with_a_scripted_trainer(place: Place, tmp_path: Path) -> None:
    undisturbed = place.begin(tmp_path / "a", "undisturbed", real=False)
    place.to_the_end(undisturbed, SCRIPTED)
    killed = place.begin(tmp_path / "b", "killed", real=False)
    for n in range(20):
        # After one more line each second time, so that kills fall on every kind of step.
        kill_after(place, killed, SCRIPTED, lines=1 + n % 2)
    place.to_the_end(killed, SCRIPTED)
    assert place.trials(killed) == place.trials(undisturbed)


@pytest.mark.slow
def test_a_kill_in_the_middle_of_real_training(place: Place, tmp_path: Path) -> None:
    undisturbed = place.begin(tmp_path / "a", "real-undisturbed", real=True)
    place.to_the_end(undisturbed, REAL)
    killed = place.begin(tmp_path / "b", "real-killed", real=True)
    kill_after(place, killed, REAL, lines=3)
    place.to_the_end(killed, REAL)
    told = place.trials(killed)
    assert told == place.trials(undisturbed)
    trials = json.loads(told)
    assert {trial["state"] for trial in trials} == {"ok"}
    assert trials[0]["purpose"] == "base"
    scores = {trial["trial"]: trial["scores"]["squares"] for trial in trials[1:]}
    assert len(set(scores.values())) == len(scores), "every trial has a seed of its own"


def kill_after(place: Place, path: Path, entry: str, *, lines: int) -> None:
    """Run, and kill once some events beyond the first line have been printed."""
    with place.run(path, entry) as process:
        assert process.stdout is not None
        left = lines
        for line in process.stdout:
            if "RoundRecorded" in line or "TrialEnded" in line or "ObjectiveFixed" in line:
                left -= 1
            if left == 0:
                return

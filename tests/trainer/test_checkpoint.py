from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mixatlas.contract.errors import CorpusInvalid
from mixatlas_trainer.batches import PlannerState
from mixatlas_trainer.checkpoint import CheckpointStore, Snapshot, TrainingState, fetch_file
from mixatlas_trainer.objects import Objects
from mixatlas_trainer.train import Tally
from trainer_builders import Corpus, build_corpus, build_trial


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return build_corpus(tmp_path / "corpus", {"text.other": 4}, shards=1)


def at(step: int) -> Snapshot:
    tally = Tally.empty(1).model_copy(update={"step": step, "total": 100 * step})
    planner = PlannerState(batch=step, taken=(100 * step,), cursors=((0, 0, step),))
    return Snapshot(
        weights={"w": torch.full((2,), float(step))},
        moments={"w/step": torch.tensor(float(step))},
        state=TrainingState(tally=tally, planner=planner),
    )


def store(corpus: Corpus, tmp_path: Path, pod: str) -> CheckpointStore:
    (tmp_path / pod).mkdir(exist_ok=True)
    trial = build_trial(corpus, tmp_path)
    return CheckpointStore(Objects({}), trial, pod_uid=pod, work=tmp_path / pod)


def folders(tmp_path: Path) -> list[str]:
    return sorted(p.name for p in (tmp_path / "checkpoints/000003").iterdir())


def test_the_last_two_of_an_attempt_are_kept_and_others_are_not_touched(
    corpus: Corpus, tmp_path: Path
) -> None:
    static = tmp_path / "static"
    static.mkdir()
    store(corpus, tmp_path, "a").save(at(1), static)
    second = store(corpus, tmp_path, "b")
    for step in (2, 3, 10):
        second.save(at(step), static)

    assert folders(tmp_path) == ["00000001-a", "00000003-b", "00000010-b"]
    restored = store(corpus, tmp_path, "c").newest()
    assert restored is not None
    assert restored.state == at(10).state
    second.remove_own(but=None)
    assert folders(tmp_path) == ["00000001-a"]


def test_a_checkpoint_without_its_index_does_not_exist(corpus: Corpus, tmp_path: Path) -> None:
    static = tmp_path / "static"
    static.mkdir()
    first = store(corpus, tmp_path, "a")
    for step in (1, 2):
        first.save(at(step), static)
    (tmp_path / "checkpoints/000003/00000002-a/checkpoint.json").unlink()

    restored = store(corpus, tmp_path, "b").newest()
    assert restored is not None
    assert restored.state.tally.step == 1


def test_without_a_checkpoint_a_trial_begins(corpus: Corpus, tmp_path: Path) -> None:
    assert store(corpus, tmp_path, "a").newest() is None


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../x"])
def test_a_file_list_cannot_leave_its_folder(tmp_path: Path, path: str) -> None:
    with pytest.raises(CorpusInvalid, match="leaves its folder"):
        fetch_file(Objects({}), str(tmp_path), path, tmp_path / "out")

"""Checkpoints: a Hugging Face folder that also holds all that exact resumption needs.

`STEP-POD_UID/` under the trial's prefix holds `config.json`, `model.safetensors`, the tokenizer
and `preprocessor_config.json`, so `from_pretrained` loads it; beside them the optimiser's moments
(`optimizer.safetensors`) and the place in the sample order (`training.json`). Nothing is pickled.
`checkpoint.json`, with the SHA-256 of each file, is written last: without it there is none.
"""

from __future__ import annotations

import json
import logging
import shutil
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import final

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from mixatlas.contract.canonical import Record, sha256_hex
from mixatlas.contract.errors import (
    ContractViolation,
    CorpusInvalid,
    StoreForbidden,
    StoreUnavailable,
)
from mixatlas.contract.result import Checkpoint, CheckpointFile, StoredObject
from mixatlas.contract.trial import TrialFile
from mixatlas_trainer.batches import PlannerState
from mixatlas_trainer.model import PREPROCESSOR, ProxyModel
from mixatlas_trainer.objects import ObjectMissing, Objects, sha256_of
from mixatlas_trainer.stop import Terminated
from mixatlas_trainer.train import Tally, Training

INDEX = "checkpoint.json"
WEIGHTS = "model.safetensors"
OPTIMIZER = "optimizer.safetensors"
TRAINING = "training.json"
KEPT = 2
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
)
"""What is taken along of a tokenizer's folder, which may be that of a whole model."""

_LOG = logging.getLogger(__name__)


class TrainingState(Record):
    """`training.json`: what was trained, and where the sample order stands."""

    tally: Tally
    planner: PlannerState


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Copies of everything at one step; the training may go on."""

    weights: dict[str, torch.Tensor]
    moments: dict[str, torch.Tensor]
    state: TrainingState


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """A checkpoint on this machine."""

    folder: Path
    state: TrainingState


def snapshot(training: Training, planner: PlannerState) -> Snapshot:
    """Copy the state between two steps."""
    moments = {
        f"{name}/{kind}": tensor.detach().cpu().clone()
        for name, parameter in zip(training.names, training.parameters, strict=True)
        for kind, tensor in training.optimizer.state.get(parameter, {}).items()
    }
    return Snapshot(
        weights=training.model.state(),
        moments=moments,
        state=TrainingState(tally=training.tally, planner=planner),
    )


def restore_moments(training: Training, folder: Path) -> None:
    """Put the optimiser's moments back.

    Raises:
        ContractViolation: They belong to other parameters.
    """
    moments = load_file(folder / OPTIMIZER)
    for name, parameter in zip(training.names, training.parameters, strict=True):
        state = {
            kind: moments.pop(key).to(parameter.device)
            for kind in ("step", "exp_avg", "exp_avg_sq")
            if (key := f"{name}/{kind}") in moments
        }
        if state:
            training.optimizer.state[parameter] = state
    if moments:
        raise ContractViolation(
            f"{OPTIMIZER} has moments of {min(moments)}, which this trial does not train"
        )


def write_static(folder: Path, model: ProxyModel, tokenizer: Path) -> None:
    """Write what is the same in every checkpoint of a trial: configuration and tokenizer."""
    folder.mkdir(parents=True)
    model.config.architectures = ["LlavaForConditionalGeneration"]
    model.config.to_json_file(folder / "config.json")
    settings = {
        "image_mean": list(model.images.mean),
        "image_std": list(model.images.std),
        "size": {"height": model.images.size, "width": model.images.size},
    }
    (folder / PREPROCESSOR).write_text(json.dumps(settings, indent=2), "utf-8")
    for name in TOKENIZER_FILES:
        if (tokenizer / name).is_file():
            shutil.copyfile(tokenizer / name, folder / name)


@final
class CheckpointStore:
    """The checkpoints of one trial, as one attempt sees them.

    Args:
        objects: The store.
        trial: Its digest must stand in a checkpoint that is resumed.
        pod_uid: Names those of this attempt.
        work: Folder for temporary files.
    """

    def __init__(self, objects: Objects, trial: TrialFile, *, pod_uid: str, work: Path) -> None:
        self._objects = objects
        self._prefix = trial.checkpoints.rstrip("/")
        self._digest = trial.digest
        self._pod_uid = pod_uid
        self._work = work
        self._written: list[str] = []
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._pending: Future[StoredObject | None] | None = None

    def newest(self) -> Restored | None:
        """Fetch the newest complete and undamaged checkpoint of the trial, None without one.

        Raises:
            StoreUnavailable, StoreForbidden: The store cannot be read.
        """
        found = [n.split("/")[0] for n in self._objects.names(self._prefix) if _is_index(n)]
        for name in sorted(found, key=_step_of, reverse=True):
            try:
                restored = self._fetch(name)
            except (ObjectMissing, CorpusInvalid, ValidationError, SafetensorError) as error:
                _LOG.warning("checkpoint %s is not usable: %s", name, error)
                continue
            if restored is not None:
                _LOG.info("going on from checkpoint %s", name)
                return restored
        return None

    def save_in_background(self, taken: Snapshot, static: Path) -> None:
        """Write and upload a checkpoint beside the training; waits for the one before.

        A store that does not answer costs this checkpoint, not the trial.
        """
        self.finish()
        self._pending = self._pool.submit(self._save_if_possible, taken, static)

    def finish(self) -> StoredObject | None:
        """Wait for the upload in progress and return what it stored, if it did."""
        pending, self._pending = self._pending, None
        return pending.result() if pending is not None else None

    def close(self) -> None:
        """End the thread after its current upload."""
        self._pool.shutdown(wait=True)

    def save(self, taken: Snapshot, static: Path) -> StoredObject:
        """Write and upload a checkpoint, and remove this attempt's all but the last two.

        Returns:
            Its folder, and the SHA-256 of its `checkpoint.json`.

        Raises:
            StoreUnavailable, StoreForbidden: It could not be stored.
        """
        name = f"{taken.state.tally.step:08d}-{self._pod_uid}"
        folder = self._work / f"checkpoint-{name}"
        shutil.copytree(static, folder, dirs_exist_ok=True)
        save_file(taken.weights, folder / WEIGHTS, metadata={"format": "pt"})
        save_file(taken.moments, folder / OPTIMIZER)
        (folder / TRAINING).write_bytes(taken.state.to_bytes())
        index = Checkpoint(
            trial_digest=self._digest,
            step=taken.state.tally.step,
            tokens=taken.state.tally.total,
            files=tuple(
                CheckpointFile(path=p.name, bytes=p.stat().st_size, sha256=sha256_of(p))
                for p in sorted(folder.iterdir())
            ),
        ).to_bytes()
        uri = f"{self._prefix}/{name}"
        for path in sorted(folder.iterdir()):
            self._objects.upload(f"{uri}/{path.name}", path)
        self._objects.write(f"{uri}/{INDEX}", index)
        shutil.rmtree(folder)
        if name not in self._written:
            self._written.append(name)
        self._prune(KEPT)
        return StoredObject(uri=uri, sha256=sha256_hex(index))

    def remove_own(self, *, but: StoredObject | None) -> None:
        """Remove this attempt's checkpoints once its result is stored; others' are not ours."""
        self.finish()
        self._written = [n for n in self._written if but is None or not but.uri.endswith(n)]
        try:
            self._prune(0)
        except (StoreUnavailable, StoreForbidden) as error:
            _LOG.warning("old checkpoints were not removed: %s", error)

    def _save_if_possible(self, taken: Snapshot, static: Path) -> StoredObject | None:
        try:
            return self.save(taken, static)
        except (StoreUnavailable, StoreForbidden, Terminated) as error:
            _LOG.warning("checkpoint was not stored, training goes on: %s", error)
            return None

    def _prune(self, kept: int) -> None:
        while len(self._written) > kept:
            name = self._written[0]
            uri = f"{self._prefix}/{name}"
            # The index goes first: what is half removed must not look complete.
            names = sorted(self._objects.names(uri), key=lambda n: n != INDEX)
            for path in names:
                self._objects.delete(f"{uri}/{path}")
            self._written.pop(0)

    def _fetch(self, name: str) -> Restored | None:
        uri = f"{self._prefix}/{name}"
        index = Checkpoint.model_validate_json(self._objects.read(f"{uri}/{INDEX}"))
        if index.trial_digest != self._digest:
            return None
        folder = self._work / f"resume-{name}"
        folder.mkdir(parents=True, exist_ok=True)
        for file in index.files:
            if fetch_file(self._objects, uri, file.path, folder) != file.sha256:
                raise CorpusInvalid(f"{file.path} has another sha256 than its {INDEX} says")
        state = TrainingState.model_validate_json((folder / TRAINING).read_bytes())
        return Restored(folder=folder, state=state)


def fetch_file(objects: Objects, uri: str, path: str, folder: Path) -> str:
    """Download one file of a folder and return its SHA-256.

    Raises:
        CorpusInvalid: The path would leave the folder.
    """
    if path.startswith("/") or ".." in path.split("/"):
        raise CorpusInvalid(f"{uri} names the file {path!r}, which leaves its folder")
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    return objects.download(f"{uri}/{path}", target)


def _is_index(name: str) -> bool:
    folder, _, base = name.partition("/")
    return base == INDEX and folder.split("-")[0].isdecimal()


def _step_of(name: str) -> tuple[int, str]:
    return int(name.split("-")[0]), name

"""One attempt of a trial, in the order of its work: load, train, evaluate, store."""

from __future__ import annotations

import logging
import platform
import resource
import time
from importlib.metadata import version
from pathlib import Path
from typing import final

import torch

from mixatlas.contract.canonical import sha256_hex
from mixatlas.contract.exit_codes import TrainerExit
from mixatlas.contract.result import Score, StoredObject, TrialResult
from mixatlas.contract.trial import TrialFile
from mixatlas_trainer.batches import PlannerState
from mixatlas_trainer.cache import Cache
from mixatlas_trainer.checkpoint import CheckpointStore, snapshot
from mixatlas_trainer.evaluate import Evaluation, Scored, items_csv
from mixatlas_trainer.feed import Feed, ReadyBatch
from mixatlas_trainer.loading import Loaded, Loader
from mixatlas_trainer.objects import Objects
from mixatlas_trainer.progress import ProgressReporter
from mixatlas_trainer.settings import Settings
from mixatlas_trainer.stop import Stop, Terminated
from mixatlas_trainer.storing import (
    Insistence,
    ResultNotStored,
    termination_message,
    write_termination_log,
)
from mixatlas_trainer.stream import ShardOpener
from mixatlas_trainer.train import Diverged

CHECKPOINTS_A_TRIAL = 10
_EVALUATION_FACTOR = 4  # no gradients are kept, so more samples fit than in a training pass
_KIB = 1024

_LOG = logging.getLogger(__name__)


def attempt_uri(trial: TrialFile, pod_uid: str, name: str) -> str:
    """Return the URI of an object of an attempt."""
    return f"{trial.attempts.rstrip('/')}/{pod_uid}/{name}"


@final
class Attempt:
    """One attempt of a trial.

    Args:
        settings: Checked environment.
        trial: The trial file, its digest checked.
        objects: The store.
        stop: Tells when to end early.
        work: Folder of its own.
    """

    def __init__(
        self, settings: Settings, trial: TrialFile, objects: Objects, *, stop: Stop, work: Path
    ) -> None:
        self._settings = settings
        self._trial = trial
        self._objects = objects
        self._stop = stop
        self._started = time.monotonic()
        self._place: PlannerState | None = None
        self._micro_batch = max(1, trial.trainer.micro_batch // settings.micro_batch_divisor)
        cache = Cache(settings.cache or work / "cache", settings.cache_bytes, objects)
        self._loader = Loader(trial, objects, cache, work=work)
        self._opener = ShardOpener(cache, trial.corpus.manifest)
        self._checkpoints = CheckpointStore(objects, trial, pod_uid=settings.pod_uid, work=work)
        self._progress = ProgressReporter(objects, self._uri("progress.json"), trial)

    def run(self) -> TrainerExit:
        """Do the whole attempt; its result is stored when this returns.

        Raises:
            ContractViolation, CorpusInvalid, StoreUnavailable, StoreForbidden: As in `Loader`
                and `Evaluation`.
            ResultNotStored: After fifteen minutes; the scores are in the termination message.
            Terminated: The end was asked for; a checkpoint is stored if training had begun.
        """
        try:
            self._progress.report("loading", None)
            loaded = self._loader.load(self._opener, self._checkpoints)
            diverged = self._train(loaded)
            scored = [] if diverged else self._evaluate(loaded)
            if not all(result.is_finite for result in scored):
                diverged, scored = Diverged("a benchmark's score is not finite"), []
            self._store(loaded, scored, diverged)
            return TrainerExit.DIVERGED if diverged else TrainerExit.OK
        finally:
            self._opener.close()
            self._progress.close()
            self._checkpoints.close()

    def _train(self, loaded: Loaded) -> Diverged | None:
        training = loaded.training
        self._place = loaded.place
        feed = Feed(
            loaded.streams.planner,
            loaded.collator,
            micro_batch=self._micro_batch,
            budget=self._trial.tokens,
            done=training.tally.total,
        )
        try:
            return training.run(feed, lambda batch: self._after_step(loaded, batch))
        finally:
            feed.close()

    def _after_step(self, loaded: Loaded, batch: ReadyBatch) -> None:
        training = loaded.training
        self._place = batch.after
        try:
            self._stop.check()
        except Terminated:
            self._checkpoints.finish()
            stored = self._checkpoints.save(snapshot(training, batch.after), loaded.static)
            _LOG.info("told to end: stored %s", stored.uri)
            raise
        every = self._trial.trainer.checkpoint_every_tokens or max(
            1, self._trial.tokens // CHECKPOINTS_A_TRIAL
        )
        before = batch.total - batch.tokens.total()
        # The last one lets an attempt that ends during evaluation be taken up there.
        if batch.total // every > before // every or batch.total >= self._trial.tokens:
            _LOG.info(
                "%d tokens, step %d, loss %s", batch.total, training.tally.step, training.loss
            )
            taken = snapshot(training, batch.after)
            self._checkpoints.save_in_background(taken, loaded.static)
        self._progress.report("training", training)

    def _evaluate(self, loaded: Loaded) -> list[Scored]:
        def between() -> None:
            self._stop.check()
            self._progress.report("evaluating", loaded.training)

        evaluation = Evaluation(
            loaded.training.model,
            loaded.collator,
            batch=self._micro_batch * _EVALUATION_FACTOR,
            between=between,
        )
        return [evaluation.score(benchmark) for benchmark in loaded.benchmarks]

    def _store(self, loaded: Loaded, scored: list[Scored], diverged: Diverged | None) -> None:
        self._progress.report("storing", loaded.training)
        insistence = Insistence(self._stop.wait)
        scores = {result.benchmark.name: result.summary() for result in scored}
        result = self._result(loaded, scores, diverged)
        try:
            if self._trial.keep_checkpoint and not diverged:
                kept = self._final_checkpoint(loaded, insistence)
                result = result.model_copy(update={"checkpoint": kept})
            if scored:
                items = self._items(items_csv(scored), insistence)
                result = result.model_copy(update={"items": items})
            content = result.to_bytes()
            insistence.on(lambda: self._objects.write(self._uri("result.json"), content))
        except ResultNotStored:
            write_termination_log(self._settings.termination_log, termination_message(result))
            raise
        self._checkpoints.remove_own(but=result.checkpoint)

    def _final_checkpoint(self, loaded: Loaded, insistence: Insistence) -> StoredObject:
        stored = self._checkpoints.finish()
        if stored is not None:
            return stored
        assert self._place is not None  # noqa: S101  a trial has at least one step
        taken = snapshot(loaded.training, self._place)
        return insistence.on(lambda: self._checkpoints.save(taken, loaded.static))

    def _items(self, content: bytes, insistence: Insistence) -> StoredObject:
        uri = self._uri("items.csv")
        insistence.on(lambda: self._objects.write(uri, content))
        return StoredObject(uri=uri, sha256=sha256_hex(content))

    def _result(
        self, loaded: Loaded, scores: dict[str, Score], diverged: Diverged | None
    ) -> TrialResult:
        tally, streams = loaded.training.tally, loaded.streams
        seconds = time.monotonic() - self._started
        return TrialResult(
            trial_digest=self._trial.digest,
            attempt=self._settings.attempt,
            outcome="diverged" if diverged else "ok",
            benchmarks=scores,
            train_loss=tally.train_loss,
            domains=tally.use(streams.names, streams.tokens),
            seconds=seconds,
            gpu_seconds=seconds,
            flops=tally.flops,
            peak_memory=_peak_memory(loaded.training.model.device),
            pod_uid=self._settings.pod_uid,
            reason=diverged.reason if diverged else "",
            versions={
                "mixatlas": version("mixatlas"),
                "python": platform.python_version(),
                "torch": torch.__version__,
                "transformers": version("transformers"),
            },
        )

    def _uri(self, name: str) -> str:
        return attempt_uri(self._trial, self._settings.pod_uid, name)


def _peak_memory(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB

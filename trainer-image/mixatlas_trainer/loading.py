"""Everything that a trial names, fetched and checked before the first step."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import final

from pydantic import ValidationError

from mixatlas.contract.canonical import sha256_hex
from mixatlas.contract.errors import ContractViolation, CorpusInvalid
from mixatlas.contract.manifest import CorpusManifest
from mixatlas.contract.trial import TrialFile
from mixatlas_trainer.batches import PlannerState, TrialStreams, open_streams
from mixatlas_trainer.cache import Cache
from mixatlas_trainer.checkpoint import CheckpointStore, Restored, restore_moments, write_static
from mixatlas_trainer.collate import Collator
from mixatlas_trainer.evaluate import Benchmark, load_benchmarks
from mixatlas_trainer.folders import fetch_base, fetch_folder
from mixatlas_trainer.model import ProxyModel, build_model
from mixatlas_trainer.objects import ObjectMissing, Objects, resolve
from mixatlas_trainer.stream import ShardOpener
from mixatlas_trainer.text import TextEncoder
from mixatlas_trainer.train import Tally, Training


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What training and evaluation need.

    Attributes:
        streams: At the place where training starts.
        collator: Lays out samples and items.
        benchmarks: What the trial is scored on.
        training: Model and optimiser, resumed where a checkpoint was found.
        place: The sample order's place in that checkpoint, None at the beginning.
        static: Folder with what every checkpoint contains.
    """

    streams: TrialStreams
    collator: Collator
    benchmarks: list[Benchmark]
    training: Training
    place: PlannerState | None
    static: Path


def read_trial(uri: str, objects: Objects) -> TrialFile:
    """Read the trial file.

    Raises:
        ContractViolation: It is missing, or not a trial file.
    """
    try:
        return TrialFile.model_validate_json(objects.read(uri))
    except ObjectMissing as error:
        raise ContractViolation(error.message, hint="MIXATLAS_TRIAL names it.") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise ContractViolation(f"{uri}: {field}: {first['msg']}") from error


@final
class Loader:
    """Fetches what a trial names.

    Args:
        trial: The trial file.
        objects: The store.
        cache: For shards and for the files of a base.
        work: The attempt's own folder.
    """

    def __init__(self, trial: TrialFile, objects: Objects, cache: Cache, *, work: Path) -> None:
        self._trial = trial
        self._objects = objects
        self._cache = cache
        self._work = work

    def load(self, opener: ShardOpener, checkpoints: CheckpointStore) -> Loaded:
        """Load everything, from the newest checkpoint where there is one.

        Raises:
            ContractViolation: The trial, the model and the corpus do not fit together.
            CorpusInvalid: Something is missing or damaged.
            StoreUnavailable, StoreForbidden: The store cannot be read.
        """
        trial = self._trial
        manifest = self._manifest()
        _check_length(trial, manifest.image_tokens)
        tokenizer = self._tokenizer(manifest)
        encoder = TextEncoder(tokenizer, manifest.image_tokens)
        benchmarks = load_benchmarks(trial, self._objects, self._cache)
        streams = open_streams(trial, manifest, opener)
        restored = checkpoints.newest()
        folder = restored.folder if restored else self._base()
        model = build_model(trial.trainer, folder, seed=trial.seed)
        model.check_fits(encoder, manifest.image_tokens)
        static = self._work / "static"
        write_static(static, model, tokenizer)
        return Loaded(
            streams=streams,
            collator=Collator(
                encoder,
                sequence_length=trial.trainer.sequence_length,
                image_size=model.images.size,
            ),
            benchmarks=benchmarks,
            training=self._training(model, streams, restored),
            place=restored.state.planner if restored else None,
            static=static,
        )

    def _manifest(self) -> CorpusManifest:
        corpus = self._trial.corpus
        try:
            content = self._objects.read(corpus.manifest)
        except ObjectMissing as error:
            raise CorpusInvalid(error.message, hint="Restore the corpus.") from error
        if sha256_hex(content) != corpus.sha256:
            raise CorpusInvalid(
                f"{corpus.manifest} has another sha256 than the trial says",
                hint="It was changed after the search was accepted: restore it.",
            )
        try:
            return CorpusManifest.model_validate_json(content)
        except ValidationError as error:
            raise CorpusInvalid(f"{corpus.manifest} is not a manifest: {error}") from error

    def _tokenizer(self, manifest: CorpusManifest) -> Path:
        folder = self._work / "tokenizer"
        own = self._trial.trainer.tokenizer
        if own is not None:
            fetch_folder(own, None, self._objects, folder)
        else:
            uri = resolve(self._trial.corpus.manifest, manifest.tokenizer.url)
            fetch_folder(uri, manifest.tokenizer.sha256, self._objects, folder)
        return folder

    def _base(self) -> Path | None:
        if self._trial.base is None:
            return None
        folder = self._work / "base"
        fetch_base(self._trial.base, self._objects, self._cache, folder)
        return folder

    def _training(
        self, model: ProxyModel, streams: TrialStreams, restored: Restored | None
    ) -> Training:
        if restored is None:
            return Training(model, self._trial, Tally.empty(len(streams.names)))
        training = Training(model, self._trial, restored.state.tally)
        restore_moments(training, restored.folder)
        streams.planner.restore(restored.state.planner)
        return training


def _check_length(trial: TrialFile, image_tokens: int) -> None:
    limit = trial.trainer.sequence_length
    if limit < image_tokens + 3:
        raise ContractViolation(
            f"trainer.sequenceLength: {limit} tokens do not hold an image of {image_tokens} "
            "with a question and an answer",
            hint="Raise it.",
        )

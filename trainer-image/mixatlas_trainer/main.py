"""From the environment to an exit code: the image's entry point and the local forked child."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import torch

from mixatlas.contract.errors import (
    ContractViolation,
    CorpusInvalid,
    SpecError,
    StoreForbidden,
    StoreUnavailable,
)
from mixatlas.contract.exit_codes import TrainerExit
from mixatlas.contract.trial import TrialFile
from mixatlas_trainer.attempt import Attempt, attempt_uri
from mixatlas_trainer.loading import read_trial
from mixatlas_trainer.objects import Objects
from mixatlas_trainer.settings import Settings, termination_log, work_folder
from mixatlas_trainer.stop import Stop, Terminated
from mixatlas_trainer.storing import ResultNotStored, upload_log, write_termination_log

UNEXPECTED = 1
EXITS: tuple[tuple[tuple[type[BaseException], ...], int], ...] = (
    ((ContractViolation, SpecError), TrainerExit.CONTRACT),
    ((CorpusInvalid,), TrainerExit.DATA),
    ((ResultNotStored,), TrainerExit.RESULT_NOT_STORED),
    ((torch.OutOfMemoryError, MemoryError), TrainerExit.OUT_OF_MEMORY),
    ((Terminated,), TrainerExit.TERMINATED),
    ((StoreUnavailable, StoreForbidden), UNEXPECTED),
)
"""What ends an attempt early, and its exit code; the first match counts."""

_LOG = logging.getLogger("mixatlas_trainer")


def main(environ: Mapping[str, str]) -> int:
    """Train and score one trial.

    Args:
        environ: `MIXATLAS_*` and `AWS_*` variables; nothing else is read.

    Returns:
        An exit code of `contract.exit_codes.TrainerExit`, or 1 for anything else that went
        wrong. The result, or the reason, is stored before it returns.
    """
    stop = Stop()
    with stop.listening(), work_folder() as folder:
        return _Process(environ, stop, Path(folder)).run()


class _Process:
    """One call of `main`: what is known of the attempt so far decides where its log goes."""

    def __init__(self, environ: Mapping[str, str], stop: Stop, work: Path) -> None:
        self._environ = environ
        self._stop = stop
        self._work = work
        self._objects = Objects(environ, wait=stop.wait)
        self._settings: Settings | None = None
        self._trial: TrialFile | None = None

    def run(self) -> int:
        log = self._work / "log.txt"
        handlers: list[logging.Handler] = [logging.FileHandler(log), logging.StreamHandler()]
        form = logging.Formatter("%(asctime)s %(levelname)s %(message)s")
        level = _LOG.level
        _LOG.setLevel(logging.INFO)
        for handler in handlers:
            handler.setFormatter(form)
            _LOG.addHandler(handler)
        try:
            code = self._guarded()
            _LOG.info("exit code %d", code)
        finally:
            _LOG.setLevel(level)
            for handler in handlers:
                _LOG.removeHandler(handler)
                handler.close()
        if self._settings is not None and self._trial is not None:
            uri = attempt_uri(self._trial, self._settings.pod_uid, "log.txt")
            upload_log(self._objects, uri, log)
        return code

    def _guarded(self) -> int:
        try:
            return self._attempt()
        # The outermost loop: every end has a code.
        except Exception as error:
            code = _exit_code(error)
            if code is None:
                _LOG.exception("unexpected")
            else:
                _LOG.error("%s: %s", type(error).__name__, error)
            # After 45 the message already holds the scores.
            if not isinstance(error, (ResultNotStored, Terminated)):
                message = f"{type(error).__name__}: {error}".encode()
                write_termination_log(termination_log(self._environ), message)
            return UNEXPECTED if code is None else code

    def _attempt(self) -> int:
        settings = self._settings = Settings.read(self._environ)
        if settings.threads is not None:
            torch.set_num_threads(settings.threads)
        trial = self._trial = read_trial(settings.trial, self._objects)
        if trial.digest != settings.trial_digest:
            raise ContractViolation(
                f"the trial file hashes to {trial.digest}, and MIXATLAS_TRIAL_DIGEST is "
                f"{settings.trial_digest}",
                hint="Trainer and search must be of one version.",
            )
        _LOG.info("trial %d, attempt %d, digest %s", trial.trial, settings.attempt, trial.digest)
        attempt = Attempt(settings, trial, self._objects, stop=self._stop, work=self._work)
        return int(attempt.run())


def _exit_code(error: Exception) -> int | None:
    return next((int(code) for kinds, code in EXITS if isinstance(error, kinds)), None)

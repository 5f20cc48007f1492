"""Where each record lies under a search's prefix, and what its Jobs are called."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TRIAL = re.compile(r"/trials/(\d{6})/")
_NAME = re.compile(r"-t(\d{6})-a(\d+)$")
_ATTEMPT = re.compile(r"/trials/\d{6}/attempt-\d{4}\.json$")


def root_of(*, bucket: str, prefix: str, namespace: str, name: str, uid: str) -> str:
    """Return the URI prefix of a search's ledger."""
    parts = [bucket, prefix.strip("/"), namespace, name, uid]
    return "s3://" + "/".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Layout:
    """Names of all objects of one search.

    Args:
        root: URI prefix of the search, without a final slash:
            `s3://BUCKET/PREFIX/NAMESPACE/NAME/UID`.
    """

    root: str

    @property
    def search(self) -> str:
        """URI of the accepted document."""
        return f"{self.root}/search.json"

    @property
    def evidence(self) -> str:
        """URI of what the warm start was at acceptance; only a search that has one has it."""
        return f"{self.root}/evidence.json"

    @property
    def objective(self) -> str:
        """URI of the fixed objective."""
        return f"{self.root}/objective.json"

    @property
    def report(self) -> str:
        """URI of the report."""
        return f"{self.root}/report/index.html"

    @property
    def rounds(self) -> str:
        """Prefix of the rounds."""
        return f"{self.root}/rounds/"

    @property
    def trials(self) -> str:
        """Prefix of the trials."""
        return f"{self.root}/trials/"

    @property
    def predictions(self) -> str:
        """Prefix of the predictions."""
        return f"{self.root}/predictions/"

    @property
    def winners(self) -> str:
        """Prefix of the winners."""
        return f"{self.root}/winner/"

    def round(self, number: int) -> str:
        """URI of a round."""
        return f"{self.rounds}{number:04d}.json"

    def prediction(self, revision: int) -> str:
        """URI of a revision's predictions."""
        return f"{self.predictions}{revision:04d}.json"

    def winner(self, revision: int) -> str:
        """URI of a revision's winner."""
        return f"{self.winners}{revision:04d}.json"

    def output_job(self, revision: int) -> str:
        """URI of the record of a revision's output Job."""
        return f"{self.root}/output/{revision:04d}.json"

    def trial_file(self, trial: int, digest: str) -> str:
        """URI of a trial file, named by its content."""
        return f"{self.trials}{trial:06d}/{digest[:12]}.json"

    def outcome(self, trial: int) -> str:
        """URI of a trial's outcome."""
        return f"{self.trials}{trial:06d}/outcome.json"

    def attempt_record(self, trial: int, attempt: int) -> str:
        """URI of the record of an attempt that ended before its trial: stopped, or lost."""
        return f"{self.trials}{trial:06d}/attempt-{attempt:04d}.json"

    def attempts(self, trial: int) -> str:
        """Prefix under which a trainer writes `POD_UID/…`, without a final slash."""
        return f"{self.trials}{trial:06d}/attempts"

    def attempt_object(self, trial: int, pod_uid: str, name: str) -> str:
        """URI of one object of an attempt: result.json, progress.json, items.csv, log.txt."""
        return f"{self.attempts(trial)}/{pod_uid}/{name}"

    def checkpoints(self, trial: int) -> str:
        """Prefix under which a trainer writes `STEP-POD_UID/…`, without a final slash."""
        return f"{self.root}/checkpoints/{trial:06d}"


def trial_of(uri: str) -> int | None:
    """Return the trial that an object under `trials/` belongs to, or None."""
    match = _TRIAL.search(uri)
    return int(match.group(1)) if match else None


def is_attempt_record(uri: str) -> bool:
    """Tell whether an object is the record of an attempt (`Layout.attempt_record`)."""
    return _ATTEMPT.search(uri) is not None


def attempt_name(search: str, uid: str, trial: int, attempt: int) -> str:
    """Return the deterministic name of an attempt: the create is the lock.

    Example:
        >>> attempt_name("demo", "0a1b2c3d", 17, 1)
        'demo-0a1b2-t000017-a1'
    """
    return f"{search}-{uid[:5]}-t{trial:06d}-a{attempt}"


def parse_attempt_name(name: str) -> tuple[int, int]:
    """Return the numbers of trial and attempt that a name was made from.

    Raises:
        ValueError: `attempt_name` did not make it.

    Example:
        >>> parse_attempt_name("demo-0a1b2-t000017-a1")
        (17, 1)
    """
    match = _NAME.search(name)
    if match is None:
        raise ValueError(f"{name} is not the name of an attempt")
    return int(match.group(1)), int(match.group(2))

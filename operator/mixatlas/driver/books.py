"""The ledger as the driver holds it: read once, then kept current by what it writes itself."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping
from typing import TypeVar

import numpy as np
from pydantic import ValidationError

from mixatlas.contract.canonical import sha256_hex
from mixatlas.contract.result import ITEMS_HEADER, Progress, TrialResult
from mixatlas.contract.trial import Purpose, TrialFile
from mixatlas.driver.ports import ObjectStore
from mixatlas.ledger.layout import Layout, is_attempt_record, trial_of
from mixatlas.ledger.reading import read_record
from mixatlas.ledger.records import (
    AttemptRecord,
    ObjectiveRecord,
    OutcomeClass,
    PredictionRecord,
    RoundRecord,
    TrialOutcome,
    WinnerRecord,
)
from mixatlas.plan.observed import Accepted, AttemptState, ItemScores, Observed
from mixatlas.spec.model import MixtureSearch

PROGRESS_AGE_S = 2.0
"""How old a trial's progress may be: many passes may fall into a second."""
_Numbered = TypeVar("_Numbered", RoundRecord, PredictionRecord, WinnerRecord)
Writable = RoundRecord | TrialOutcome | ObjectiveRecord | PredictionRecord | WinnerRecord


class Outdated(Exception):
    """Another leader has written since these books were read: they are to be read again."""


class Books:
    """All records of one search.

    Records are written once, so what was read stays true; only results and progress of open
    trials are looked for again. A new instance holds nothing but what the store holds: that
    is what a restart is.

    Args:
        store: Where the ledger lies.
        layout: Its names.
    """

    def __init__(self, store: ObjectStore, layout: Layout) -> None:
        self._store = store
        self._layout = layout
        self.rounds: dict[int, RoundRecord] = {}
        self.outcomes: dict[int, TrialOutcome] = {}
        self.predictions: dict[int, PredictionRecord] = {}
        self.winners: dict[int, WinnerRecord] = {}
        self.objective: ObjectiveRecord | None = None
        self.items: dict[int, Mapping[str, ItemScores]] = {}
        self.results: dict[int, dict[str, TrialResult]] = {}
        self.removed: dict[int, dict[int, AttemptRecord]] = {}
        self.files: dict[str, TrialFile] = {}
        self._progress: dict[str, tuple[float, Progress | None]] = {}

    @classmethod
    def open(cls, store: ObjectStore, layout: Layout) -> Books:
        """Read everything that the store holds of a search.

        Raises:
            StoreUnavailable, StoreForbidden: The store does not answer, or refuses.
            HistoryMismatch: A newer version wrote a record, or one is damaged.
        """
        books = cls(store, layout)
        for record in books._read_all(layout.rounds, RoundRecord):
            books.rounds[record.round] = record
        for prediction in books._read_all(layout.predictions, PredictionRecord):
            books.predictions[prediction.revision] = prediction
        for winner in books._read_all(layout.winners, WinnerRecord):
            books.winners[winner.revision] = winner
        objective = store.get(layout.objective)
        if objective is not None:
            books.objective = read_record(ObjectiveRecord, objective, layout.objective)
        names = store.list(layout.trials)
        books.outcomes = {outcome.trial: outcome for outcome in read_outcomes(store, layout)}
        for uri in (name for name in names if is_attempt_record(name)):
            trial, content = trial_of(uri), store.get(uri)
            if trial is not None and content is not None:
                removed = read_record(AttemptRecord, content, uri)
                books.removed.setdefault(trial, {})[removed.attempt] = removed
        for uri in (name for name in names if name.endswith("/result.json")):
            trial = trial_of(uri)
            if trial is not None and trial not in books.outcomes:
                books.look_for_result(trial, uri.split("/")[-2])
        books.load_items()
        return books

    def observed(
        self, accepted: Accepted, live: MixtureSearch, drift: tuple[str, ...] = ()
    ) -> Observed:
        """Return what the ledger alone tells."""
        return Observed(
            accepted=accepted,
            live=live,
            drift=drift,
            rounds=tuple(self.rounds.values()),
            outcomes=tuple(self.outcomes.values()),
            objective=self.objective,
            predictions=tuple(self.predictions.values()),
            winners=tuple(self.winners.values()),
            results={trial: tuple(found.values()) for trial, found in self.results.items()},
            items=dict(self.items),
            files=dict(self.files),
            removed={
                trial: tuple(attempts[number] for number in sorted(attempts))
                for trial, attempts in self.removed.items()
            },
        )

    def write(self, uri: str, record: Writable) -> None:
        """Store a record, and remember it once it is stored.

        Raises:
            Outdated: Another leader has written it, differently.
        """
        self._put_once(uri, record.to_bytes())
        match record:
            case RoundRecord():
                self.rounds[record.round] = record
            case TrialOutcome():
                self.outcomes[record.trial] = record
                self.results.pop(record.trial, None)
                self.load_items()
            case ObjectiveRecord():
                self.objective = record
            case PredictionRecord():
                self.predictions[record.revision] = record
            case WinnerRecord():
                self.winners[record.revision] = record

    def check_open(self, trial: int) -> None:
        """Look whether a trial that these books hold for open is so.

        Raises:
            Outdated: Another leader has ended it.
        """
        if self._store.get(self._layout.outcome(trial)) is not None:
            raise Outdated(f"trial {trial} has ended")

    def _put_once(self, uri: str, content: bytes) -> None:
        # Not atomic, and need not be: it only makes it rare that a paused leader overwrites.
        there = self._store.get(uri)
        if there is None:
            self._store.put(uri, content)
        elif there != content:
            raise Outdated(uri)

    def write_attempt(self, trial: int, record: AttemptRecord) -> None:
        """Store the record of an attempt that is about to be removed, and remember it."""
        uri = self._layout.attempt_record(trial, record.attempt)
        self._put_once(uri, record.to_bytes())
        self.removed.setdefault(trial, {})[record.attempt] = record

    def look_for_results(self, attempts: tuple[AttemptState, ...]) -> None:
        """Look once more for the results of attempts that are over, and whose trial is open.

        One that was lost or stopped may have stored its result all the same.
        """
        over = {(a.trial, a.pod_uid) for a in attempts if a.phase == "ended"}
        over |= {(trial, a.pod_uid) for trial, rs in self.removed.items() for a in rs.values()}
        for trial, pod_uid in sorted(over):
            if trial not in self.outcomes and pod_uid:
                self.look_for_result(trial, pod_uid)

    def look_for_files(self, attempts: tuple[AttemptState, ...]) -> None:
        """Read the trial files of attempts that were started by another record of their round."""
        planned = {t.trial: t.digest for r in self.rounds.values() for t in r.trials}
        for attempt in attempts:
            is_strange = planned.get(attempt.trial, attempt.digest) != attempt.digest
            if is_strange and attempt.digest not in self.files:
                uri = self._layout.trial_file(attempt.trial, attempt.digest)
                content = self._store.get(uri)
                if content is not None:
                    self.files[attempt.digest] = read_record(TrialFile, content, uri)

    def look_for_result(self, trial: int, pod_uid: str) -> None:
        """Read an attempt's result where it has one. One that breaks the contract is none."""
        known = self.results.setdefault(trial, {})
        if pod_uid in known:
            return
        content = self._store.get(self._layout.attempt_object(trial, pod_uid, "result.json"))
        if content is None:
            return
        try:
            result = TrialResult.model_validate_json(content)
        except ValidationError:
            return
        if result.pod_uid == pod_uid:
            known[pod_uid] = result

    def progress(self, attempts: tuple[AttemptState, ...], now: float) -> dict[int, Progress]:
        """Return how far the running attempts are, at most `PROGRESS_AGE_S` seconds ago."""
        running = [attempt for attempt in attempts if attempt.phase == "running"]
        known = {
            a.pod_uid: self._progress[a.pod_uid] for a in running if a.pod_uid in self._progress
        }
        for attempt in running:
            read_at, _ = known.get(attempt.pod_uid, (-math.inf, None))
            if now - read_at >= PROGRESS_AGE_S:
                known[attempt.pod_uid] = now, self._read_progress(attempt)
        self._progress = known
        latest = {attempt.trial: known[attempt.pod_uid][1] for attempt in running}
        return {trial: progress for trial, progress in latest.items() if progress is not None}

    def _read_progress(self, attempt: AttemptState) -> Progress | None:
        uri = self._layout.attempt_object(attempt.trial, attempt.pod_uid, "progress.json")
        content = self._store.get(uri)
        try:
            return Progress.model_validate_json(content) if content is not None else None
        except ValidationError:
            return None  # progress is for people; a broken one decides nothing

    def load_items(self) -> None:
        """Read the item scores of every confirmation trial that ended ok."""
        for trial, outcome in self.outcomes.items():
            is_wanted = outcome.purpose is Purpose.CONFIRM and outcome.outcome is OutcomeClass.OK
            if not is_wanted or trial in self.items or outcome.credited is None:
                continue
            stored = outcome.credited.items
            content = self._store.get(stored.uri) if stored else None
            if stored is None or content is None or sha256_hex(content) != stored.sha256:
                continue
            try:
                self.items[trial] = parse_items(content)
            except ValueError:
                continue  # a seed without readable items is an incomplete pair

    def _read_all(self, prefix: str, model: type[_Numbered]) -> list[_Numbered]:
        found = []
        for uri in self._store.list(prefix):
            content = self._store.get(uri)
            if content is not None:
                found.append(read_record(model, content, uri))
        return found


def read_outcomes(store: ObjectStore, layout: Layout) -> Iterator[TrialOutcome]:
    """Read how the trials of a search have ended."""
    for uri in store.list(layout.trials):
        content = store.get(uri) if uri.endswith("/outcome.json") else None
        if content is not None:
            yield read_record(TrialOutcome, content, uri)


def parse_items(content: bytes) -> dict[str, ItemScores]:
    """Parse `items.csv` into scores by benchmark, rows sorted by item.

    Raises:
        ValueError: The columns are not those of the contract, or a score is no number.
    """
    rows = list(csv.reader(io.StringIO(content.decode())))
    if not rows or tuple(rows[0]) != ITEMS_HEADER:
        raise ValueError(f"items.csv must have the columns {', '.join(ITEMS_HEADER)}")
    by_benchmark: dict[str, list[tuple[str, str, float]]] = {}
    for benchmark, item, image, score in rows[1:]:
        by_benchmark.setdefault(benchmark, []).append((item, image, float(score)))
    return {
        name: ItemScores(
            items=tuple(item for item, _, _ in entries),
            images=tuple(image for _, image, _ in entries),
            scores=np.array([score for _, _, score in entries]),
        )
        for name, entries in ((n, sorted(e)) for n, e in by_benchmark.items())
    }

"""The loop. One pass: observe, plan, act, status, events; then wait, or go on at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mixatlas.contract.errors import StoreUnavailable
from mixatlas.driver.accept import drifted
from mixatlas.driver.books import Books, Outdated
from mixatlas.driver.ports import (
    Clock,
    ObjectStore,
    Proposer,
    StartRequest,
    StatusSink,
    TrialRunner,
)
from mixatlas.driver.questions import nominate_question, propose_question
from mixatlas.driver.warm_start import read_earlier
from mixatlas.ledger.records import OutcomeClass, RoundRecord, TrialOutcome
from mixatlas.plan.actions import (
    Action,
    ForgetTrial,
    PublishWinner,
    RecordAttempt,
    RecordObjective,
    RecordOutcome,
    RecordPredictions,
    RecordRound,
    RequestNomination,
    RequestProposal,
    StartTrial,
    StopTrial,
)
from mixatlas.plan.conditions import conditions_of
from mixatlas.plan.observed import Accepted, Observed
from mixatlas.plan.plan import is_done, plan
from mixatlas.plan.status import describe
from mixatlas.report.page import render_report
from mixatlas.spec.model import MixtureSearch

IDLE_S = 0.25
"""Pause of a pass that had nothing to do."""
STORE_PATIENCE_S = 900.0
"""How long a store that does not answer is waited for before the loop gives up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The world of one driver."""

    store: ObjectStore
    runner: TrialRunner
    proposer: Proposer
    sink: StatusSink
    clock: Clock


class Driver:
    """Drives one search to its end. It remembers nothing that the store does not hold.

    Args:
        accepted: The search.
        ports: The world.
        live: Returns the document as it stands now.
        slots: How many trials this place can run at once.
        render: From what was observed to the report that is stored with each winner.
        status: As last written by an earlier process: times of its conditions are kept.
    """

    def __init__(
        self,
        accepted: Accepted,
        ports: Ports,
        *,
        live: Callable[[], MixtureSearch],
        slots: int,
        render: Callable[[Observed], bytes] = render_report,
        status: Mapping[str, Any] | None = None,
    ) -> None:
        self._accepted = accepted
        self._ports = ports
        self._live = live
        self._slots = slots
        self._render = render
        self._books: Books | None = None
        self._earlier: Mapping[str, TrialOutcome] = {}
        self._conditions = conditions_of(status or {})
        self._written: Mapping[str, Any] = status or {}
        self._degraded: tuple[str, str] | None = None
        self._is_interrupted = False

    def run(self) -> Observed:
        """Run passes until nothing is left to do, or until an interrupt has drained.

        Returns:
            The last observation.

        Raises:
            StoreForbidden: The store refuses.
            StoreUnavailable: The store did not answer for `STORE_PATIENCE_S`.
        """
        clock = self._ports.clock
        last_answer = clock.now()
        while True:
            try:
                observed, n_actions = self.run_pass()
            except StoreUnavailable as error:
                if clock.now() - last_answer > STORE_PATIENCE_S:
                    raise
                self._degraded = ("StorageUnavailable", error.message)
                self._ports.sink.event("StorageUnavailable", error.message)
                clock.wait(IDLE_S)
                continue
            last_answer, self._degraded = clock.now(), None
            if n_actions:
                continue
            is_drained = all(attempt.phase == "ended" for attempt in observed.attempts)
            if is_done(observed) or (self._is_interrupted and is_drained):
                return observed
            clock.wait(IDLE_S)

    def interrupt(self) -> None:
        """Ask running trials to checkpoint and end; nothing new starts."""
        self._is_interrupted = True

    def rewrite_status(self) -> None:
        """Write the status with the next pass even if it is what was last written here.

        For whoever has written another one over it.
        """
        self._written = {}

    def run_pass(self) -> tuple[Observed, int]:
        """Run one pass.

        Returns:
            What was observed, and how many actions were carried out.
        """
        observed = self.observe()
        actions = _drain(observed) if self._is_interrupted else plan(observed)
        try:
            for action in actions:
                self._act(observed, action)
        except Outdated:
            self._books = None
        self._tell_status(self.observe() if actions else observed)
        return observed, len(actions)

    def observe(self) -> Observed:
        """Gather everything known."""
        if self._books is None:
            self._books = Books.open(self._ports.store, self._accepted.layout)
            self._earlier = read_earlier(self._ports.store, self._accepted)
            self._tell_resumed(self._books)
            self._tell_warm_start(self._books)
        books = self._books
        attempts = self._ports.runner.observe()
        books.look_for_results(attempts)
        books.look_for_files(attempts)
        live, now = self._live(), self._ports.clock.now()
        return replace(
            books.observed(self._accepted, live, drifted(self._accepted, live)),
            earlier=self._earlier,
            attempts=attempts,
            progress=books.progress(attempts, now),
            proposal=self._ports.proposer.poll(),
            conditions=self._conditions,
            slots=self._slots,
            degraded=self._degraded,
            now=now,
        )

    def _act(self, observed: Observed, action: Action) -> None:
        books, layout = self._books, self._accepted.layout
        if books is None:
            raise RuntimeError("a pass acts only after it has observed")
        match action:
            case RecordRound(record):
                books.write(layout.round(record.round), record)
                self._tell_round(record)
            case StartTrial():
                self._start(books, action)
            case StopTrial(name):
                self._ports.runner.stop(name)
            case RecordAttempt(trial=trial, record=record):
                books.write_attempt(trial, record)
            case ForgetTrial(name):
                self._ports.runner.forget(name)
            case RecordOutcome(record):
                books.write(layout.outcome(record.trial), record)
                self._tell_outcome(record)
            case RecordObjective(record):
                books.write(layout.objective, record)
                self._ports.sink.event("ObjectiveFixed", _objective_sentence(action))
            case RecordPredictions(record):
                books.write(layout.prediction(record.revision), record)
            case PublishWinner(record):
                # The report first: after a crash in between, both are written again.
                told = replace(observed, winners=(*observed.winners, record))
                self._ports.store.put(layout.report, self._render(told))
                books.write(layout.winner(record.revision), record)
                self._ports.sink.event("WinnerPublished", record.why)
            case RequestProposal() | RequestNomination():
                self._ask(observed, action)

    def _start(self, books: Books, action: StartTrial) -> None:
        """Write the trial's file, then start: a crash in between leaves a file that is right."""
        uri = self._accepted.layout.trial_file(action.file.trial, action.file.digest)
        self._ports.store.put(uri, action.file.to_bytes())
        books.check_open(action.file.trial)
        self._ports.runner.start(
            StartRequest(
                name=action.name,
                trial=action.file.trial,
                attempt=action.attempt,
                digest=action.file.digest,
                trial_uri=uri,
                purpose=action.file.purpose.value,
                micro_batch_divisor=action.micro_batch_divisor,
                fresh_cache=action.fresh_cache,
            )
        )

    def _ask(self, observed: Observed, action: RequestProposal | RequestNomination) -> None:
        objective = observed.objective
        if objective is None:
            raise RuntimeError("nothing is proposed before the objective is fixed")
        question = (
            propose_question(observed, action, objective)
            if isinstance(action, RequestProposal)
            else nominate_question(observed, action, objective)
        )
        self._ports.proposer.start(question)

    def _tell_status(self, observed: Observed) -> None:
        """Write the status once a pass, and only when it differs."""
        status, self._conditions = describe(observed, self._ports.clock.now())
        if status != self._written:
            self._ports.sink.write(status)
            self._written = status

    def _tell_resumed(self, books: Books) -> None:
        if books.rounds:
            open_trials = {t.trial for r in books.rounds.values() for t in r.trials}
            n_open = len(open_trials - books.outcomes.keys())
            self._ports.sink.event(
                "Resumed", f"{len(books.outcomes)} trials have ended, {n_open} go on"
            )

    def _tell_warm_start(self, books: Books) -> None:
        """Say what a search that begins takes for evidence."""
        if not books.rounds:
            for source in self._accepted.warm_start.sources:
                self._ports.sink.event("EvidenceRead", f"{source.field}: {source.told}")

    def _tell_round(self, record: RoundRecord) -> None:
        n = len(record.trials)
        self._ports.sink.event(
            "RoundRecorded", f"round {record.round} ({record.kind}): {n} trials, {record.why}"
        )

    def _tell_outcome(self, record: TrialOutcome) -> None:
        is_ok = record.outcome is OutcomeClass.OK
        word = f"{record.purpose} {record.outcome}"
        if record.taken_from:
            how = f", taken over from {record.taken_from}"
        else:
            how = f" in {record.seconds:.0f} s" if is_ok else ""
        reason = f": {record.reason}" if record.reason else ""
        self._ports.sink.event("TrialEnded", f"trial {record.trial} ({word}){how}{reason}")


def _drain(observed: Observed) -> list[Action]:
    """Ask everything that runs to end, once; records of what has ended still come."""
    stops = [StopTrial(a.name) for a in observed.attempts if a.can_be_stopped]
    records = [action for action in plan(observed) if isinstance(action, RecordOutcome)]
    return [*records, *stops] if records else list(stops)


def _objective_sentence(action: RecordObjective) -> str:
    record = action.record
    flags = f"; flags: {', '.join(f.benchmark + ' ' + f.name for f in record.flags)}"
    return f"{record.scale}, reference {record.reference}{flags if record.flags else ''}"

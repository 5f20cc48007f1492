"""What a plan may ask for. Every action is neutral about who carries it out."""

from __future__ import annotations

from dataclasses import dataclass

from mixatlas.contract.mixture import Mixture
from mixatlas.contract.trial import TrialFile
from mixatlas.ledger.records import (
    AttemptRecord,
    BasedOn,
    ObjectiveRecord,
    PredictionRecord,
    RoundRecord,
    TrialOutcome,
    WinnerRecord,
)


@dataclass(frozen=True, slots=True)
class RecordRound:
    """Write the intent of a round, before any of its trials starts."""

    record: RoundRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class StartTrial:
    """Write the trial's file, then start an attempt under its deterministic name."""

    name: str
    attempt: int
    file: TrialFile
    micro_batch_divisor: int = 1
    fresh_cache: bool = False


@dataclass(frozen=True, slots=True)
class StopTrial:
    """Ask a running attempt to end."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordAttempt:
    """Write down an attempt that ends before its trial does, before its Job is removed."""

    trial: int
    record: AttemptRecord


@dataclass(frozen=True, slots=True)
class ForgetTrial:
    """Remove what is left of an attempt that is told of by a record."""

    name: str


@dataclass(frozen=True, slots=True)
class RecordOutcome:
    """Write the outcome that alone ends a trial."""

    record: TrialOutcome


@dataclass(frozen=True, slots=True)
class RecordObjective:
    """Fix the objective."""

    record: ObjectiveRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestProposal:
    """Ask the proposer for `q` mixtures of round `round_number`."""

    key: str
    round_number: int
    q: int
    based_on: BasedOn
    pending: tuple[Mixture, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestNomination:
    """Ask the proposer for the arms of a confirmation with their predictions."""

    key: str
    revision: int
    n_candidates: int
    based_on: BasedOn


@dataclass(frozen=True, slots=True)
class RecordPredictions:
    """Store what is predicted of the arms, before the first of them is trained."""

    record: PredictionRecord


@dataclass(frozen=True, slots=True)
class PublishWinner:
    """Write the winner of a revision."""

    record: WinnerRecord


Action = (
    RecordRound
    | StartTrial
    | StopTrial
    | RecordAttempt
    | ForgetTrial
    | RecordOutcome
    | RecordObjective
    | RequestProposal
    | RequestNomination
    | RecordPredictions
    | PublishWinner
)

"""What every proposer promises its driver: the instant one, and a worker process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from fakes import InstantProposer
from mixatlas.adapters.proposer import ProposerPool, WorkerProposer
from mixatlas.driver.ports import Proposer
from mixatlas.plan.observed import Failed, Idle, ProposalState, Ready, Running
from processes import until
from scenario import World
from worker_functions import obey, refuse


@dataclass
class KeepingProposer(InstantProposer):
    """Keeps the questions of a whole search."""

    questions: list[Any] = field(default_factory=list)

    def start(self, question: Any) -> None:
        self.questions.append(question)
        super().start(question)


@pytest.fixture(scope="module")
def questions() -> list[Any]:
    """Return the questions that a search asks."""
    proposer = KeepingProposer()
    World(proposer=proposer).run()
    return proposer.questions


@pytest.fixture(
    params=[
        "instant",
        pytest.param("worker", marks=pytest.mark.slow),
        pytest.param("seat", marks=pytest.mark.slow),
    ]
)
def proposer(request: pytest.FixtureRequest) -> Iterator[Proposer]:
    pool = ProposerPool(obey, size=1)
    made: dict[str, Callable[[], Proposer]] = {
        "instant": InstantProposer,
        "worker": lambda: WorkerProposer(obey),
        "seat": pool.seat,
    }
    proposer = made[request.param]()
    yield proposer
    proposer.close()
    pool.close()


def end_of(proposer: Proposer) -> ProposalState:
    """Wait for the answer, or for the reason why there is none."""
    until(lambda: not isinstance(proposer.poll(), Running))
    return proposer.poll()


def test_a_proposer_that_was_asked_nothing_is_idle(proposer: Proposer) -> None:
    assert proposer.poll() == Idle()


def test_every_question_of_a_search_is_answered_under_its_key(
    proposer: Proposer, questions: list[Any]
) -> None:
    assert len(questions) >= 2
    for question in questions:
        proposer.start(question)
        state = end_of(proposer)
        assert isinstance(state, Ready)
        assert state.key == question.key


def test_an_answer_stays_until_the_next_question(proposer: Proposer, questions: list[Any]) -> None:
    proposer.start(questions[0])
    assert end_of(proposer) is proposer.poll()


def test_a_later_question_replaces_an_earlier_one(proposer: Proposer, questions: list[Any]) -> None:
    proposer.start(questions[0])
    proposer.start(questions[1])
    state = end_of(proposer)
    assert isinstance(state, Ready)
    assert state.key == questions[1].key


@pytest.mark.parametrize("kind", ["instant", pytest.param("worker", marks=pytest.mark.slow)])
def test_a_failure_is_a_state_with_its_reason(kind: str, questions: list[Any]) -> None:
    proposer: Proposer = (
        InstantProposer(failure="no such point") if kind == "instant" else WorkerProposer(refuse)
    )
    proposer.start(questions[0])
    state = end_of(proposer)
    proposer.close()
    assert isinstance(state, Failed)
    assert state.key == questions[0].key
    assert "no such point" in state.reason

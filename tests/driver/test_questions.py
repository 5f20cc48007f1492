"""What the worker answers, as it goes into the ledger."""

from __future__ import annotations

from fakes import InstantProposer
from mixatlas.driver.questions import NominateQuestion, ProposeQuestion, answer
from mixatlas.ledger.layout import Layout
from mixatlas.ledger.reading import read_record
from mixatlas.ledger.records import PredictionRecord
from mixatlas.plan.observed import Ready
from scenario import ROOT, World


class Nominating(InstantProposer):
    """Proposes at once, and nominates as the worker does."""

    def start(self, question: ProposeQuestion | NominateQuestion) -> None:
        super().start(question)
        if isinstance(question, NominateQuestion):
            self.state = Ready(question.key, answer(question))


def test_a_nomination_measures_the_near_optimal_set_for_ledger_and_status() -> None:
    world = World(proposer=Nominating())
    world.run()
    uri = Layout(ROOT).prediction(1)
    record = read_record(PredictionRecord, world.store.objects[uri], uri)
    assert all(arm.objective is not None for arm in record.arms)
    near = record.near_optimal
    assert near is not None
    assert 0 < near.share < near.reach < 1
    assert near.tried < near.eligible
    shown = [status["nearOptimal"] for status in world.sink.statuses if "nearOptimal" in status]
    assert shown
    assert all(plain == near.to_plain() for plain in shown)

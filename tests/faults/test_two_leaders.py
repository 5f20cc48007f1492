"""F7: a leader that was paused in the middle of a pass goes on after another has taken over."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from fakes import InstantProposer, MemoryStore
from mixatlas.contract.trial import TrialFile
from mixatlas.driver.accept import accept
from mixatlas.driver.driver import Driver, Ports
from mixatlas.ledger.layout import Layout
from mixatlas.plan.plan import is_done
from scenario import ROOT, World, a_document

PASSES = 12
"""Of the second leader, while the first one is paused."""


@dataclass
class OtherProposer(InstantProposer):
    """Asks for other points than its base class does."""

    def start(self, question: Any) -> None:
        super().start(replace(question, seed=question.seed + 1))


@dataclass
class PausedStore:
    """A store whose first write to an object happens only after another leader has worked."""

    store: MemoryStore
    uri: str
    other: Driver
    is_paused: bool = False

    def put(self, uri: str, data: bytes) -> None:
        if uri.startswith(self.uri) and not self.is_paused:
            self.is_paused = True
            for _ in range(PASSES):
                self.other.run_pass()
        self.store.put(uri, data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


@pytest.mark.parametrize(
    "uri",
    [
        Layout(ROOT).round(3),
        Layout(ROOT).round(4),
        f"{ROOT}/trials/000001/",
        Layout(ROOT).outcome(2),
        Layout(ROOT).objective,
        Layout(ROOT).prediction(1),
        Layout(ROOT).winner(1),
    ],
    ids=["round", "next-round", "trial", "outcome", "objective", "predictions", "winner"],
)
@pytest.mark.parametrize("axes", [("concept", "task"), ("concept",)], ids=["cells", "slices"])
def test_what_was_trained_is_what_is_told(uri: str, axes: tuple[str, ...]) -> None:
    world = World(search=a_document(axes=list(axes)))
    second = world.driver()
    store = PausedStore(world.store, uri, second)
    accepted = accept(
        world.store, world.search, uid="uid00", root=ROOT, image=world.runner.image_id
    )
    first = Driver(
        accepted,
        Ports(
            store=store,
            runner=world.runner,
            proposer=OtherProposer(),
            sink=world.sink,
            clock=world.clock,
        ),
        live=lambda: world.search,
        slots=2,
        render=lambda observed: b"a report",
    )
    while not store.is_paused:
        first.run_pass()
    first.run_pass()

    observed = second.run()
    assert is_done(observed)
    assert observed.winners
    assert not world.runner.restarted
    for outcome in world.driver().observe().outcomes:
        content = world.store.objects[Layout(ROOT).trial_file(outcome.trial, outcome.digest)]
        file = TrialFile.model_validate_json(content)
        assert outcome.mixture == file.mixture
        assert outcome.seed == file.seed
        assert outcome.purpose == file.purpose

"""How containers end on a real node, and what a search makes of it."""

from __future__ import annotations

from mixatlas.contract.exit_codes import TrainerExit
from mixatlas.ledger.records import OutcomeClass
from real_cluster import RealCluster, real_search


def test_a_container_that_is_killed_for_memory_is_tried_once_more(release: RealCluster) -> None:
    limit = "env: [], resources: {limits: {memory: 100Mi}}"
    release.kubectl("create", "-f", "-", document=real_search("memory", {"env: []": limit}))
    status = release.finish("memory")
    outcome = release.outcome(status, 0)
    assert [attempt.exit_code for attempt in outcome.attempts] == [TrainerExit.OUT_OF_MEMORY] * 2
    assert outcome.outcome is OutcomeClass.OUT_OF_MEMORY
    assert status["summary"]["status"] == "Failed"


def test_a_training_that_diverges_is_not_tried_again(release: RealCluster) -> None:
    wild = {'learningRate: "0.003"': 'learningRate: "1e15"\n      gradientClip: "0"'}
    release.kubectl("create", "-f", "-", document=real_search("diverges", wild))
    status = release.finish("diverges")
    outcome = release.outcome(status, 0)
    assert [attempt.exit_code for attempt in outcome.attempts] == [TrainerExit.DIVERGED]
    assert outcome.outcome is OutcomeClass.DIVERGED
    assert status["summary"]["status"] == "Failed"

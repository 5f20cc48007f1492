"""A user's day on a real node: from `helm install` to the training that uses the winner."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from mixatlas.contract.exit_codes import TrainerExit
from mixatlas.contract.mixture import PPM
from mixatlas.ledger.records import OutcomeClass
from real_cluster import RealCluster, real_search

EXAMPLES = Path(__file__).parents[2] / "examples" / "kubernetes"
Plain = dict[str, Any]


@dataclass(frozen=True)
class Day:
    """What was seen of a search, the first pod of whose shared base was deleted by hand."""

    status: Plain
    table: list[list[str]]
    """Rows of `kubectl get mxs -w`."""


@pytest.fixture(scope="module")
def day(release: RealCluster, tmp_path_factory: pytest.TempPathFactory) -> Day:
    log = tmp_path_factory.mktemp("day") / "table.txt"
    with release.watching(log, "get", "mxs", "--watch"):
        release.kubectl("create", "-f", "-", document=real_search("demo"))
        pod = release.running_pod("demo", 0)["metadata"]["name"]
        release.kubectl("delete", "pod", pod, "--wait=false")
        status = release.finish("demo")
    return Day(status, [line.split() for line in log.read_text().splitlines()])


def test_a_real_search_finds_a_winner(day: Day) -> None:
    assert day.status["winner"]["mixture"]
    assert day.status["summary"]["trials"] == "6/6"


def test_the_table_follows_the_search(day: Day) -> None:
    assert day.table[0] == ["NAME", "STATUS", "TRIALS", "RUN", "FAIL", "GAIN", "GPU-H", "AGE"]
    stages = [row[1] for row in day.table if row[0] == "demo" and len(row) > 3]
    assert [stage for stage in ("TrainingBase", "Searching", "Confirming") if stage in stages] == [
        "TrainingBase",
        "Searching",
        "Confirming",
    ]
    assert stages[-1] == day.status["summary"]["status"]


def test_a_pod_deleted_by_hand_is_an_attempt_that_does_not_count(
    release: RealCluster, day: Day
) -> None:
    outcome = release.outcome(day.status, 0)
    first, second = outcome.attempts
    # Its code is unknown where the pod was gone before it was read.
    assert first.exit_code in (TrainerExit.TERMINATED, None)
    assert not first.counted
    assert second.exit_code == TrainerExit.OK
    assert outcome.outcome is OutcomeClass.OK


def test_the_logs_of_a_trial_come_from_its_pod(release: RealCluster, day: Day) -> None:
    told = release.mixatlas("logs", "demo", "1", "-n", "default")
    uid5 = day.status["ledger"].rsplit("/", 1)[1][:5]
    assert f"==> demo-{uid5}-t000001-a1-" in told
    assert "exit code 0" in told


def test_the_training_that_follows_reads_the_winner(release: RealCluster, day: Day) -> None:
    text = (EXAMPLES / "train.yaml").read_text()
    job = yaml.safe_load(text)
    container = job["spec"]["template"]["spec"]["containers"][0]
    container["image"] = release.images.trainer
    release.kubectl("create", "-f", "-", document=yaml.safe_dump(job))
    release.kubectl("wait", "--for=condition=Complete", "job/train", "--timeout=2m")
    printed = release.kubectl("logs", "job/train").splitlines()
    winner = day.status["winner"]
    assert winner["digest"] in printed[0]
    read = {name: float(weight) for name, weight in (line.split() for line in printed[1:])}
    assert read == {entry["domain"]: entry["ppm"] / PPM for entry in winner["mixture"]}

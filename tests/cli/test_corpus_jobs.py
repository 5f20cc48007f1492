"""`mixatlas corpus jobs`: plain objects that build a corpus, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from mixatlas.cli import cli
from mixatlas.contract.errors import SpecError

EXAMPLE = Path(__file__).parents[2] / "examples" / "kubernetes" / "corpus.yaml"
FLAGS = {
    "--work": "s3://corpora/work/",
    "--out": "s3://corpora/llava",
    "--registry": "registry.example/team",
    "--endpoint": "http://minio:9000",
}
Plain = dict[str, Any]


def run(document: Path = EXAMPLE, **changes: str | None) -> Result:
    flags = FLAGS | {f"--{name.replace('_', '-')}": value for name, value in changes.items()}
    pairs = [word for flag, value in flags.items() if value is not None for word in (flag, value)]
    return CliRunner().invoke(cli, ["corpus", "jobs", "-f", str(document), *pairs])


def objects(result: Result) -> dict[tuple[str, str], Plain]:
    assert result.exit_code == 0, result.output
    found = list(yaml.safe_load_all(result.stdout))
    return {(item["kind"], item["metadata"]["name"]): item for item in found}


def pod_of(job: Plain) -> Plain:
    pod: Plain = job["spec"]["template"]["spec"]
    return pod


def test_stages_are_jobs_that_wait_for_each_other() -> None:
    found = objects(run(name="llava", gpus="2", parallelism="5"))
    jobs = {name: item["spec"] for (kind, name), item in found.items() if kind == "Job"}
    assert list(jobs) == ["llava-embed", "llava-fit", "llava-assign", "llava-join", "llava"]
    assert [spec.get("suspend", False) for spec in jobs.values()] == [True] * 4 + [False]
    for name in ("llava-embed", "llava-assign"):
        assert jobs[name]["completionMode"] == "Indexed"
        assert (jobs[name]["completions"], jobs[name]["parallelism"]) == (32, 5)
        assert jobs[name]["backoffLimitPerIndex"] == 2
    gpus = {
        name: pod_of(found["Job", name])["containers"][0]["resources"].get("limits")
        for name in jobs
    }
    assert gpus.pop("llava-embed") == {"nvidia.com/gpu": 2}
    assert set(gpus.values()) == {None}


def test_the_document_goes_along_as_it_is() -> None:
    found = objects(run(name="llava"))
    assert found["ConfigMap", "llava"]["data"] == {"corpus.yaml": EXAMPLE.read_text()}


def test_pods_have_no_rights_but_to_release_the_others() -> None:
    found = objects(run(name="llava"))
    (rule,) = found["Role", "llava"]["rules"]
    assert rule["verbs"] == ["get", "patch"]
    assert rule["resourceNames"] == ["llava-embed", "llava-fit", "llava-assign", "llava-join"]
    for (kind, name), item in found.items():
        if kind == "Job":
            is_releasing = name == "llava"
            assert pod_of(item).get("automountServiceAccountToken", True) == is_releasing
            security = pod_of(item)["containers"][0]["securityContext"]
            assert security["readOnlyRootFilesystem"]
            assert security["capabilities"] == {"drop": ["ALL"]}


def test_choices_reach_the_pods() -> None:
    choices = {"secret": "keys", "pull_secret": "pull", "scratch": "200Gi", "region": "eu-1"}
    found = objects(run(name="c", namespace="data", centroids="s3://corpora/old.json", **choices))
    assert {item["metadata"]["namespace"] for item in found.values()} == {"data"}
    pod = pod_of(found["Job", "c-join"])
    container = pod["containers"][0]
    words = " ".join(container["args"])
    assert "--out s3://corpora/llava" in words
    assert "--work s3://corpora/work --centroids s3://corpora/old.json" in words
    assert container["image"].startswith("registry.example/team/trainer:")
    environment = {e["name"]: e.get("value") or e["valueFrom"] for e in container["env"]}
    assert environment["AWS_ENDPOINT_URL_S3"] == "http://minio:9000"
    assert environment["AWS_REGION"] == "eu-1"
    assert environment["AWS_ACCESS_KEY_ID"]["secretKeyRef"]["name"] == "keys"
    assert pod["imagePullSecrets"] == [{"name": "pull"}]
    claims = [volume["ephemeral"] for volume in pod["volumes"] if "ephemeral" in volume]
    storage = claims[0]["volumeClaimTemplate"]["spec"]["resources"]["requests"]["storage"]
    assert storage == "200Gi"


def test_columns_need_no_model(tmp_path: Path) -> None:
    document = tmp_path / "charts.yaml"
    text = EXAMPLE.read_text()
    begin, end = text.index("concepts:"), text.index("tokenizer:")
    document.write_text(f"{text[:begin]}concepts: {{method: Column}}\n{text[end:]}")
    names = [name for kind, name in objects(run(document)) if kind == "Job"]
    assert names == ["charts-read", "charts-assign", "charts-join", "charts"]
    refused = run(document, centroids="s3://corpora/old.json")
    assert "concepts.method is Column" in str(refused.exception)


def test_what_pods_cannot_see_is_refused(tmp_path: Path) -> None:
    document = tmp_path / "corpus.yaml"
    document.write_text(EXAMPLE.read_text().replace("s3://corpora/", "data/"))
    error = run(document).exception
    assert isinstance(error, SpecError)
    words = str(error)
    for line, place in ((9, "llava_665k.json"), (10, "images"), (13, "the_cauldron"), (17, "clip")):
        assert f"corpus.yaml:{line}:" in words
        assert f"'data/{'models' if place == 'clip' else 'raw'}/{place}" in words
    assert "write s3://BUCKET/PREFIX" in words


@pytest.mark.parametrize(
    ("flag", "value", "words"),
    [
        ("name", "Llava", "lower-case letters"),
        ("name", "a" * 51, "at most 50"),
        ("work", "work", "not s3://BUCKET/PREFIX"),
        ("out", None, "Missing option '--out'"),
        ("parallelism", "0", "0 is not in the range"),
    ],
)
def test_a_wrong_flag_is_refused(flag: str, value: str | None, words: str) -> None:
    result = run(**{flag: value})
    assert result.exit_code == 2
    assert words in result.output
    assert "kind: Job" not in result.output

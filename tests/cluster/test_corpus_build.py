"""A corpus built by Jobs on a real node, and a search on it."""

from __future__ import annotations

from pathlib import Path

from mixatlas.adapters.s3 import S3Store
from mixatlas.corpus import check
from node_images import REGISTRY, TAG
from real_cluster import RealCluster, real_search
from stored_sources import store_sources

OUT = "s3://corpora/drawn"
SECRET = "minio-credentials"


def test_jobs_build_a_corpus_that_a_search_runs_on(release: RealCluster, tmp_path: Path) -> None:
    store = S3Store(release.s3.settings)
    document = tmp_path / "drawn.yaml"
    document.write_text(store_sources(store, tmp_path))
    flags = ["--work", "s3://corpora/drawn-work", "--out", OUT]
    flags += ["--registry", REGISTRY, "--tag", TAG, "--secret", SECRET]
    flags += ["--endpoint", release.s3.settings.endpoint]
    jobs = release.mixatlas("corpus", "jobs", "-f", str(document), *flags)
    release.kubectl("apply", "-f", "-", document=jobs)
    release.kubectl("wait", "--for=condition=Complete", "job/drawn", "--timeout=10m")

    told = release.kubectl("logs", "job/drawn-join")
    assert f"{OUT}/manifest.json: " in told
    report = check(OUT, store)
    assert report.problems == ()
    assert {domain.name for domain in report.domains} == {
        f"{concept}.{task}" for concept in ("red", "white") for task in ("caption", "vqa")
    }
    found = real_search("drawn", {"s3://corpora/small/": f"{OUT}/"})
    release.kubectl("create", "-f", "-", document=found)
    status = release.finish("drawn")
    assert {entry["domain"] for entry in status["winner"]["mixture"]} <= {
        domain.name for domain in report.domains
    }

"""Stages that share a place of a store: as many processes as wanted, and the same corpus."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mixatlas.adapters.s3 import S3Store
from mixatlas.cli import cli
from mixatlas.corpus import check
from mixatlas.local.s3_server import S3Server
from processes import until
from stored_sources import store_sources

pytestmark = pytest.mark.slow
WORK, OUT = "s3://corpora/work", "s3://corpora/built"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with S3Server(tmp_path_factory.mktemp("store")) as server:
        yield server


@pytest.fixture(scope="module")
def store(server: S3Server) -> S3Store:
    store = S3Store(server.settings)
    store.ensure_bucket("corpora")
    return store


@pytest.fixture(scope="module")
def document(store: S3Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    path = folder / "corpus.yaml"
    path.write_text(store_sources(store, folder))
    return path


@pytest.fixture(scope="module", autouse=True)
def environment(server: S3Server) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in server.settings.environment().items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def built(document: Path, environment: None) -> None:
    """Build the corpus at OUT, by the stages at WORK."""
    run_all(document, WORK, OUT)


def stage(document: Path, name: str, *arguments: str, work: str = WORK) -> Result:
    command = ["corpus", "stage", name, "-f", str(document), "--work", work, *arguments]
    return CliRunner().invoke(cli, command)


def run_all(document: Path, work: str, out: str) -> None:
    for name in ("embed", "fit", "assign", "join"):
        for part in ("2", "0", "1") if name in ("embed", "assign") else (None,):
            arguments = ["--part", part] if part else ["--out", out] if name == "join" else []
            result = stage(document, name, *arguments, work=work)
            assert result.exit_code == 0, (name, result.output, result.exception)


def shards(store: S3Store, uri: str) -> dict[str, bytes | None]:
    names = [name for name in store.list(f"{uri}/") if not name.endswith("build.json")]
    return {name.removeprefix(uri): store.get(name) for name in names}


def test_stages_of_many_machines_make_the_bytes_of_one(
    built: None, document: Path, store: S3Store, tmp_path: Path
) -> None:
    result = CliRunner().invoke(
        cli, ["corpus", "build", str(tmp_path / "one"), "-f", str(document)]
    )
    assert result.exit_code == 0, result.output
    one = {
        f"/{path.relative_to(tmp_path / 'one').as_posix()}": path.read_bytes()
        for path in (tmp_path / "one").rglob("*")
        if path.is_file() and path.name != "build.json"
    }
    assert shards(store, OUT) == one
    assert check(OUT, store).problems == ()


def test_what_is_done_is_not_done_again(built: None, document: Path, store: S3Store) -> None:
    before = store.stat(f"{WORK}/")
    run_all(document, WORK, OUT)
    assert store.stat(f"{WORK}/") == before
    store.delete(f"{WORK}/drawn-00001.cells.json")
    assert stage(document, "assign", "--part", "1").exit_code == 0
    assert store.stat(f"{WORK}/") == before


def test_a_stage_needs_the_one_before(document: Path) -> None:
    early = stage(document, "assign", "--part", "0", work="s3://corpora/early")
    assert "Run stage fit" in str(early.exception)
    beyond = stage(document, "embed", "--part", "3")
    assert "there is no part 3: the document has 3" in str(beyond.exception)
    assert "--part" in stage(document, "fit", "--part", "0").output
    assert "--out" in stage(document, "join").output
    assert "s3://" in stage(document, "fit", work="work").output


def test_a_stage_that_is_killed_leaves_nothing_half(
    built: None, document: Path, store: S3Store
) -> None:
    work = "s3://corpora/killed"
    command = [sys.executable, "-c", "from mixatlas.cli import main; main()", "corpus", "stage"]
    command += ["embed", "-f", str(document), "--work", work, "--part", "0"]
    process = subprocess.Popen(command, env={**os.environ})
    until(lambda: f"{work}/drawn-00000.tar" in store.list(f"{work}/"))
    process.send_signal(signal.SIGKILL)
    process.wait()
    run_all(document, work, "s3://corpora/after")
    assert shards(store, "s3://corpora/after") == shards(store, OUT)

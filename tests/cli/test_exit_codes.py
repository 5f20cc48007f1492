"""`mixatlas run` ends with the code that scripts rely on, and says why."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from mixatlas.corpus import push
from mixatlas.local.place import open_store
from mixatlas.local.state import Lock, StateFolder
from mixatlas.spec.load import load_search
from processes import children, is_alive, until
from small_corpus import make_corpus
from small_search import document, run_command

pytestmark = pytest.mark.slow  # each runs the command as a process of its own


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    make_corpus(folder)
    return folder / "corpus"


def begin(folder: Path, text: str, corpus: Path | None = None) -> Path:
    """Write a document and, where a corpus is given, push it into the search's own store."""
    path = folder / "search.yaml"
    path.write_text(text)
    if corpus is not None:
        search = load_search(text)
        with open_store(search, StateFolder.of(path, "small", None)) as (store, _):
            store.ensure_bucket("corpora")
            push(corpus, "s3://corpora/small", store)
    return path


CREDENTIALS = {"AWS_ACCESS_KEY_ID": "some", "AWS_SECRET_ACCESS_KEY": "thing"}


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    process = run_command(folder, *arguments, environment={**os.environ, **CREDENTIALS})
    output, _ = process.communicate(timeout=300)
    return process.returncode, output


def test_0_a_winner_and_again_at_once(tmp_path: Path, corpus: Path) -> None:
    begin(tmp_path, document(), corpus)
    code, output = run(tmp_path, "run")
    assert code == 0, output
    assert "Winner" in output
    assert "mixatlas export mixture" in output
    code, output = run(tmp_path, "run")
    assert code == 0
    assert "Winner" in output
    assert "TrialEnded" not in output, "a finished search trains nothing"
    assert (tmp_path / ".mixatlas/small/report.html").exists()
    for arguments in (("status",), ("trials",), ("export", "mixture"), ("logs", "3")):
        code, output = run(tmp_path, *arguments)
        assert code == 0, output
        assert max(len(line) for line in output.splitlines()) <= 80


def test_2_usage(tmp_path: Path) -> None:
    assert run(tmp_path, "run", "--nonsense")[0] == 2


def test_3_an_invalid_document(tmp_path: Path) -> None:
    begin(tmp_path, document().replace("maxTrials", "maxTrails"))
    code, output = run(tmp_path, "run")
    assert code == 3
    assert "search.yaml:9:" in output
    assert "did you mean `maxTrials`?" in output


def test_3_no_document(tmp_path: Path) -> None:
    code, output = run(tmp_path, "run")
    assert code == 3
    assert "search.yaml" in output


@pytest.mark.parametrize("command", ["plan", "run"])
def test_3_a_domain_that_the_corpus_lacks(tmp_path: Path, corpus: Path, command: str) -> None:
    space = '  space: {bounds: [{domain: sqare.vqa, max: "0.1"}]}\n'
    begin(tmp_path, document().replace("  search:", f"{space}  search:"), corpus)
    code, output = run(tmp_path, command)
    assert code == 3
    assert "search.yaml:" in output
    assert "did you mean `square.vqa`?" in output


def test_4_an_empty_space(tmp_path: Path, corpus: Path) -> None:
    space = """\
  space:
    bounds: [{domain: square.vqa, max: "0.1"}]
    groups:
      - {name: g, domains: ["*.vqa"], min: "0.9"}
      - {name: h, domains: ["stripe.*"], max: "0.2"}
"""
    begin(tmp_path, document().replace("  search:", f"{space}  search:"), corpus)
    code, output = run(tmp_path, "run")
    assert code == 4
    assert "space.groups g is at least 0.9" in output
    assert "space.groups h is at most 0.2" in output


def test_5_a_search_that_fails(tmp_path: Path, corpus: Path) -> None:
    begin(tmp_path, document(script="refuse=1"), corpus)
    code, output = run(tmp_path, "run")
    assert code == 5
    assert "exit code 43" in output


def test_6_storage_that_cannot_be_reached(tmp_path: Path) -> None:
    storage = '  storage: {endpoint: "http://127.0.0.1:9"}\n'
    begin(tmp_path, document() + storage)
    code, output = run(tmp_path, "run")
    assert code == 6
    assert "http://127.0.0.1:9 does not answer" in output


def test_130_interrupted_then_it_goes_on(tmp_path: Path, corpus: Path) -> None:
    begin(tmp_path, document(script="slow=0.3"), corpus)
    process = run_command(tmp_path, "run")
    assert process.stdout is not None
    for line in process.stdout:
        if "TrialEnded: trial 3" in line:
            process.send_signal(signal.SIGINT)
            break
    output = process.stdout.read()
    assert process.wait(timeout=120) == 130, output
    assert "To go on: mixatlas run" in output
    code, output = run(tmp_path, "run")
    assert code == 0, output
    assert "Resumed: " in output
    assert "TrialEnded: trial 1 " not in output
    assert "TrialEnded: trial 3 " not in output


def test_a_second_run_is_refused(tmp_path: Path) -> None:
    path = begin(tmp_path, document())
    with Lock(StateFolder.of(path, "small", None)):
        code, output = run(tmp_path, "run")
    assert code == 2
    assert f"process {os.getpid()}" in output


def test_nothing_is_left_when_the_driver_is_killed(tmp_path: Path, corpus: Path) -> None:
    begin(tmp_path, document(script="slow=30"), corpus)
    process = run_command(tmp_path, "run")
    assert process.stdout is not None
    for line in process.stdout:
        if "RoundRecorded" in line:
            break
    begun = until(lambda: descendants(process.pid) if len(descendants(process.pid)) >= 3 else None)
    process.kill()
    process.wait()
    until(lambda: not any(is_alive(pid) for pid in begun))


def descendants(pid: int) -> list[int]:
    return [each for child in children(pid) for each in (child, *descendants(child))]

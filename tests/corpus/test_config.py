"""Configurations of `pack` that are refused, with place and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from mixatlas.contract.errors import MixAtlasError, NotYetSupported, SpecError
from mixatlas.corpus import pack
from mixatlas.corpus.config import load_config
from raw_corpus import CONFIG, a_sample, write_raw

BROKEN = [
    ("imageTokens: 4\n", "pack.yaml:1:1: tokenizer: the field is missing"),
    (CONFIG + "colour: red\n", "pack.yaml:3:1: colour: unknown field"),
    ("tokenizer: t\nimageTokens: many\n", "imageTokens: must be a whole number, not `many`"),
    (CONFIG + "shardBytes: 300000000\n", "shardBytes: must be at most 256000000"),
    (CONFIG + "seed: -1\n", "seed: must be at least 0"),
    (
        CONFIG + "benchmarks: [{name: a/b, metric: Anls}]\n",
        "benchmarks.0.name: `a/b` is not a legal value",
    ),
    (
        CONFIG + "benchmarks: [{name: a, metric: Anls}, {name: a, metric: Anls}]\n",
        "benchmarks: two benchmarks have one name",
    ),
    (
        CONFIG + 'benchmarks: [{name: a, metric: BoxIou, boxPattern: "("}]\n',
        "benchmarks.0.boxPattern: not a regular expression",
    ),
    (
        CONFIG + 'benchmarks: [{name: a, metric: BoxIou, boxPattern: "(.)"}]\n',
        "benchmarks.0.boxPattern: must have four groups, one a coordinate, not 1",
    ),
    ("tokenizer: [\n", "pack.yaml:2:1: not YAML"),
]


@pytest.mark.parametrize(("text", "message"), BROKEN, ids=[message for _, message in BROKEN])
def test_wrong_field_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "pack.yaml").write_text(text)
    with pytest.raises(SpecError) as error:
        load_config(tmp_path / "pack.yaml")
    assert message in str(error.value)


def test_metric_that_no_trainer_scores_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pack.yaml").write_text(CONFIG + "benchmarks: [{name: a, metric: AnyOf}]\n")
    with pytest.raises(NotYetSupported, match=r"benchmarks\.0\.metric: AnyOf is not yet supported"):
        load_config(tmp_path / "pack.yaml")


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        ("missing", "has no tokenizer.json"),
        ("broken", "tokenizer.json"),
    ],
)
def test_tokenizer_that_cannot_be_read_is_refused(
    tmp_path: Path, break_it: str, message: str
) -> None:
    arguments = write_raw(tmp_path, [a_sample(tmp_path)])
    path = tmp_path / "tokenizer" / "tokenizer.json"
    if break_it == "missing":
        path.unlink()
    else:
        path.write_text("{}")
    with pytest.raises(MixAtlasError, match=message):
        pack(**arguments)
    assert not (tmp_path / "out").exists()

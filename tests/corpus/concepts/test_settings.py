"""`concepts` of a corpus document: what each method needs, and what it has no use for."""

from __future__ import annotations

from pathlib import Path

import pytest

from mixatlas.contract.errors import SpecError
from mixatlas.corpus.document import load_document

DOCUMENT = """\
sources: [{name: squares, format: Llava, uri: squares.json}]
tokenizer: tokenizer
imageTokens: 4
concepts: """


@pytest.mark.parametrize(
    ("concepts", "message"),
    [
        ("{method: Clusters}", "needs `model`"),
        ("{method: Clusters, model: model, k: 1}", "k: "),
        ("{method: Clusters, model: model, prompts: {a: [b]}}", "`prompts` belongs to Prompts"),
        ("{method: Prompts, model: model}", "needs `prompts`"),
        ("{method: Prompts, model: model, prompts: {a: []}}", "needs `prompts`"),
        ("{method: Prompts, model: model, prompts: {text: [a]}}", "without an image"),
        ("{method: Prompts, model: model, prompts: {Ä: [a]}}", "prompts"),
        ("{method: Prompts, model: model, prompts: {a: [b]}, margin: '3'}", "margin"),
        ("{method: Prompts, model: model, vocabulary: [a]}", "`vocabulary` belongs to Clusters"),
        ("{method: Column, k: 3}", "`k` belongs to Clusters"),
        ("{method: Column, minSamples: 3}", "`minSamples` belongs to Clusters and Prompts"),
    ],
)
def test_a_field_that_is_missing_or_useless_is_named(
    tmp_path: Path, concepts: str, message: str
) -> None:
    (tmp_path / "corpus.yaml").write_text(DOCUMENT + concepts + "\n")
    with pytest.raises(SpecError) as error:
        load_document(tmp_path / "corpus.yaml")
    assert message in str(error.value)
    assert "corpus.yaml:4" in str(error.value)

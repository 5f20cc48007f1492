"""`mixatlas validate`: both kinds of documents, all mistakes at once, and what is neither."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mixatlas.cli import cli
from mixatlas.contract.exit_codes import CliExit

ROOT = Path(__file__).parents[2]
CORPORA = sorted((ROOT / "examples" / "corpus").glob("*.yaml"))
SEARCHES = sorted((ROOT / "examples" / "specs").glob("*.yaml"))
BAD = """\
sources:
  - name: first
    format: Lava
    uri: first.json
    colums: {concept: category}
  - name: first
    format: Cauldron
    uri: s3://bucket/charts
    columns: {conept: category, image: 7}
  - {name: a b, format: Llava, concept: text}
part: 8
concepts: {method: Colum, names: {Big Things: Big}}
tasks:
  turns: Splitt
  sources: [{origin: a, task: captoin}, {origin: b, task: text}]
  rules: [{name: a, task: vqa}, {name: b, task: 7, answer: "("}]
image_tokens: "4"
shardBytes: "4"
maxBroken: 0.01
items: items.jsonl
"""
MISTAKES = [
    "1:1: imageTokens: the field is missing",
    "add `imageTokens:` (Tokens that one image counts as)",
    "1:1: tokenizer: the field is missing",
    "add `tokenizer:` (Folder with tokenizer.json of the target model)",
    "3:13: sources.0.format: `Lava` is not a choice",
    "did you mean `Llava`?",
    "5:5: sources.0.colums: unknown field",
    "did you mean `columns`?",
    "6:11: sources.1.name: two sources have one name",
    "give each a name of its own",
    "9:15: sources.1.columns.conept: Cauldron has no such field",
    "did you mean `concept`?",
    "9:40: sources.1.columns.image: must be text, not `7`",
    'put it in quotes: "7"',
    "10:5: sources.2.uri: the field is missing",
    "add `uri:` (A file, a folder, or s3://…)",
    "10:12: sources.2.name: `a b` is not a legal value",
    "use letters, digits, hyphens, underscores and dots",
    "10:41: sources.2.concept: `text` is for samples without an image, which have it anyway",
    "name the concept of the images",
    "11:1: part: unknown field",
    "did you mean `parts`?",
    "12:20: concepts.method: `Colum` is not a choice",
    "did you mean `Column`?",
    "12:47: concepts.names.Big Things: `Big` is not a legal value",
    "use lower-case letters, digits and inner hyphens, at most 30",
    "14:10: tasks.turns: `Splitt` is not a choice",
    "did you mean `Split`?",
    "15:31: tasks.sources.0.task: `captoin` is not a choice",
    "did you mean `caption`?",
    "15:59: tasks.sources.1.task: `text` is not a choice",
    "did you mean `ocr`?",
    (
        "16:11: tasks.rules.0: has no condition; give `question`, `answer`, `minAnswerWords` or "
        "`maxAnswerWords`"
    ),
    "16:49: tasks.rules.1.task: `7` is not a choice",
    "one of: caption, ocr, grounding, detection, vqa, classification, other",
    (
        "16:60: tasks.rules.1.answer: not a regular expression: missing ), unterminated "
        "subpattern at position 0"
    ),
    'got "("',
    "17:1: image_tokens: unknown field",
    "did you mean `imageTokens`?",
    '18:13: shardBytes: must be a whole number, not `"4"`',
    "remove the quotes: 4",
    "19:12: maxBroken: a decimal must be in quotes",
    'write: maxBroken: "0.01"',
    "20:1: items: `benchmarks` and `items` belong together",
    "give both, or neither: `items` are the benchmarks' JSON lines",
]


def validate(*paths: Path) -> Result:
    return CliRunner().invoke(cli, ["validate", *map(str, paths)])


def test_examples_of_both_kinds_are_valid() -> None:
    ended = validate(*CORPORA, *SEARCHES)
    assert ended.exit_code == 0, ended.output
    lines = ended.stdout.splitlines()
    assert lines[: len(CORPORA)] == [f"{path}: corpus document is valid" for path in CORPORA]
    assert all(": MixtureSearch " in line for line in lines[len(CORPORA) :])
    assert len(lines) == len(CORPORA) + len(SEARCHES)


def test_all_mistakes_of_a_corpus_document_are_told_with_place_and_remedy(tmp_path: Path) -> None:
    path = tmp_path / "corpus.yaml"
    path.write_text(BAD)
    ended = validate(path)
    assert ended.exit_code == CliExit.INVALID_SPEC
    first, *rows = ended.stderr.splitlines()
    assert first == f"{path}: {sum(row.startswith(str(path)) for row in rows)} mistakes"
    shown = {f"    {line}".rstrip() for line in BAD.splitlines()}
    told = [row for row in rows if row not in shown and row.strip() != "^"]
    assert [row.removeprefix(f"{path}:").strip() for row in told] == MISTAKES


@pytest.mark.parametrize(
    ("concepts", "message"),
    [
        ("{method: Clusters}", "concepts: Clusters needs `model`: a folder with a CLIP or SigLIP"),
        ("{method: Prompts, model: m}", "concepts: Prompts needs `prompts`: at least one text"),
        (
            "{method: Prompts, model: m, prompts: {Chart: [a chart]}}",
            "concepts.prompts.Chart: `Chart` is not a legal value",
        ),
        (
            "{method: Column, model: m}",
            "concepts: `model` belongs to Clusters and Prompts, and the method is Column",
        ),
    ],
)
def test_concepts_that_cannot_be_found_are_told(
    tmp_path: Path, concepts: str, message: str
) -> None:
    path = tmp_path / "corpus.yaml"
    start = CORPORA[0].read_text(encoding="utf-8").partition("\nconcepts:")[0]
    path.write_text(f"{start}\nconcepts: {concepts}\ntokenizer: t\nimageTokens: 4\n")
    ended = validate(path)
    assert ended.exit_code == CliExit.INVALID_SPEC
    assert f": {message}" in ended.stderr.splitlines()[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tokenizer: t\nimageTokens: 4\n", ":1:1: neither a MixtureSearch nor a corpus document"),
        ("seed: 1\nkinds: x\n", "a corpus document has `sources:` and `concepts:`"),
        ("kind: ConfigMap\nsources: []\n", ":1:7: kind: `ConfigMap` is not a choice"),
        ("concepts: {method: Column}\n", ":1:1: sources: the field is missing"),
        ("- sources\n", "the document is not a mapping"),
        ("sources: [\n", "not YAML"),
        ("sources: caf\udce9\n", "'utf-8' codec can't decode byte 0xe9 in position 12"),
        (None, "No such file or directory"),
    ],
)
def test_a_file_of_another_kind_or_none_is_told(
    tmp_path: Path, text: str | None, message: str
) -> None:
    if text is not None:
        (tmp_path / "x.yaml").write_bytes(text.encode("utf-8", "surrogateescape"))
    ended = validate(CORPORA[0], tmp_path / "x.yaml")
    assert ended.exit_code == CliExit.INVALID_SPEC
    assert ended.stdout == f"{CORPORA[0]}: corpus document is valid\n"
    assert ended.stderr.startswith(f"{tmp_path / 'x.yaml'}:")
    assert message in ended.stderr

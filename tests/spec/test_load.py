"""Documents that are good, and that nothing but a document comes out of a text."""

from __future__ import annotations

import contextlib
import json
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixatlas.contract.errors import MixAtlasError, SpecError
from mixatlas.spec.load import load_search, write_search
from mixatlas.spec.model import MixtureSearch
from mixatlas.spec.places import Document
from mixatlas.spec.schema import Schema, search_schema

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples" / "specs").glob("*.yaml"))
GOOD = (Path(__file__).parent / "good.yaml").read_text(encoding="utf-8")


@cache
def words(pattern: str) -> st.SearchStrategy[str]:
    return st.from_regex(pattern, fullmatch=True, alphabet=st.characters(codec="ascii"))


def values(schema: Schema) -> st.SearchStrategy:
    """Return a strategy of JSON values that a schema allows."""
    if "enum" in schema or "const" in schema:
        return st.sampled_from(schema.get("enum") or [schema["const"]])
    match schema["type"]:
        case "string" if "pattern" in schema:
            return words(schema["pattern"]).filter(lambda text: len(text) <= schema["maxLength"])
        case "string":
            return st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
        case "integer":
            low = schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1)
            high = schema.get("maximum", schema.get("exclusiveMaximum", 2**40) - 1)
            return st.integers(low, high)
        case "boolean":
            return st.booleans()
        case "array":
            least = schema.get("minItems", 0)
            return st.lists(values(schema["items"]), min_size=least, max_size=max(1, least))
    if "properties" not in schema:
        text = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
        return st.dictionaries(text, text, max_size=2)
    required = schema.get("required", ())
    fields = {key: values(field) for key, field in schema["properties"].items()}
    return st.fixed_dictionaries(
        {key: fields[key] for key in required},
        optional={key: field for key, field in fields.items() if key not in required},
    )


@settings(max_examples=12, deadline=None)
@given(st.data())
def test_any_document_survives_yaml(data: st.DataObject) -> None:
    schema = search_schema()["properties"]["spec"]["properties"]
    plain = Document(GOOD, "f").data
    for name in data.draw(st.sets(st.sampled_from(sorted(schema)), min_size=1, max_size=4)):
        plain["spec"][name] = data.draw(values(schema[name]), label=name)
    try:
        model = MixtureSearch.model_validate(plain)
    except ValueError:
        return  # a share of warm-up above 1: a schema cannot say it
    text = write_search(model.to_plain())
    assert MixtureSearch.model_validate(Document(text, "f").data) == model


@settings(max_examples=50, deadline=None)
@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_a_text_is_refused_in_our_own_words(text: str) -> None:
    with pytest.raises(SpecError):
        load_search(text)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, len(GOOD) - 1), st.sampled_from("{}[]:,\"'#&*!|>%@`\t\n -?0a\x85\ufeff"))
def test_one_wrong_character_never_crashes(place: int, character: str) -> None:
    with contextlib.suppress(MixAtlasError):  # some of the texts are still good
        load_search(f"{GOOD[:place]}{character}{GOOD[place + 1 :]}")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_accepted_and_comes_back_the_same(path: Path) -> None:
    search = load_search(path.read_text(encoding="utf-8"), filename=path.name)
    again = write_search(search.to_plain())
    assert load_search(again) == search
    assert load_search(json.dumps(search.to_plain())) == search


def test_what_a_cluster_adds_is_not_ours() -> None:
    added = (
        "metadata:\n  uid: 5f1c\n  resourceVersion: '7'\n  creationTimestamp: 2026-11-25T07:00:00Z"
    )
    text = GOOD.replace("metadata:", f"{added}\n  generation: 3", 1)
    search = load_search(f"{text}status:\n  summary: {{status: Searching}}\n")
    assert search.metadata.generation == 3
    assert load_search(GOOD).spec == search.spec


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("\n", "\r\n"),
        f"\ufeff{GOOD}",
        f"---\n{GOOD}---\n",
        f"%YAML 1.1\n---\n{GOOD}...\n",
    ],
    ids=["windows", "byte-order-mark", "separators", "directive"],
)
def test_forms_of_text_that_mean_the_same(text: str) -> None:
    assert load_search(text) == load_search(GOOD)


@pytest.mark.parametrize(
    "text",
    ["[" * 5_000, "{a: " * 5_000, "- " * 5_000, f"a: {'9' * 5_000}", "a: &a [*a]"],
    ids=["lists", "mappings", "entries", "digits", "itself"],
)
def test_a_hostile_text_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match=r"search\.yaml:1:"):
        load_search(text)


def test_defaults_are_those_of_the_reference() -> None:
    minimal = (ROOT / "examples/specs/minimal.yaml").read_text(encoding="utf-8")
    spec = load_search(minimal).spec
    assert (spec.search.max_trials, spec.search.parallelism, spec.search.initial_trials) == (
        64,
        8,
        16,
    )
    assert (spec.confirm.candidates, spec.confirm.seeds) == (3, 5)
    assert (spec.objective.scale, spec.objective.reference) == ("Normalized", "natural")
    assert (spec.budget.max_failed_trials, spec.budget.retries) == (12, 3)
    assert spec.search.acquisition.beta == "2"
    assert spec.storage is None

"""Clusters are named by what sets them apart, and never two alike."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixatlas.corpus.concepts.names import VOCABULARY, name_clusters, slug
from mixatlas.corpus.concepts.settings import ConceptSettings


def _unit(rows: object) -> np.ndarray:
    values = np.asarray(rows, dtype=np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def test_a_word_that_is_near_to_every_cluster_names_none() -> None:
    clusters = _unit([[1, 0, 5], [0, 1, 5]])
    words = ["thing", "a cat", "a dog"]
    vectors = _unit([[0, 0, 1], [1, 0, 0], [0, 1, 0]])
    assert name_clusters(clusters, words, vectors) == ["cat", "dog"]


@given(seed=st.integers(0, 2**32 - 1), k=st.integers(2, 12), v=st.integers(1, 12))
def test_no_two_clusters_have_one_name(seed: int, k: int, v: int) -> None:
    draw = np.random.default_rng(seed)
    words = [f"word {index // 2}" for index in range(v)]  # some are alike
    names = name_clusters(_unit(draw.normal(size=(k, 5))), words, _unit(draw.normal(size=(v, 5))))
    assert len(set(names)) == k


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("A Bar-Chart!", "bar-chart"),
        ("the sea", "sea"),
        ("text", ""),
        ("…", ""),
        ("x" * 40, "x" * 30),
    ],
)
def test_names_are_the_manifests(word: str, name: str) -> None:
    assert slug(word) == name


def test_every_built_in_word_is_a_name_of_its_own() -> None:
    slugs = [slug(word) for word in VOCABULARY]
    assert len(set(slugs)) == len(slugs)
    ConceptSettings(method="Column", names={name: name for name in slugs})

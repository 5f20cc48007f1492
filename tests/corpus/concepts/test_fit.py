"""Clusters of unit vectors, and the images that they are found among."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixatlas.corpus.concepts.embed import EmbeddingMarker
from mixatlas.corpus.concepts.fit import compare_k, sample_vectors, spherical_k_means, unit
from mixatlas.corpus.stage import Workspace


def _around(centres: int, each: int, seed: int = 0) -> np.ndarray:
    draw = np.random.default_rng(seed)
    middles = np.eye(8, dtype=np.float32)[:centres]
    return unit(np.repeat(middles, each, axis=0) + draw.normal(0, 0.05, (centres * each, 8)))


def test_clusters_that_are_there_are_found() -> None:
    centroids, labels = spherical_k_means(_around(4, 25), 4, seed=1)
    assert {tuple(np.unique(labels[i : i + 25])) for i in range(0, 100, 25)} == {
        (index,) for index in range(4)
    }
    assert np.allclose(np.linalg.norm(centroids, axis=1), 1, atol=1e-6)
    best = max(compare_k(_around(4, 25), (2, 3, 4, 5, 6), 1), key=lambda found: found.silhouette)
    assert best.k == 4


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(2, 40), k=st.integers(2, 6))
def test_every_vector_is_in_its_nearest_cluster_and_each_middle_is_its_mean(
    seed: int, n: int, k: int
) -> None:
    vectors = unit(np.random.default_rng(seed).normal(size=(max(n, k), 4)))
    centroids, labels = spherical_k_means(vectors, k, seed)
    similarity = vectors @ centroids.T
    assert np.allclose(similarity.max(axis=1), similarity[np.arange(len(labels)), labels])
    for index in np.unique(labels):
        mean = unit(vectors[labels == index].sum(axis=0))
        assert np.allclose(mean, centroids[index], atol=1e-4)


def test_equal_images_are_no_clusters_to_compare() -> None:
    assert list(compare_k(np.tile(unit(np.ones((1, 4))), (6, 1)), (2, 3), 0)) == []


def _write(work: Workspace, name: str, numbers: list[int]) -> str:
    rows = np.empty(len(numbers), np.dtype([("sha256", "V32"), ("vector", "<f2", (8,))]))
    rows["sha256"] = [hashlib.sha256(b"%d" % number).digest() for number in numbers]
    rows["vector"] = _around(4, 25)[numbers]
    marker = EmbeddingMarker(input="", images=len(numbers), dimensions=8, broken={})
    (work.folder / f"{name}.vectors").write_bytes(rows.tobytes())
    (work.folder / f"{name}.vectors.json").write_bytes(marker.to_bytes())
    return name


@pytest.mark.parametrize("n", [10, 60, 200])
def test_the_same_images_are_drawn_however_the_corpus_is_divided(tmp_path: Path, n: int) -> None:
    work = Workspace(tmp_path)
    one = [_write(work, "one", list(range(60)))]
    some = [_write(work, "a", list(range(50, 9, -1))), _write(work, "b", [*range(20)])]
    some.append(_write(work, "c", list(range(50, 60))))
    drawn = sample_vectors(work, one, n, seed=3)
    assert len(drawn) <= n
    if n != 60:  # images that lie in two parts may take the place of others
        assert len(drawn) == min(n, 60)
    others = sample_vectors(work, some, 200, seed=3)
    assert np.array_equal(others[: len(drawn)], drawn)
    assert not np.array_equal(sample_vectors(work, one, n, seed=4)[:5], drawn[:5])

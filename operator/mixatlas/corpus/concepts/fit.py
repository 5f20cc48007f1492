"""The fit stage: embeddings of the whole corpus → its concepts.

Notation: n images of the sample, d dimensions, k clusters; all vectors are unit vectors.
"""

from __future__ import annotations

import hashlib
import heapq
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import silhouette_score
from threadpoolctl import threadpool_limits

from mixatlas.contract.errors import CorpusInvalid
from mixatlas.corpus.concepts.concept_map import Concept, ConceptMap, Silhouette, rounded
from mixatlas.corpus.concepts.embed import read_vectors
from mixatlas.corpus.concepts.encoder import Encoder
from mixatlas.corpus.concepts.names import VOCABULARY, name_clusters
from mixatlas.corpus.stage import Workspace

COMPARED_K = (2, 3, 5, 8, 10, 15, 20, 30)
"""Numbers of clusters that are compared, besides the one asked for."""
_COMPARED_IMAGES = 2000
_STARTS = 4
_ROWS = 4096

Floats = NDArray[np.float32]


def sample_vectors(work: Workspace, parts: Iterable[str], n: int, seed: int) -> Floats:
    """Choose images at random, the same ones however the corpus is divided and ordered.

    Args:
        work: Where the parts lie.
        parts: Their names.
        n: How many, at most.
        seed: Of the choice.

    Returns:
        Their vectors, of shape (images, d), in an order that is random too.
    """
    chosen = {
        sha256: vector  # an image of several parts counts once
        for _, sha256, vector in heapq.nsmallest(
            n, _by_chance(work, parts, seed), key=lambda row: row[0]
        )
    }
    return unit(np.array(list(chosen.values()), dtype=np.float32))


def fit_clusters(
    V_nd: Floats, *, k: int, seed: int, encoder: Encoder, model: str, vocabulary: Sequence[str]
) -> ConceptMap:
    """Find `k` concepts among images and name each by the word that sets it apart.

    Args:
        V_nd: From `sample_vectors`.
        k: Number of clusters.
        seed: Of the clustering.
        encoder: Of the images' checkpoint; its text tower reads the words.
        model: How the document names it.
        vocabulary: Words for names; empty for the built-in ones.

    Raises:
        CorpusInvalid: There are fewer images than clusters.
    """
    if len(V_nd) < k:
        raise CorpusInvalid(
            f"concepts.k: {k} clusters of {len(V_nd):,} different images",
            hint="Ask for fewer clusters, or give more images.",
        )
    C_kd, labels = spherical_k_means(V_nd, k, seed)
    words = tuple(vocabulary) or VOCABULARY
    names = name_clusters(C_kd, words, encoder.encode_texts([f"an image of {w}" for w in words]))
    sizes = np.bincount(labels, minlength=k)
    concepts = sorted(
        (
            Concept(name=name, vector=rounded(vector), sampled=int(size))
            for name, vector, size in zip(names, C_kd, sizes, strict=True)
        ),
        key=lambda concept: concept.name,
    )
    return ConceptMap(
        method="Clusters",
        model=model,
        revision=encoder.revision,
        concepts=tuple(concepts),
        silhouettes=tuple(compare_k(V_nd[:_COMPARED_IMAGES], (*COMPARED_K, k), seed)),
    )


def concepts_of_prompts(
    prompts: Mapping[str, Sequence[str]], *, margin: str, encoder: Encoder, model: str
) -> ConceptMap:
    """Return concepts that lie where their prompts do: the mean of the prompts' unit vectors.

    Args:
        prompts: One or more texts a concept.
        margin: Least difference of cosines between the nearest concept and the next.
        encoder: Of the images' checkpoint.
        model: How the document names it.
    """
    return ConceptMap(
        method="Prompts",
        model=model,
        revision=encoder.revision,
        margin=margin,
        concepts=tuple(
            Concept(
                name=name,
                vector=rounded(unit(encoder.encode_texts(prompts[name]).mean(axis=0))),
                prompts=tuple(prompts[name]),
            )
            for name in sorted(prompts)
        ),
    )


def spherical_k_means(V_nd: Floats, k: int, seed: int) -> tuple[Floats, NDArray[np.intp]]:
    """Cluster unit vectors by cosine (Dhillon and Modha, 2001).

    scikit-learn's k-means finds the start, whose means lie inside the sphere; the steps that
    follow move them on it, until no vector changes its cluster.

    Args:
        V_nd: Unit vectors.
        k: Number of clusters, at most n.
        seed: Of the starts.

    Returns:
        (unit vectors of the clusters, of shape (k, d); the cluster of each vector, of shape (n,))
    """
    # Sums of several threads end in another order each time. Fewer distinct vectors than clusters
    # are no reason to warn: clusters stay empty then.
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        start = KMeans(k, n_init=_STARTS, random_state=seed).fit(V_nd)
        C_kd, labels = unit(start.cluster_centers_), np.asarray(start.labels_)
        for _ in range(100):
            found = (V_nd @ C_kd.T).argmax(axis=1)
            if np.array_equal(found, labels):
                break
            labels = found
            sums = np.zeros_like(C_kd)
            np.add.at(sums, labels, V_nd)
            is_used = np.linalg.norm(sums, axis=1) > 0
            C_kd[is_used] = unit(sums[is_used])
    return C_kd, labels


def compare_k(V_nd: Floats, numbers: Iterable[int], seed: int) -> Iterator[Silhouette]:
    """Yield how well each number of clusters fits, by the mean silhouette in cosine distance.

    Args:
        V_nd: Unit vectors; costs n² a number.
        numbers: Of clusters; those that are not from 2 to n - 1 are left out.
        seed: As in `spherical_k_means`.
    """
    for k in sorted(set(numbers)):
        if not 2 <= k < len(V_nd):
            continue
        _, labels = spherical_k_means(V_nd, k, seed)
        if len(np.unique(labels)) < 2:
            continue  # equal images: there is nothing to set apart
        with threadpool_limits(1):
            value = float(silhouette_score(V_nd, labels, metric="cosine"))
        shares = np.sort(np.bincount(labels, minlength=k) / len(labels))[::-1]
        yield Silhouette(k=k, silhouette=round(value, 4), shares=rounded(shares))


def unit(V_nd: NDArray[np.floating]) -> Floats:
    """Scale vectors, of shape (…, d), to length 1."""
    scaled: Floats = (V_nd / np.linalg.norm(V_nd, axis=-1, keepdims=True)).astype(np.float32)
    return scaled


def _by_chance(
    work: Workspace, parts: Iterable[str], seed: int
) -> Iterator[tuple[bytes, bytes, NDArray[np.float16]]]:
    salt = b"%d/" % seed
    for part in parts:
        rows = read_vectors(work, part)
        for begin in range(0, len(rows), _ROWS):
            block = np.array(rows[begin : begin + _ROWS])  # off the disk
            for sha256, vector in zip(block["sha256"], block["vector"], strict=True):
                key = sha256.tobytes()
                # A copy: a view would keep its whole block.
                yield hashlib.sha256(salt + key).digest(), key, vector.copy()

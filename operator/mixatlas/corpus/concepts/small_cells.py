"""Cells of too few samples join the nearest concept of the same task."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from mixatlas.corpus.concepts.concept_map import ConceptMap


def join_small_cells(
    cells: Mapping[str, int], concepts: ConceptMap, min_samples: int
) -> dict[str, str]:
    """Return which cells join which concept.

    A small cell joins the nearest concept that has enough of the same task. Where none has, all
    of the task join its largest cell. Cells whose concept has no vector (`text`, `other`) stay.

    Args:
        cells: Samples by `CONCEPT.TASK`.
        concepts: Their vectors.
        min_samples: The least that may stay alone.

    Returns:
        The concept that is joined, by `CONCEPT.TASK`.
    """
    by_task: dict[str, dict[str, int]] = defaultdict(dict)
    for cell, n in cells.items():
        concept, task = cell.split(".")
        if concepts.has(concept):
            by_task[task][concept] = n
    joined = {}
    for task, found in by_task.items():
        large = sorted(concept for concept, n in found.items() if n >= min_samples)
        targets = large or [min(found, key=lambda concept: (-found[concept], concept))]
        for concept in sorted(set(found) - set(targets)):
            joined[f"{concept}.{task}"] = concepts.nearest(concept, targets)
    return joined

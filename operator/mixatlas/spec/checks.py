"""What must hold between fields, as far as the document alone can tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mixatlas.spec import run_checks, space_checks
from mixatlas.spec.model import MixtureSearch
from mixatlas.spec.places import Mistake

CHECKS: tuple[Callable[[MixtureSearch], Iterator[Mistake]], ...] = (
    space_checks.check_corpus,
    space_checks.check_repetition,
    space_checks.check_limits,
    space_checks.check_minimums,
    space_checks.check_repeats,
    space_checks.check_baselines,
    run_checks.check_signs,
    run_checks.check_weights,
    run_checks.check_references,
    run_checks.check_design,
    run_checks.check_warm_start,
    run_checks.check_base,
    run_checks.check_budgets,
    run_checks.check_job_template,
)
"""All of them are told at once, so their order does not matter."""


def find_mistakes(search: MixtureSearch) -> list[Mistake]:
    """Return every contradiction inside a document whose single fields are legal."""
    return [mistake for check in CHECKS for mistake in check(search)]

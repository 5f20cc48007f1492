"""The ledgers that a document's `warmStart` names: what of them is taken as done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mixatlas.contract.errors import SpecError
from mixatlas.contract.mixture import Mixture
from mixatlas.driver.books import read_outcomes
from mixatlas.driver.ports import ObjectStore
from mixatlas.ledger.layout import Layout
from mixatlas.ledger.reading import read_record
from mixatlas.ledger.records import OutcomeClass, SearchRecord, TrialOutcome, mixture_of
from mixatlas.plan.design import design_trials
from mixatlas.plan.observed import Accepted
from mixatlas.plan.trial_files import BASE_TRIAL, checkpoint_of
from mixatlas.plan.warm_start import base_among, taken_over
from mixatlas.spec.model import MixtureSearch
from mixatlas.spec.view import View

_TELLING = (OutcomeClass.OK, OutcomeClass.DIVERGED)
"""Ends that say something about a mixture; any other trial is worth another try."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """What a warm start brings.

    Args:
        base: The training of the search's own base, or None.
        trials: Of the search stage, by number.
    """

    base: TrialOutcome | None
    trials: tuple[TrialOutcome, ...]

    @property
    def sources(self) -> list[str]:
        """URIs of the outcomes that are taken over."""
        return [o.taken_from for o in (self.base, *self.trials) if o is not None]

    def mixtures(self, view: View) -> list[Mixture]:
        """Return the mixture of each trial, over the domains of `view`."""
        return [mixture_of(outcome.mixture, view) for outcome in self.trials]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """An earlier search: the document that it was accepted with, and how its trials have ended."""

    record: SearchRecord
    outcomes: tuple[TrialOutcome, ...]


def read_earlier(store: ObjectStore, accepted: Accepted) -> dict[str, TrialOutcome]:
    """Read what the searches that a warm start names have trained with this search's image.

    A ledger that is no longer there tells nothing: what was taken over stands in our own.

    Returns:
        Outcomes by digest, each saying where it is taken from. Trials of a further ledger are
        numbered after those of the first, so that numbers are unique.
    """
    earlier: dict[str, TrialOutcome] = {}
    last = BASE_TRIAL
    for root in accepted.warm_start.ledgers.values():
        ledger = read_ledger(store, root)
        if ledger is None:
            continue
        offset = last
        for outcome in ledger.outcomes:
            if outcome.outcome not in _TELLING or not _ran(accepted.record, outcome, ledger.record):
                continue
            number = outcome.trial and outcome.trial + offset
            last = max(last, number)
            told = {"trial": number, "taken_from": Layout(root).outcome(outcome.trial)}
            earlier.setdefault(outcome.digest, outcome.model_copy(update=told))
    return earlier


def brought_by(store: ObjectStore, accepted: Accepted) -> Brought:
    """Return what a search's warm start brings it."""
    earlier = read_earlier(store, accepted)
    trained = base_among(accepted, earlier)
    base = checkpoint_of(trained) if trained is not None else accepted.base
    return Brought(base=trained, trials=taken_over(accepted, earlier, base=base))


def check_room(store: ObjectStore, accepted: Accepted) -> None:
    """Refuse a warm start that brings more trials than the search has room for.

    Raises:
        SpecError: `maxTrials` is too small for all of them and for the first round.
    """
    known = brought_by(store, accepted).mixtures(accepted.view)
    if not known:
        return
    need = len(known) + len(design_trials(accepted, known))
    limit = accepted.search.spec.search.max_trials
    if need > limit:
        raise SpecError(
            f"spec.search.maxTrials: {limit} is too few: the warm start brings {len(known)} "
            f"trials, and the first round {need - len(known)} more",
            hint=f"Give at least {need}.",
        )


def read_ledger(store: ObjectStore, root: str) -> Ledger | None:
    """Read an earlier search, None where no search lies under a prefix."""
    layout = Layout(root)
    content = store.get(layout.search)
    if content is None:
        return None
    return Ledger(
        record=read_record(SearchRecord, content, layout.search),
        outcomes=tuple(sorted(read_outcomes(store, layout), key=lambda o: o.trial)),
    )


def _ran(ours: SearchRecord, outcome: TrialOutcome, theirs: SearchRecord) -> bool:
    """Tell whether an earlier trial ran the image that ours will run.

    A reference with a digest is compared with what the pod reported. What a tag points to is
    not known before a pod has run it: the same tag is taken for the same image, and the first
    trial of ours that runs another one is reported as `ImageChanged`.
    """
    identity = ours.image.rpartition("@")[2]
    if identity.startswith("sha256:"):
        return outcome.image_id.rpartition("@")[2] == identity
    return not ours.image or ours.image == theirs.image


def differences(ours: SearchRecord, theirs: SearchRecord) -> Iterator[str]:
    """Name what makes the digests or images of two searches differ, as far as records tell."""
    if ours.image and ours.image != theirs.image:
        yield "the trainer's image"
    if ours.manifest_sha256 != theirs.manifest_sha256:
        yield "corpus"
    if _checksums(ours) != _checksums(theirs):
        yield "objective.benchmarks"
    proxy, earlier = (_proxy(record) for record in (ours, theirs))
    yield from (f"proxy.{name}" for name in proxy if proxy[name] != earlier[name])
    if ours.base_sha256 != theirs.base_sha256:
        yield "the base's weights"


def _checksums(record: SearchRecord) -> Mapping[str, str]:
    return {name: benchmark.sha256 for name, benchmark in record.benchmarks.items()}


def _proxy(record: SearchRecord) -> Mapping[str, object]:
    proxy = MixtureSearch.model_validate(record.document).spec.proxy
    return {"tokens": proxy.tokens, "base": proxy.base, "trainer": proxy.trainer}

"""Accepting a document: everything that is checked and fixed before any work starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from pydantic import ValidationError

from mixatlas.contract.canonical import sha256_hex
from mixatlas.contract.errors import CorpusInvalid, HistoryMismatch, SpecError
from mixatlas.contract.manifest import BenchmarkManifest, CorpusManifest, file_list_digest
from mixatlas.contract.mixture import Mixture
from mixatlas.contract.trial import BaseRef, BenchmarkRef
from mixatlas.contract.urls import join
from mixatlas.driver.evidence import read_warm_start, stored_warm_start
from mixatlas.driver.limits import limited_space
from mixatlas.driver.ports import FindLedger, ObjectStore
from mixatlas.driver.warm_start import check_room
from mixatlas.ledger.layout import Layout
from mixatlas.ledger.reading import read_record, unreadable
from mixatlas.ledger.records import BenchmarkIdentity, SearchRecord, weights_of
from mixatlas.plan.observed import Accepted
from mixatlas.space.space import MixtureSpace
from mixatlas.spec.corpus_checks import check_against_corpus
from mixatlas.spec.editable import drift
from mixatlas.spec.model import MixtureSearch
from mixatlas.spec.view import View

_Manifest = TypeVar("_Manifest", CorpusManifest, BenchmarkManifest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """A corpus as found: its manifest, the benchmarks of a search, and their digests.

    Args:
        uri: Of the manifest.
        sha256: Of the manifest's bytes.
        manifest: Parsed.
        view: Its domains, as the search's axes make them.
        benchmarks: By name, in the objective's order: URI, digest and manifest.
    """

    uri: str
    sha256: str
    manifest: CorpusManifest
    view: View
    benchmarks: Mapping[str, tuple[str, str, BenchmarkManifest]]


def read_corpus(store: ObjectStore, search: MixtureSearch) -> Corpus:
    """Read the corpus manifest and the benchmarks that a document names.

    Raises:
        CorpusInvalid: A manifest is missing, unreadable, or not the one that it should be.
        SpecError: The document names a domain or a benchmark that the corpus lacks.
    """
    uri = search.spec.corpus.manifest
    if uri is None:
        raise CorpusInvalid("spec.corpus.manifest is missing", hint="Give the manifest's URI.")
    content = _read(store, uri, "spec.corpus.manifest")
    manifest = _parse(CorpusManifest, content, uri)
    carried = {entry.name: entry for entry in manifest.benchmarks}
    benchmarks = {}
    for wanted in search.spec.objective.benchmarks:
        entry = carried.get(wanted.name)
        if wanted.source is None and entry is None:
            continue  # `check_against_corpus` names it
        source = wanted.source or _locate(uri, entry.manifest if entry else "")
        found = _read(store, source, f"benchmark {wanted.name}")
        if wanted.source is None and entry and sha256_hex(found) != entry.sha256:
            raise CorpusInvalid(
                f"{source} is not the manifest that {uri} names: its checksum differs",
                hint="Pack the corpus again, or push all of it.",
            )
        benchmarks[wanted.name] = (
            source,
            sha256_hex(found),
            _parse(BenchmarkManifest, found, source),
        )
    check_against_corpus(search, manifest, {name: entry[2] for name, entry in benchmarks.items()})
    return Corpus(
        uri=uri,
        sha256=sha256_hex(content),
        manifest=manifest,
        view=View.of(manifest.domains, search.spec.axes),
        benchmarks=benchmarks,
    )


def space_of(search: MixtureSearch, corpus: Corpus) -> MixtureSpace:
    """Build the space of a document over a corpus.

    Raises:
        InfeasibleSpace: No mixture meets all constraints.
    """
    target = search.spec.target
    tokens = target.tokens if target else None
    return limited_space(search.spec.space, corpus.view.tokens, target_tokens=tokens)


def nowhere(name: str) -> None:
    """Find no other search: for a place that knows of none."""


def accept(
    store: ObjectStore,
    search: MixtureSearch,
    *,
    uid: str,
    root: str,
    image: str,
    find_ledger: FindLedger = nowhere,
) -> Accepted:
    """Accept a document, or take up the search that was accepted under the same identity.

    Args:
        store: Where corpora and ledgers lie.
        search: The document as it stands now.
        uid: Identity of the search.
        root: URI prefix of its ledger.
        image: Identity of the trainer (`sha256:…`), or the reference of its image.
        find_ledger: Finds the searches that a warm start names.

    Returns:
        What is in force: of a search that exists, the document that it was accepted with.

    Raises:
        SpecError, InfeasibleSpace, CorpusInvalid: The document cannot be accepted as written.
        HistoryMismatch: The ledger was begun with another corpus, or by a newer version.
    """
    layout = Layout(root)
    stored = store.get(layout.search)
    if stored is not None:
        record = read_record(SearchRecord, stored, layout.search)
        try:
            accepted_search = MixtureSearch.model_validate(record.document)
        except ValidationError as error:
            raise unreadable(layout.search, error) from error
        corpus = read_corpus(store, accepted_search)
        _must_match(record, corpus)
        base = _base(store, accepted_search)
        accepted = _accepted(record, accepted_search, corpus, base=base, layout=layout)
        return replace(accepted, warm_start=stored_warm_start(store, accepted))
    accepted = prepare(store, search, uid=uid, root=root, image=image, find_ledger=find_ledger)
    # Evidence first: a search that is there has its evidence.
    if search.spec.search.warm_start:
        store.put(layout.evidence, accepted.warm_start.to_bytes())
    store.put(layout.search, accepted.record.to_bytes())
    return accepted


def prepare(
    store: ObjectStore,
    search: MixtureSearch,
    *,
    uid: str,
    root: str,
    image: str,
    find_ledger: FindLedger = nowhere,
) -> Accepted:
    """Check a new document and derive what follows from it; nothing is written.

    Args:
        store: Where corpora lie.
        search: The document.
        uid: Identity of the search.
        root: URI prefix of its ledger.
        image: Identity of the trainer (`sha256:…`), or the reference of its image; empty where
            that is not known.
        find_ledger: Finds the searches that a warm start names.

    Raises:
        SpecError, InfeasibleSpace, CorpusInvalid: It cannot be accepted as written.
    """
    _must_begin_within_limit(search)
    corpus = read_corpus(store, search)
    base = _base(store, search)
    space = space_of(search, corpus)
    record = SearchRecord(
        name=search.metadata.name,
        namespace=search.metadata.namespace or "default",
        uid=uid,
        document=search.to_plain(),
        manifest_sha256=corpus.sha256,
        natural=weights_of(space.natural, corpus.view),
        definitions={part.name: part.definition for part in corpus.view.slices},
        contents={part.name: part.content for part in corpus.view.slices},
        benchmarks={
            name: BenchmarkIdentity(
                manifest=uri, sha256=sha256, metric=manifest.metric, chance=manifest.chance
            )
            for name, (uri, sha256, manifest) in corpus.benchmarks.items()
        },
        base_sha256=base.sha256 if base else None,
        bounds={
            name: (low, high)
            for name, low, high in zip(space.domains, space.lower, space.upper, strict=True)
        },
        image=image,
    )
    accepted = _accepted(record, search, corpus, base=base, layout=Layout(root))
    warm_start = read_warm_start(store, accepted, corpus.manifest.domains, find_ledger)
    accepted = replace(accepted, warm_start=warm_start)
    check_room(store, accepted)
    return accepted


def drifted(accepted: Accepted, live: MixtureSearch) -> tuple[str, ...]:
    """Name the immutable fields of the live document that differ from the accepted one."""
    return drift(accepted.search, live)


def _accepted(
    record: SearchRecord,
    search: MixtureSearch,
    corpus: Corpus,
    *,
    base: BaseRef | None,
    layout: Layout,
) -> Accepted:
    space = space_of(search, corpus)
    named = {
        baseline.name: Mixture.nearest(
            dict.fromkeys(space.domains, 0)
            | {weight.domain: float(weight.weight) for weight in baseline.mixture}
        )
        for baseline in search.spec.baselines
        if baseline.mixture
    }
    return Accepted(
        record=record,
        search=search,
        corpus=corpus.uri,
        view=corpus.view,
        space=space,
        baselines={"natural": space.natural, "uniform": space.uniform} | named,
        benchmarks=tuple(
            BenchmarkRef(
                name=wanted.name,
                manifest=corpus.benchmarks[wanted.name][0],
                sha256=corpus.benchmarks[wanted.name][1],
                metric=corpus.benchmarks[wanted.name][2].metric,
                max_items=wanted.max_items,
            )
            for wanted in search.spec.objective.benchmarks
        ),
        chance={name: entry[2].chance for name, entry in corpus.benchmarks.items()},
        base=base,
        layout=layout,
    )


def _must_begin_within_limit(search: MixtureSearch) -> None:
    """Refuse a design above `maxTrials`, which may be lowered below it only later on."""
    settings = search.spec.search
    if settings.initial_trials > settings.max_trials:
        raise SpecError(
            f"spec.search.initialTrials: {settings.initial_trials} is above "
            f"maxTrials {settings.max_trials}",
            hint="Raise maxTrials, or lower initialTrials.",
        )


def _must_match(record: SearchRecord, corpus: Corpus) -> None:
    """Refuse to go on with other data than the search was begun with."""
    changed = [
        part.name
        for part in corpus.view.slices
        if record.contents.get(part.name) != part.content
        or record.definitions.get(part.name) != part.definition
    ]
    gone = sorted(set(record.contents) - set(corpus.view.names))
    benchmarks = [
        name
        for name, (_, sha256, _) in corpus.benchmarks.items()
        if record.benchmarks[name].sha256 != sha256
    ]
    if corpus.sha256 != record.manifest_sha256 or benchmarks:
        what = ", ".join(changed + gone + benchmarks) or "the manifest"
        raise HistoryMismatch(
            f"{corpus.uri} is not the corpus that this search was begun with: {what} changed",
            hint="Restore the old corpus, or give the search a new name.",
        )


def _base(store: ObjectStore, search: MixtureSearch) -> BaseRef | None:
    """Digest the folder of a user's base checkpoint, once.

    A folder with our `checkpoint.json` is named by that file; a plain Hugging Face folder by
    the list of its files.
    """
    base = search.spec.proxy.base
    if base is None or base.checkpoint is None:
        return None
    folder = base.checkpoint.rstrip("/")
    ours = store.get(f"{folder}/checkpoint.json")
    if ours is not None:
        return BaseRef(checkpoint=folder, sha256=sha256_hex(ours))
    files = {
        uri[len(folder) + 1 :]: sha256_hex(store.get(uri) or b"")
        for uri in store.list(f"{folder}/")
    }
    if "config.json" not in files:
        raise CorpusInvalid(
            f"spec.proxy.base.checkpoint: {folder} holds no config.json",
            hint="Give a folder in the Hugging Face layout, with safetensors weights.",
        )
    return BaseRef(checkpoint=folder, sha256=file_list_digest(files))


def _read(store: ObjectStore, uri: str, what: str) -> bytes:
    content = store.get(uri)
    if content is None:
        raise CorpusInvalid(f"{what}: {uri} does not exist", hint="Push the corpus first.")
    return content


def _parse(model: type[_Manifest], content: bytes, uri: str) -> _Manifest:
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise CorpusInvalid(
            f"{uri}: {place}: {first['msg']}", hint="Pack the corpus again."
        ) from error


def _locate(manifest: str, url: str) -> str:
    try:
        return join(manifest, url)
    except ValueError as error:
        raise CorpusInvalid(f"{manifest}: {error}", hint="Pack the corpus again.") from error

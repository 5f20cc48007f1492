"""A corpus folder → what its page shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from mixatlas.contract.canonical import sha256_hex
from mixatlas.contract.errors import CorpusInvalid
from mixatlas.contract.manifest import TASKS, CorpusManifest
from mixatlas.corpus.atlas import Atlas, load_atlas
from mixatlas.corpus.concepts.axis import TEXT
from mixatlas.corpus.concepts.concept_map import ConceptMap, load_concept_map
from mixatlas.corpus.left_out import LeftOutKind, read_left_out
from mixatlas.corpus.origins import decision_row, facts_of
from mixatlas.corpus.samples import HELD_OUT
from mixatlas.corpus.showcase import (
    answers_of,
    captions_of,
    cut,
    examples_of,
    nearest_samples,
    picture_of,
    some_samples,
)
from mixatlas.corpus.tally import MAX_NAMED
from mixatlas.corpus.tasks import Confusion
from mixatlas.report.corpus_view import (
    BuildView,
    CellView,
    ClustersRow,
    ConceptView,
    ConfusionView,
    CorpusView,
    Named,
)


def overview(folder: Path) -> CorpusView:
    """Read what there is to show of a corpus.

    Of the shards only the samples that are shown are read; `left-out.jsonl` is read whole. What a
    packed corpus lacks is empty.

    Args:
        folder: Made by `build` or `pack`.

    Raises:
        CorpusInvalid: There is no manifest, or a file is damaged.
        SpecError: `concepts.json` is damaged.
    """
    manifest, content = _manifest(folder)
    atlas = load_atlas(folder)
    path = folder / "concepts.json"
    concepts = load_concept_map(path.read_bytes(), str(path)) if path.exists() else None
    left_out = _left_out(folder)
    total = sum(domain.tokens for domain in manifest.domains)
    held_out = folder / HELD_OUT
    with_images = sorted({domain.concept for domain in manifest.domains} - {TEXT})
    return CorpusView(
        name=folder.resolve().name,
        digest=sha256_hex(content),
        concepts=tuple(_concept(folder, name, manifest, atlas, concepts) for name in with_images),
        tasks=tuple(
            task for task in TASKS if any(domain.task == task for domain in manifest.domains)
        ),
        cells=tuple(
            CellView(
                concept=domain.concept,
                task=domain.task,
                samples=domain.samples,
                tokens=domain.tokens,
                share=domain.tokens / total,
                examples=examples_of(folder, domain),
            )
            for domain in manifest.domains
        ),
        clusters=_clusters(concepts) if concepts else (),
        duplicates=left_out["duplicate"],
        overlaps=left_out["overlap"],
        held_out=_n_samples(held_out) if held_out.exists() else 0,
        build=_build(atlas, manifest) if atlas else None,
        facts=facts_of(manifest, atlas, concepts),
    )


def _manifest(folder: Path) -> tuple[CorpusManifest, bytes]:
    path = folder / "manifest.json"
    try:
        content = path.read_bytes()
        return CorpusManifest.model_validate_json(content), content
    except OSError as error:
        raise CorpusInvalid(
            f"{folder} has no manifest.json", hint="Build or pack a corpus first."
        ) from error
    except ValidationError as error:
        raise CorpusInvalid(f"{path}: {error}") from error


def _n_samples(folder: Path) -> int:
    return sum(domain.samples for domain in _manifest(folder)[0].domains)


def _concept(
    folder: Path,
    name: str,
    manifest: CorpusManifest,
    atlas: Atlas | None,
    concepts: ConceptMap | None,
) -> ConceptView:
    nearest = atlas.nearest.get(name, ()) if atlas else ()
    if nearest:
        shown = nearest_samples(folder, nearest)
    else:
        shown = some_samples(folder, [d for d in manifest.domains if d.concept == name])
    known = [one for one in concepts.concepts if one.name == name] if concepts else []
    is_fit = concepts is not None and concepts.method == "Clusters"
    captions = captions_of(shown)
    return ConceptView(
        name=name,
        pictures=tuple(map(picture_of, shown)),
        are_nearest=bool(nearest),
        captions=captions,
        answers=() if captions else answers_of(shown),
        prompts=tuple(cut(prompt) for one in known for prompt in one.prompts),
        sampled=sum(one.sampled for one in known) if known and is_fit else None,
    )


def _clusters(concepts: ConceptMap) -> tuple[ClustersRow, ...]:
    return tuple(
        ClustersRow(
            k=compared.k,
            is_chosen=compared.k == len(concepts.concepts),
            silhouette=compared.silhouette,
            shares=compared.shares,
        )
        for compared in concepts.silhouettes
    )


def _left_out(folder: Path) -> dict[LeftOutKind, Named]:
    counts = Counter[LeftOutKind]()
    first: dict[LeftOutKind, list[tuple[str, str]]] = {"duplicate": [], "overlap": []}
    for line in read_left_out(folder / "left-out.jsonl"):
        counts[line.kind] += 1
        if len(first[line.kind]) < MAX_NAMED:
            first[line.kind].append((line.where, line.why))
    return {kind: Named(n=counts[kind], first=tuple(named)) for kind, named in first.items()}


def _build(atlas: Atlas, manifest: CorpusManifest) -> BuildView:
    broken = tuple((sample.where, sample.reason) for sample in atlas.broken_samples)
    return BuildView(
        used=atlas.used,
        broken=Named(n=atlas.broken, first=broken),
        joined=tuple((joined.cell, joined.samples, joined.concept) for joined in atlas.joined),
        min_samples=atlas.document.min_samples,
        decisions=tuple(map(decision_row, atlas.decisions)),
        confusion=_confusion(atlas.confusion),
        removes_duplicates=atlas.document.duplicates == "Remove",
        removes_overlaps=atlas.document.contamination == "Remove",
        has_benchmarks=bool(manifest.benchmarks),
    )


def _confusion(counts: Sequence[tuple[int, ...]]) -> ConfusionView | None:
    """Return the table without tasks that do not occur."""
    compared = Confusion(counts=tuple(counts))
    if compared.accuracy is None:
        return None
    found = [i for i in range(len(TASKS)) if any(counts[i]) or any(row[i] for row in counts)]
    tasks = [TASKS[i] for i in found]
    return ConfusionView(
        tasks=tuple(tasks),
        counts=tuple(tuple(counts[i][j] for j in found) for i in found),
        accuracy=compared.accuracy,
        recall=tuple(map(compared.recall, tasks)),
        precision=tuple(map(compared.precision, tasks)),
    )

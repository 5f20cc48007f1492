"""`corpus build`: sources → parts → concepts and tasks → a corpus folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mixatlas.contract.canonical import canonical_json, sha256_hex
from mixatlas.contract.errors import SpecError
from mixatlas.corpus.atlas import begin_atlas
from mixatlas.corpus.cells import cells_of, labelled_samples
from mixatlas.corpus.concepts.axis import TEXT, ConceptAxis
from mixatlas.corpus.document import CorpusDocument, load_document
from mixatlas.corpus.parts import PartPictures, tar_of
from mixatlas.corpus.stage import Workspace
from mixatlas.corpus.stages import OnProgress, OpenFiles, Stages
from mixatlas.corpus.tally import Tally
from mixatlas.corpus.tasks import built_in_digest
from mixatlas.corpus.writer import Cleaning, Labels, PackReport, check_place, write_corpus


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildReport:
    """What was built, and how much was left out.

    Args:
        pack: What was written.
        tally: Samples used and left out.
        joined: The concept that a small cell has joined, by `CONCEPT.TASK`.
    """

    pack: PackReport
    tally: Tally
    joined: dict[str, str]


def build(
    document: Path,
    out: Path,
    *,
    open_files: OpenFiles,
    work: Workspace | None = None,
    centroids: str | None = None,
    on_progress: OnProgress = lambda stage, done, of: None,
) -> BuildReport:
    """Build a corpus from its sources.

    What each stage makes of each part is kept in the workspace: a build that was ended goes on
    behind the last one, the next build does again only what depends on what has changed, and
    whoever removes it has all done again. Image files beside a source are not watched: remove the
    parts when they change. Equal inputs and documents give equal bytes.

    Args:
        document: A corpus document (`corpus.yaml`).
        out: Folder to make. It appears whole at the end, or not at all.
        open_files: Opens what the document names: `s3://…`, or a path.
        work: Where the stages leave what they make; None means the folder `OUT.parts`.
        centroids: Place of `concepts.json` of another corpus, whose concepts the images are to
            be given: `s3://…`, or a path.
        on_progress: Called after each part, and after each batch of images.

    Returns:
        The manifest, and the samples that were left out.

    Raises:
        SpecError: The document or the centroids are wrong, or `out` exists.
        CorpusInvalid: A source cannot be read, or too many of the samples cannot be used.
    """
    settings = load_document(document)
    check_centroids(settings, centroids, document.name)
    work = work or Workspace(out.with_name(f"{out.name}.parts"))
    stages = Stages(document, settings, work=work, open_files=open_files, on_progress=on_progress)
    check_place(out, stages.tokenizer)
    parts = stages.read()
    by_model = None
    if settings.concepts.method != "Column":
        stages.find(parts, centroids)
        by_model = stages.found()
    axis = by_model or stages.columns()
    tally, cells = stages.label(parts, axis)
    tally.check(settings.max_broken)
    joined = by_model.joined(cells, settings.concepts.min_samples) if by_model else {}
    names = [part.name for part in parts]
    for name in names:
        work.path(tar_of(name))  # the images are read from the folder
    report = write_corpus(
        out,
        labelled_samples(work, names, moved=joined, held_out=float(settings.hold_out)),
        PartPictures(work.folder),
        settings=settings,
        tokenizer_folder=stages.tokenizer,
        labels=Labels(
            definition=lambda concept: _definition(concept, axis, settings),
            concepts=by_model.concepts if by_model else None,
            atlas=begin_atlas(
                settings,
                [cells_of(work, name) for name in names],
                tally,
                joined=joined,
                cells=cells,
                has_given_concepts=centroids is not None,
            ),
        ),
        cleaning=Cleaning(
            keeps_duplicates=settings.duplicates == "Report",
            keeps_overlaps=settings.contamination.method == "Report",
        ),
        items=stages.items,
    )
    return BuildReport(pack=report, tally=tally, joined=joined)


def check_centroids(settings: CorpusDocument, centroids: str | None, filename: str) -> None:
    """Check that a document has a use for concepts of another corpus.

    Raises:
        SpecError: Its concepts come from columns.
    """
    if centroids and settings.concepts.method == "Column":
        raise SpecError(
            "--centroids are given, and concepts.method is Column",
            hint="Leave them out, or use the method that they were found by.",
            where=filename,
        )


def _definition(concept: str, axis: ConceptAxis, settings: CorpusDocument) -> str:
    """Return the digest of how samples got a concept and their tasks."""
    of_concept = concept if concept == TEXT else axis.definition(concept)
    return sha256_hex(canonical_json([of_concept, settings.tasks.to_plain(), built_in_digest()]))

"""How a corpus was made, in words for its page."""

from __future__ import annotations

from mixatlas.contract.manifest import CorpusManifest
from mixatlas.corpus.atlas import Atlas, DocumentSummary
from mixatlas.corpus.concepts.concept_map import ConceptMap
from mixatlas.corpus.tasks import Decision
from mixatlas.report.corpus_view import DecisionRow

_EVIDENCE = {
    "given": "the sample's own field",
    "source": "the document's `tasks.sources`",
    "user": "the document's `tasks.rules`",
    "built-in": "a built-in rule",
    "none": "no rule holds",
}

_FATE = {"Remove": "left out", "Report": "kept and listed"}


def decision_row(decision: Decision) -> DecisionRow:
    """Return a decision as people read it."""
    return DecisionRow(
        rule=decision.rule,
        evidence=_EVIDENCE[decision.evidence],
        task=decision.task,
        confidence=decision.confidence,
        turns=decision.turns,
    )


def facts_of(
    manifest: CorpusManifest, atlas: Atlas | None, concepts: ConceptMap | None
) -> tuple[tuple[str, str], ...]:
    """Return (name, value) of what a corpus was made by, as far as its folder tells."""
    tokenizer = f"SHA-256 {manifest.tokenizer.sha256}"
    if atlas:
        tokenizer = f"{atlas.document.tokenizer}, {tokenizer}"
    facts = [
        *(_of_document(atlas.document) if atlas else ()),
        ("Concepts", _concepts(atlas, concepts)),
        *((("Model", f"{concepts.model}, revision {concepts.revision}"),) if concepts else ()),
        ("Tokenizer", tokenizer),
        ("Tokens of an image", f"{manifest.image_tokens:,}"),
        ("Benchmarks", ", ".join(entry.name for entry in manifest.benchmarks) or "none"),
    ]
    return tuple(facts)


def _of_document(document: DocumentSummary) -> list[tuple[str, str]]:
    similarity = document.similarity
    alike = f", and from a cosine of {similarity} on" if similarity else ""
    return [
        ("Document", f"SHA-256 {document.digest}"),
        ("Sources", ", ".join(f"{one.name} ({one.format})" for one in document.sources)),
        ("Shuffled by seed", str(document.seed)),
        ("Held out", f"{float(document.hold_out):.4g} of the images"),
        ("Duplicates", _FATE[document.duplicates]),
        ("Images of benchmarks", f"{_FATE[document.contamination]}: the same{alike}"),
    ]


def _concepts(atlas: Atlas | None, concepts: ConceptMap | None) -> str:
    if concepts is None:
        return "Column: as the sources say" if atlas else "as the labelled samples say"
    if atlas is None or atlas.has_given_concepts:
        return f"{concepts.method}: those of another corpus ({len(concepts.concepts)})"
    document = atlas.document
    if concepts.method == "Prompts":
        return f"Prompts: {len(concepts.concepts)} concepts, margin {document.margin}"
    return (
        f"Clusters: k = {document.k}, seed {document.concept_seed}, "
        f"found in a sample of at most {document.sample:,} images"
    )

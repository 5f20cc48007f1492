"""Samples whose cell is known: what the writer takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mixatlas.contract.canonical import canonical_json
from mixatlas.contract.manifest import Turn
from mixatlas.corpus.lines import SampleLine, read_lines


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledSample:
    """One sample with its cell. It holds no pixels, so that millions can be sorted.

    Args:
        where: Its place, for messages.
        turns: At least one.
        images: References that `Pictures.read` takes.
        concept: Image concept; `text` without an image.
        task: Task supervision.
        source: Dataset that it came from; may be empty.
        identity: Bytes that decide its place in the shuffle. They must not depend on where the
            sample lies among the others.
        overlap: What it has in common with a benchmark, for people; empty for nothing.
        is_held_out: Whether it is packed apart.
        cosine: Of its first image with its concept's vector; None where there is none.
    """

    where: str
    turns: tuple[Turn, ...]
    images: tuple[str, ...]
    concept: str
    task: str
    source: str
    identity: bytes
    overlap: str = ""
    is_held_out: bool = False
    cosine: float | None = None

    @property
    def domain(self) -> str:
        """The name of its cell."""
        return f"{self.concept}.{self.task}"


def labelled_lines(path: Path) -> Iterator[LabelledSample]:
    """Read the samples of a JSON-lines file, in its order.

    Raises:
        CorpusInvalid: A line cannot be used; it has file:line and says why.
    """
    for placed in read_lines(path, SampleLine):
        line = placed.line
        yield LabelledSample(
            where=placed.where,
            turns=line.all_turns,
            images=line.images,
            concept=line.concept,
            task=line.task,
            source=line.source,
            identity=canonical_json(line.to_plain()),
        )

"""What a source holds and what is wrong with it, before anything is built. Nothing is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from mixatlas.corpus.files import Files
from mixatlas.corpus.raw import BrokenSample, RawSample
from mixatlas.corpus.readers import detect, open_reader
from mixatlas.corpus.readers.boxes import size_of
from mixatlas.corpus.tally import MAX_NAMED
from mixatlas.corpus.tasks import TaskSettings, label_sample

MAX_NAMES = 1000
"""Origins and concepts that are counted apart; a column of captions has no more meaning."""
OTHERS = "(others)"


@dataclass(slots=True, kw_only=True)
class InspectReport:
    """What one source holds.

    Args:
        format: As documents name it.
        files: Files that samples are read from.
        n_bytes: Their size together, without images that lie beside them.
        samples: Usable ones.
        broken: Samples that cannot be used.
        broken_samples: The first of them, with place and reason.
        turns: Questions with answers, in usable samples.
        images: In usable samples.
        without_image: Usable samples that have none: concept `text`.
        several_images: Usable samples with more than one; the first one gives the concept.
        widths: Smallest and largest, in pixels; None without an image.
        heights: As `widths`.
        origins: Samples by the dataset that they came from.
        concepts: Samples by the concept column.
        tasks: Turns by task, as the built-in rules see them.
        longest_answer: In characters.
    """

    format: str
    files: int = 0
    n_bytes: int = 0
    samples: int = 0
    broken: int = 0
    broken_samples: list[BrokenSample] = field(default_factory=list)
    turns: int = 0
    images: int = 0
    without_image: int = 0
    several_images: int = 0
    widths: tuple[int, int] | None = None
    heights: tuple[int, int] | None = None
    origins: Counter[str] = field(default_factory=Counter)
    concepts: Counter[str] = field(default_factory=Counter)
    tasks: Counter[str] = field(default_factory=Counter)
    longest_answer: int = 0

    def to_plain(self) -> dict[str, Any]:
        """Return the report as JSON-ready data, counts from the largest down."""
        return {
            "format": self.format,
            "files": self.files,
            "bytes": self.n_bytes,
            "samples": self.samples,
            "turns": self.turns,
            "images": self.images,
            "withoutImage": self.without_image,
            "severalImages": self.several_images,
            "widths": list(self.widths) if self.widths else None,
            "heights": list(self.heights) if self.heights else None,
            "longestAnswer": self.longest_answer,
            "origins": dict(self.origins.most_common()),
            "concepts": dict(self.concepts.most_common()),
            "tasks": dict(self.tasks.most_common()),
            "broken": self.broken,
            "brokenSamples": [
                {"where": sample.where, "reason": sample.reason} for sample in self.broken_samples
            ],
        }


def inspect(
    files: Files,
    images: Files,
    *,
    format: str | None = None,  # noqa: A002  the document's word
    columns: Mapping[str, str] | None = None,
    on_sample: Callable[[int], None] = lambda _: None,
) -> InspectReport:
    """Read a whole source once and count what it holds.

    Memory does not grow with the source.

    Args:
        files: The source.
        images: Where its image paths lead, for formats that name images.
        format: As documents name it; None to tell it by the content.
        columns: The source's names of our fields.
        on_sample: Called with the number of samples so far, after each.

    Returns:
        Counts, and the first broken samples.

    Raises:
        CorpusInvalid: The source is of no format that is known, or lacks a named column.
    """
    report = InspectReport(format=format or detect(files))
    reader = open_reader(report.format, files, images, columns or {})
    units = reader.units(1)
    read = {unit.file for unit in units}
    report.files = len(read)
    report.n_bytes = sum(info.size for info in files.list() if info.name in read)
    for unit in units:
        for sample in reader.read(unit, 1):
            if isinstance(sample, BrokenSample):
                report.broken += 1
                if len(report.broken_samples) < MAX_NAMED:
                    report.broken_samples.append(sample)
            else:
                _count(report, sample)
            on_sample(report.samples + report.broken)
    return report


def _count(report: InspectReport, sample: RawSample) -> None:
    report.samples += 1
    report.turns += len(sample.turns)
    report.images += len(sample.images)
    report.without_image += not sample.images
    report.several_images += len(sample.images) > 1
    report.longest_answer = max(report.longest_answer, *(len(t.answer) for t in sample.turns))
    for image in sample.images:
        size = size_of(image)
        report.widths = _widened(report.widths, size.width)
        report.heights = _widened(report.heights, size.height)
    if sample.origin:
        _tally(report.origins, sample.origin)
    if sample.concept is not None:
        _tally(report.concepts, sample.concept)
    for part in label_sample(replace(sample, task=None), TaskSettings()):
        report.tasks[part.task] += len(part.sample.turns)


def _tally(counter: Counter[str], name: str) -> None:
    counter[name if name in counter or len(counter) < MAX_NAMES else OTHERS] += 1


def _widened(found: tuple[int, int] | None, value: int) -> tuple[int, int]:
    return (min(found[0], value), max(found[1], value)) if found else (value, value)

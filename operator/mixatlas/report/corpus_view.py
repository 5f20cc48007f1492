"""What the page of a corpus shows, as values: numbers, texts cut to size, small pictures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """An image: a `data:` URI, empty where it cannot be shown, and what is said of it."""

    src: str
    alt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A sample: its first turn, with the number of all, and its first image, likewise."""

    question: str
    answer: str
    n_turns: int
    picture: Picture | None
    n_images: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CellView:
    """A cell of the grid; `share` is that of all tokens, in 0 to 1."""

    concept: str
    task: str
    samples: int
    tokens: int
    share: float
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConceptView:
    """A concept with its images.

    Args:
        name: Of it.
        pictures: The nearest images first, or some by hash.
        are_nearest: Which of both.
        captions: Of these images, those that have one.
        answers: Where none has.
        prompts: That describe it.
        sampled: Images of the fit's sample that are nearest to it; None without a fit.
    """

    name: str
    pictures: tuple[Picture, ...]
    are_nearest: bool
    captions: tuple[str, ...]
    answers: tuple[str, ...]
    prompts: tuple[str, ...]
    sampled: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClustersRow:
    """How well `k` clusters fit, and the share of each, the largest first."""

    k: int
    is_chosen: bool
    silhouette: float
    shares: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRow:
    """How many turns got their task by one rule."""

    rule: str
    evidence: str
    task: str
    confidence: float
    turns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfusionView:
    """Turns by the task that their source gives (rows) and that of the rules (columns).

    Args:
        tasks: Those that occur, of rows and columns both.
        counts: Turns.
        accuracy: Share where both agree.
        recall: By row: of what is given so, the share that the rules call so; None for none.
        precision: By column: of what the rules call so, the share that is; None for none.
    """

    tasks: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    accuracy: float
    recall: tuple[float | None, ...]
    precision: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """How many of something there are, and the first of them: (place, what it is)."""

    n: int
    first: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildView:
    """What only a corpus that was built tells, not one that was packed.

    Args:
        used: Samples that could be used.
        broken: Those that could not.
        joined: Cells of too few samples: (cell, samples, concept that it joined).
        min_samples: The least that a cell may have.
        decisions: Who decided the tasks, the most frequent first.
        confusion: None where no source gives tasks.
        removes_duplicates: Whether duplicates are left out, or reported alone.
        removes_overlaps: Likewise, samples that show a benchmark's images.
        has_benchmarks: Whether there are any whose images were looked for.
    """

    used: int
    broken: Named
    joined: tuple[tuple[str, int, str], ...]
    min_samples: int
    decisions: tuple[DecisionRow, ...]
    confusion: ConfusionView | None
    removes_duplicates: bool
    removes_overlaps: bool
    has_benchmarks: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusView:
    """A corpus.

    Args:
        name: Of its folder.
        digest: Of the manifest.
        concepts: Sorted by name; those whose samples have images.
        tasks: Columns of the grid.
        cells: By (concept, task).
        clusters: Numbers of clusters that were compared; none without a fit.
        duplicates: Samples that equal another one of their domain.
        overlaps: Samples that show a benchmark's image.
        held_out: Samples that are packed apart.
        build: None for a corpus that was packed.
        facts: (name, value) of how it was made.
    """

    name: str
    digest: str
    concepts: tuple[ConceptView, ...]
    tasks: tuple[str, ...]
    cells: tuple[CellView, ...]
    clusters: tuple[ClustersRow, ...]
    duplicates: Named
    overlaps: Named
    held_out: int
    build: BuildView | None
    facts: tuple[tuple[str, str], ...]

    @property
    def samples(self) -> int:
        """All to train on."""
        return sum(cell.samples for cell in self.cells)

    @property
    def tokens(self) -> int:
        """Of all samples."""
        return sum(cell.tokens for cell in self.cells)

    def cells_of(self, concept: str) -> dict[str, CellView]:
        """Return the cells of a concept by task."""
        return {cell.task: cell for cell in self.cells if cell.concept == concept}

    @property
    def rows(self) -> tuple[str, ...]:
        """Concepts of all cells, those without images too."""
        return tuple(dict.fromkeys(cell.concept for cell in self.cells))

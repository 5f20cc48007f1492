"""How scores become the objective: an affine map, so gains need its slopes alone.

Notation: n trials, m benchmarks. Scores are larger-is-better; where a stored value has its
metric's own direction, it is turned here, once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from mixatlas.contract.metrics import Metric
from mixatlas.ledger.records import ObjectiveRecord

FloatArray = NDArray[np.float64]
ScaleName = Literal["Normalized", "Raw"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """One benchmark of the objective.

    Args:
        name: As in the search document.
        metric: Gives direction and the perfect value.
        weight: Its share of the objective before normalisation; not negative.
        chance: Score of a predictor that sees neither image nor question, in the metric's own
            direction.
    """

    name: str
    metric: Metric
    weight: float
    chance: float

    @property
    def sign(self) -> float:
        """-1 for losses, 1 otherwise: a stored value times this is a score."""
        return -1.0 if self.metric.is_loss else 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scale:
    """The objective as `offset + Σ_m slopes_m · score_m`.

    Args:
        names: The `m` benchmarks.
        is_loss_m: Which of them are negated losses.
        slopes_m: Objective units per unit of score; not negative.
        offset: The objective where every score is 0.
    """

    names: tuple[str, ...]
    is_loss_m: NDArray[np.bool_]
    slopes_m: FloatArray
    offset: float

    @classmethod
    def normalized(cls, benchmarks: Sequence[Benchmark]) -> Self:
        """Weighted mean of (score - chance) / (perfect - chance): 0 is blind, 1 is perfect.

        Raises:
            ValueError: A benchmark's chance level is perfect already, or the weights are bad.

        Example:
            >>> nll = Benchmark(name="vqa", metric=Metric.TOKEN_NLL, weight=1.0, chance=2.0)
            >>> Scale.normalized([nll]).objective(np.array([[-2.0], [-0.5], [0.0]])).tolist()
            [0.0, 0.75, 1.0]
        """
        chance_m = np.array([b.sign * b.chance for b in benchmarks])
        span_m = np.array([b.sign * b.metric.perfect for b in benchmarks]) - chance_m
        for benchmark, span in zip(benchmarks, span_m, strict=True):
            if not span > 0:
                raise ValueError(f"{benchmark.name}: chance {benchmark.chance} leaves no room")
        slopes_m = _shares(benchmarks) / span_m
        return cls._of(benchmarks, slopes_m, -float(slopes_m @ chance_m))

    @classmethod
    def raw(cls, benchmarks: Sequence[Benchmark]) -> Self:
        """Weighted mean of the scores, losses negated.

        Raises:
            ValueError: A weight is negative or not finite, or all are zero.
        """
        return cls._of(benchmarks, _shares(benchmarks), 0.0)

    @classmethod
    def of(cls, name: ScaleName, benchmarks: Sequence[Benchmark]) -> Self:
        """Build the scale that a search document names."""
        return cls.normalized(benchmarks) if name == "Normalized" else cls.raw(benchmarks)

    @classmethod
    def of_record(cls, record: ObjectiveRecord) -> Self:
        """Build the scale that `objective.json` fixed."""
        return cls.of(
            record.scale,
            [
                Benchmark(
                    name=name,
                    metric=metric,
                    weight=record.weights[name],
                    chance=record.chance[name],
                )
                for name, metric in record.metrics.items()
            ],
        )

    @classmethod
    def _of(cls, benchmarks: Sequence[Benchmark], slopes_m: FloatArray, offset: float) -> Self:
        return cls(
            names=tuple(b.name for b in benchmarks),
            is_loss_m=np.array([b.metric.is_loss for b in benchmarks], dtype=bool),
            slopes_m=slopes_m,
            offset=offset,
        )

    def objective(self, Y_m: FloatArray) -> FloatArray:
        """Return the objective of scores of shape (…, m); NaN where a score that counts is.

        A benchmark of weight 0 is watched, not maximised: its NaN does not matter.
        """
        counts_m = self.slopes_m > 0
        return np.asarray(self.offset + Y_m[..., counts_m] @ self.slopes_m[counts_m])


def _shares(benchmarks: Sequence[Benchmark]) -> FloatArray:
    weight_m = np.array([b.weight for b in benchmarks], dtype=np.float64)
    if not np.isfinite(weight_m).all() or (weight_m < 0).any() or not weight_m.sum() > 0:
        raise ValueError("benchmark weights must be finite and not negative, one of them positive")
    return np.asarray(weight_m / weight_m.sum())

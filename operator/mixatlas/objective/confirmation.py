"""Confirmed gains: paired differences on fresh seeds and unseen items, with honest intervals.

Notation: a arms, s seeds, i items, k distinct images, c candidates, m benchmarks. D_si is the
difference of two arms' scores, paired by seed and item.

The mean of D has three sources of luck, and the interval holds for new seeds and new images:

    seed      an arm's mean moves with its seed        2 · var_s(item mean of one arm) / s
    image     a mixture suits some images better       var_k(seed mean of D) / k
    residual  image × seed                             var(residual of D) / (s · k), taken off
              once, because the two terms above both contain it

The seed term is pooled over all arms compared. The image term counts clusters, not items: every
item on one image moves together, and an image used by several benchmarks is one cluster, so that
their covariance is in the objective's interval. It is linearised as
u_k = Σ_m slope_m · √(k_m / (k_m - 1)) / i_m · Σ_{items of m on image k} (D_i - mean), with
variance Σ_k u_k²; for one item an image and no shared images that is exactly Σ_m slope_m² times
the variance over images divided by their number.

The image component alone is a variance, so at most the image term is taken off. The seed term is
never clipped from below: with its few degrees of freedom that would make the variance too large on
average, and simulated 95 % intervals covered 98 % where the residual dominates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from mixatlas.objective.scale import Scale

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ItemScores:
    """Item scores of one benchmark in a confirmation.

    Args:
        name: The benchmark.
        S_asi: Scores, larger is better, of shape (…, arms, seeds, items). Leading axes are
            independent confirmations (simulations use them; a search has none). An arm without
            a complete seed has NaN there, for all items and benchmarks.
        image_i: Image of each item, as any label; items of one label move together, also
            between benchmarks. Items without an image get a label of their own.
    """

    name: str
    S_asi: FloatArray
    image_i: Sequence[str | int]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Estimate:
    """A gain with its interval; every field has the shape of the confirmations' leading axes."""

    mean: FloatArray
    lower: FloatArray
    upper: FloatArray
    standard_error: FloatArray
    degrees_of_freedom: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairedGain:
    """One candidate's gain over one arm.

    Args:
        candidate: The candidate's arm.
        over: The arm compared with.
        objective: In objective units.
        benchmarks: Each in its score's own unit, positive = better.
    """

    candidate: int
    over: int
    objective: Estimate
    benchmarks: dict[str, Estimate]


def paired_gains(
    scores: Sequence[ItemScores],
    scale: Scale,
    *,
    candidates: Sequence[int],
    over: int,
    confidence: float = 0.95,
) -> tuple[PairedGain, ...]:
    """Estimate every candidate's gain over one arm.

    Args:
        scores: One entry a benchmark of `scale`, in its order, with equal arms and seeds.
        scale: Turns benchmark gains into the objective's; only its slopes matter.
        candidates: Arms that may win. Intervals are simultaneous over them (Bonferroni).
        over: The arm compared with: the reference, natural or uniform. A candidate that is this
            arm is left out.
        confidence: Of the two-sided intervals.

    Returns:
        One gain a candidate, in the order of `candidates`.

    Raises:
        ValueError: The benchmarks are not the scale's, an arm has fewer than 2 complete seeds,
            a pair shares none, or a benchmark has fewer than 2 images.
    """
    if tuple(entry.name for entry in scores) != scale.names:
        raise ValueError(f"item scores are of {[s.name for s in scores]}, not {scale.names}")
    rivals = [arm for arm in candidates if arm != over]
    complete_as = _complete_seeds(scores)
    for arm in (*rivals, over):
        if complete_as[arm].sum() < 2:
            raise ValueError(f"arm {arm} has fewer than 2 complete seeds")
    tail = (1.0 - confidence) / 2.0 / max(len(rivals), 1)
    images = _Images.of(scores)
    # Row 0 is the objective; the others are the benchmarks, one at a time.
    L_lm = np.vstack([scale.slopes_m, np.eye(len(scores))])
    seed_l, seed_df = _seed_variance(scores, L_lm, complete_as, arms=(*rivals, over))
    gains = []
    for arm in rivals:
        pair_s = complete_as[arm] & complete_as[over]
        if not pair_s.any():
            raise ValueError(f"arms {arm} and {over} share no complete seed")
        terms = _pair_terms(scores, images, L_lm, arm=arm, over=over, seeds=pair_s)
        estimates = terms.estimates(2.0 * seed_l / pair_s.sum(), seed_df, tail=tail)
        gains.append(
            PairedGain(
                candidate=arm,
                over=over,
                objective=estimates[0],
                benchmarks=dict(zip(scale.names, estimates[1:], strict=True)),
            )
        )
    return tuple(gains)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Images:
    """Which items lie on which image, over all benchmarks.

    Args:
        n_k: Distinct images of all benchmarks.
        n_m: Distinct images of each benchmark.
        C_mik: Per benchmark, what an item's deviation adds to its image's u (header).
    """

    n_k: int
    n_m: NDArray[np.int64]
    C_mik: tuple[FloatArray, ...]

    @classmethod
    def of(cls, scores: Sequence[ItemScores]) -> _Images:
        labels = {label: k for k, label in enumerate(dict.fromkeys(_labels(scores)))}
        n_m = np.array([len(set(entry.image_i)) for entry in scores])
        if (n_m < 2).any():
            raise ValueError(f"{scores[int(n_m.argmin())].name}: fewer than 2 images")
        C_mik = []
        for entry, n_images in zip(scores, n_m, strict=True):
            n_items = len(entry.image_i)
            C_ik = np.zeros((n_items, len(labels)))
            C_ik[np.arange(n_items), [labels[label] for label in entry.image_i]] = (
                np.sqrt(n_images / (n_images - 1)) / n_items
            )
            C_mik.append(C_ik)
        return cls(n_k=len(labels), n_m=n_m, C_mik=tuple(C_mik))


def _labels(scores: Sequence[ItemScores]) -> list[str | int]:
    return [label for entry in scores for label in entry.image_i]


def _complete_seeds(scores: Sequence[ItemScores]) -> NDArray[np.bool_]:
    """Return which (arm, seed) has every score of every benchmark."""
    a, s = scores[0].S_asi.shape[-3:-1]
    complete_as = np.ones((a, s), dtype=bool)
    for entry in scores:
        finite = np.isfinite(entry.S_asi).all(axis=-1)
        complete_as &= finite.reshape(-1, a, s).all(axis=0)
    return complete_as


def _seed_variance(
    scores: Sequence[ItemScores],
    L_lm: FloatArray,
    complete_as: NDArray[np.bool_],
    *,
    arms: Sequence[int],
) -> tuple[FloatArray, int]:
    """Pool one arm's variance over seeds of its item means. Returns (…, l) and its df."""
    squares_l: FloatArray = np.zeros(1)
    degrees = 0
    for arm in arms:
        seeds = complete_as[arm]
        means = [entry.S_asi[..., arm, seeds, :].mean(axis=-1) for entry in scores]
        M_sl = np.stack(means, axis=-1) @ L_lm.T
        squares_l = squares_l + ((M_sl - M_sl.mean(axis=-2, keepdims=True)) ** 2).sum(axis=-2)
        degrees += int(seeds.sum()) - 1
    return squares_l / degrees, degrees


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _PairTerms:
    """Mean, image term and residual's share of one pair; (…, l) each, `df` of shape (…, l)."""

    mean_l: FloatArray
    image_l: FloatArray
    residual_l: FloatArray
    image_df_l: FloatArray
    residual_df_l: FloatArray

    def estimates(self, seed_l: FloatArray, seed_df: int, *, tail: float) -> list[Estimate]:
        """Add the seed term and turn variances into intervals (Satterthwaite)."""
        shared_l = np.minimum(self.residual_l, self.image_l)
        variance_l = seed_l + self.image_l - shared_l
        doubt_l = (
            seed_l**2 / seed_df
            + self.image_l**2 / self.image_df_l
            + shared_l**2 / self.residual_df_l
        )
        # Arms with equal scores everywhere have no variance: the interval is the point.
        known_l = doubt_l > 0
        df_l = np.where(known_l, variance_l**2 / np.where(known_l, doubt_l, 1.0), float(seed_df))
        # A sum of variances has at least the degrees of freedom of its poorest term; the formula
        # forgets this where a term is taken off.
        df_l = np.maximum(df_l, np.minimum(self.image_df_l, float(seed_df)))
        error_l = np.sqrt(variance_l)
        half_l = student.isf(tail, df_l) * error_l
        return [
            Estimate(
                mean=self.mean_l[..., row],
                lower=(self.mean_l - half_l)[..., row],
                upper=(self.mean_l + half_l)[..., row],
                standard_error=error_l[..., row],
                degrees_of_freedom=df_l[..., row],
            )
            for row in range(self.mean_l.shape[-1])
        ]


def _pair_terms(
    scores: Sequence[ItemScores],
    images: _Images,
    L_lm: FloatArray,
    *,
    arm: int,
    over: int,
    seeds: NDArray[np.bool_],
) -> _PairTerms:
    mean_m, U_mk, R_msk = [], [], []
    for entry, C_ik in zip(scores, images.C_mik, strict=True):
        D_si = entry.S_asi[..., arm, seeds, :] - entry.S_asi[..., over, seeds, :]
        item_i = D_si.mean(axis=-2)
        mean = item_i.mean(axis=-1)
        seed_s = D_si.mean(axis=-1) - mean[..., None]
        image_i = item_i - mean[..., None]
        mean_m.append(mean)
        U_mk.append(image_i @ C_ik)
        R_si = D_si - mean[..., None, None] - seed_s[..., :, None] - image_i[..., None, :]
        R_msk.append(R_si @ C_ik)
    n_seeds = int(seeds.sum())
    U_mk_, R_msk_ = np.stack(U_mk, axis=-2), np.stack(R_msk, axis=-3)
    own_m = (U_mk_**2).sum(axis=-1)
    image_l = ((L_lm @ U_mk_) ** 2).sum(axis=-1)
    R_lsk = np.einsum("lm,...msk->...lsk", L_lm, R_msk_)
    # With one shared seed there is no residual to see: nothing is taken off.
    pairs = max(n_seeds * (n_seeds - 1), 1)
    image_df_l = _image_df(own_m, L_lm, images)
    return _PairTerms(
        mean_l=np.stack(mean_m, axis=-1) @ L_lm.T,
        image_l=image_l,
        residual_l=(R_lsk**2).sum(axis=(-1, -2)) / pairs,
        image_df_l=image_df_l,
        residual_df_l=image_df_l * max(n_seeds - 1, 1),
    )


def _image_df(own_m: FloatArray, L_lm: FloatArray, images: _Images) -> FloatArray:
    """Satterthwaite over benchmarks, and never more than the distinct images allow."""
    parts_lm = own_m[..., None, :] * L_lm**2
    total_l = parts_lm.sum(axis=-1)
    doubt_l = (parts_lm**2 / (images.n_m - 1)).sum(axis=-1)
    known_l = doubt_l > 0
    df_l = np.where(known_l, total_l**2 / np.where(known_l, doubt_l, 1.0), images.n_k - 1.0)
    return np.minimum(df_l, images.n_k - 1.0)

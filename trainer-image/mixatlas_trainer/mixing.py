"""Which domain gives the next sample, so that token shares are exact at every prefix.

Notation
    w_d  weight of domain d, a share of tokens; the weights sum to 1
    t_d  tokens taken from d so far        T  their sum over domains
    c    tokens of one sample              c_max  those of the longest sample

The rule: of the domains that are not ahead (t_d <= w_d·T), take the one whose next sample should
be finished first, that is with the least (t_d + c) / w_d. It is worst-case fair weighted fair
queueing (Bennett & Zhang 1996, "WF2Q") with T as the virtual time. Taking the largest deficit
alone looks simpler, but leaves a bound for many domains of unequal weights and lengths to hope.

The bound: |t_d − w_d·T| <= c_max for every domain at every prefix. The contract asks for 2·c_max.

* Never further ahead than c_max. A domain is only taken while t_d <= w_d·T, and a sample of c
  tokens then moves t_d − w_d·T by at most c·(1 − w_d). A domain that is not ahead always exists,
  because the differences sum to zero.
* Never further behind. Let an ideal mixer serve all domains at once at rates w_d; a sample
  starts there at S = t_d / w_d and ends at F = (t_d + c) / w_d. Let p be any sample and q the
  last one taken before p with F_q > F_p. Every sample taken after q up to p has F <= F_p. Its
  domain could have offered a sample with F <= F_p < F_q when q was taken at T_q, and was passed
  over, so it was ahead: S > T_q. So the ideal mixer serves all of them between T_q and F_p, and
  they hold at most F_p − T_q tokens. Hence p ends at T <= T_q + c_q + (F_p − T_q) <= F_p + c_max.
  (Without such a q, everything up to p lies within F_p.) Until p is taken, T <= F_p + c_max − c,
  so w_d·T − t_d <= c + w_d·(c_max − c) <= c_max.

All numbers are integers, so every platform takes the same samples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import final

from mixatlas.contract.mixture import PPM


@final
class Mixer:
    """Picks domains one sample at a time.

    Args:
        ppm: Weight of each domain in parts per million, summing to 1,000,000. Zero weight
            gives exactly zero samples.

    Raises:
        ValueError: A weight is negative, or the sum is off.

    Example:
        >>> mixer = Mixer([500_000, 250_000, 250_000, 0])
        >>> [mixer.take(lambda domain: 10)[0] for _ in range(8)]
        [0, 1, 0, 2, 0, 1, 0, 2]
    """

    def __init__(self, ppm: Sequence[int]) -> None:
        if min(ppm) < 0 or sum(ppm) != PPM:
            raise ValueError("weights must be non-negative and sum to 1,000,000 ppm")
        self._weighted = [(domain, weight) for domain, weight in enumerate(ppm) if weight]
        self._taken = [0] * len(ppm)
        self._total = 0

    @property
    def total(self) -> int:
        """Tokens taken so far from all domains."""
        return self._total

    @property
    def taken(self) -> tuple[int, ...]:
        """Tokens taken so far, a domain. This is the mixer's whole state."""
        return tuple(self._taken)

    def restore(self, taken: Sequence[int]) -> None:
        """Go on from the state that `taken` gave.

        Raises:
            ValueError: The state belongs to another number of domains.
        """
        if len(taken) != len(self._taken):
            raise ValueError("the state belongs to another number of domains")
        self._taken = list(taken)
        self._total = sum(taken)

    def take(self, cost_of: Callable[[int], int]) -> tuple[int, int]:
        """Choose the next domain and count its next sample as taken.

        Args:
            cost_of: Gives the tokens (at least 1) of a domain's next sample. It is asked only
                where the answer can matter, so that a domain whose turn is far off costs no
                look into its shards.

        Returns:
            (domain, tokens of its sample). Ties go to the domain that stands first.
        """
        taken, total = self._taken, self._total
        # The end of the best so far, best_end / best_weight, is compared by multiplying across.
        best, best_cost, best_end, best_weight = -1, 0, 0, 0
        for domain, weight in self._weighted:
            before = taken[domain]
            if before * PPM > weight * total:
                continue
            # No sample has less than one token: if even that ends later, spare the look.
            if best >= 0 and (before + 1) * best_weight >= best_end * weight:
                continue
            cost = cost_of(domain)
            if best < 0 or (before + cost) * best_weight < best_end * weight:
                best, best_cost, best_end, best_weight = domain, cost, before + cost, weight
        taken[best] += best_cost
        self._total += best_cost
        return best, best_cost

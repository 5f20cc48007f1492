"""How many samples were used, and how many were left out, with the first of those by name."""

from __future__ import annotations

from dataclasses import dataclass, field

from mixatlas.contract.errors import CorpusInvalid
from mixatlas.corpus.raw import BrokenSample

MAX_NAMED = 20
"""Broken samples that are named; all are counted."""


@dataclass(slots=True)
class Tally:
    """Samples that were used and that were left out; the first of the latter, named."""

    used: int = 0
    broken: int = 0
    named: list[BrokenSample] = field(default_factory=list)

    def leave_out(self, *named: BrokenSample, unnamed: int = 0) -> None:
        """Count samples that cannot be used: some with place and reason, some without."""
        self.broken += len(named) + unnamed
        self.named += named[: MAX_NAMED - len(self.named)]

    def check(self, limit: str) -> None:
        """Refuse a corpus of which too much had to be left out.

        Raises:
            CorpusInvalid: More than the share `limit`; it lists the first samples.
        """
        if self.broken > float(limit) * (self.used + self.broken):
            listed = "\n".join(f"{sample.where}: {sample.reason}" for sample in self.named)
            raise CorpusInvalid(
                f"{self.broken:,} of {self.used + self.broken:,} samples cannot be used, and "
                f"maxBroken is {limit}:\n{listed}",
                hint="Mend them, or allow a larger share by `maxBroken`.",
            )

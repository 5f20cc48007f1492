"""The winner as CSV or JSON, for loaders that read domain weights."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping

from mixatlas.contract.mixture import PPM, Mixture

HEADER = ("domain", "weight", "ppm", "sample_weight", "unit")


def sample_weights(mixture: Mixture, tokens_a_sample: Mapping[str, float]) -> dict[str, float]:
    """Turn token shares into the weights of a loader that draws samples.

    Args:
        mixture: Shares of tokens.
        tokens_a_sample: Mean manifest tokens of a sample of each domain, positive.

    Returns:
        w_d / (mean tokens of a sample of d), renormalised to sum to 1.
    """
    raw = {name: part / PPM / tokens_a_sample[name] for name, part in mixture.parts if part}
    total = sum(raw.values())
    return {name: value / total for name, value in raw.items()}


def mixture_csv(mixture: Mixture, tokens_a_sample: Mapping[str, float]) -> str:
    """Render one row a domain with a weight above 0; `weight` is a share of tokens."""
    by_sample = sample_weights(mixture, tokens_a_sample)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(HEADER)
    for name, part in mixture.parts:
        if part:
            writer.writerow((name, f"{part / PPM:.6f}", part, f"{by_sample[name]:.8f}", "tokens"))
    return buffer.getvalue()


def mixture_json(mixture: Mixture, tokens_a_sample: Mapping[str, float]) -> str:
    """Render the mixture with its unit and digest; weights are shares of tokens."""
    by_sample = sample_weights(mixture, tokens_a_sample)
    return (
        json.dumps(
            {
                "unit": "tokens",
                "digest": mixture.digest,
                "weights": {name: part / PPM for name, part in mixture.parts if part},
                "ppm": {name: part for name, part in mixture.parts if part},
                "sampleWeights": by_sample,
            },
            indent=2,
        )
        + "\n"
    )

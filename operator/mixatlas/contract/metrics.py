"""The closed list of metrics: direction, range, and the level that is perfect."""

from __future__ import annotations

from enum import StrEnum


class Metric(StrEnum):
    """The rule that turns answers into a score. Values are in the metric's own direction."""

    EXACT_MATCH = "ExactMatch"
    ANY_OF = "AnyOf"
    ANLS = "Anls"
    RELAXED_ACCURACY = "RelaxedAccuracy"
    VQA_ACCURACY = "VqaAccuracy"
    BOX_IOU = "BoxIou"
    TOKEN_NLL = "TokenNll"  # noqa: S105  a metric's name, not a secret

    @property
    def is_loss(self) -> bool:
        """Whether smaller is better: TokenNll, in nats an answer token, 0 to infinity."""
        return self is Metric.TOKEN_NLL

    @property
    def perfect(self) -> float:
        """The best possible value: 1 for accuracies in 0 to 1, 0 for TokenNll."""
        return 0.0 if self.is_loss else 1.0

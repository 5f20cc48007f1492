"""The training loop: AdamW on the mean loss over the supervised tokens of each global batch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import final

import torch

from mixatlas.contract.canonical import Record
from mixatlas.contract.result import DomainUse
from mixatlas.contract.trainer_config import TrainerConfig
from mixatlas.contract.trial import TrialFile
from mixatlas_trainer.feed import Feed, ReadyBatch
from mixatlas_trainer.model import ProxyModel

BETAS = (0.9, 0.98)
LAST_RATE = 0.05
MAX_LOSS = 100.0
"""Nats a token. A uniform guess over any vocabulary costs under 14, so this is no longer
learning, even where every number is still finite."""


class Tally(Record):
    """What a trial has trained so far; lists run in the mixture's order.

    `tail_nats` and `tail_supervised` cover the last tenth of the budget.
    """

    step: int
    total: int
    flops: float
    tokens: tuple[int, ...]
    samples: tuple[int, ...]
    supervised: tuple[int, ...]
    tail_nats: tuple[float, ...]
    tail_supervised: tuple[int, ...]

    @classmethod
    def empty(cls, n_domains: int) -> Tally:
        """Return the tally of a trial that has not begun."""
        none = (0,) * n_domains
        return cls(
            step=0,
            total=0,
            flops=0.0,
            tokens=none,
            samples=none,
            supervised=none,
            tail_nats=(0.0,) * n_domains,
            tail_supervised=none,
        )

    @property
    def train_loss(self) -> float | None:
        """Mean nats a supervised token over the last tenth; None before it."""
        count = sum(self.tail_supervised)
        return math.fsum(self.tail_nats) / count if count else None

    def use(self, names: tuple[str, ...], epoch_tokens: tuple[int, ...]) -> dict[str, DomainUse]:
        """Return what each domain contributed.

        Args:
            names: Domains in the mixture's order.
            epoch_tokens: Manifest tokens of one epoch of each.
        """
        rows = zip(
            names,
            epoch_tokens,
            self.tokens,
            self.supervised,
            self.samples,
            self.tail_nats,
            self.tail_supervised,
            strict=True,
        )
        return {
            name: DomainUse(
                tokens=tokens,
                supervised_tokens=supervised,
                samples=samples,
                epochs=tokens / of_epoch,
                loss=nats / n_tail if n_tail else None,
            )
            for name, of_epoch, tokens, supervised, samples, nats, n_tail in rows
        }


@dataclass(frozen=True, slots=True)
class Diverged:
    """The trial's end by numbers that mean nothing any more. A value, not an error."""

    reason: str


def rate_at(config: TrainerConfig, progress: float) -> float:
    """Return the learning rate.

    Args:
        config: Peak, warm-up and schedule.
        progress: Share of the budget trained once the step is done, in (0, 1]. Counted in
            tokens, so that the schedule does not depend on the batch size.

    Example:
        >>> config = TrainerConfig(learning_rate="0.01", warmup="0.1")
        >>> [round(rate_at(config, p), 5) for p in (0.05, 0.1, 0.55, 1.0)]
        [0.005, 0.01, 0.00525, 0.0005]
    """
    peak, warmup = float(config.learning_rate), float(config.warmup)
    progress = min(progress, 1.0)
    if progress < warmup:
        return peak * progress / warmup
    if config.schedule == "Constant":
        return peak
    decayed = (progress - warmup) / (1 - warmup) if warmup < 1 else 1.0
    return peak * (LAST_RATE + (1 - LAST_RATE) * 0.5 * (1 + math.cos(math.pi * decayed)))


@final
class Training:
    """One trial's optimisation.

    Args:
        model: With the parts that learn set to learn.
        trial: Seed, budget and settings.
        tally: Where training starts; `Tally.empty` unless resumed.
    """

    def __init__(self, model: ProxyModel, trial: TrialFile, tally: Tally) -> None:
        self.model = model
        self.tally = tally
        self.loss: float | None = None
        self._config = trial.trainer
        self._seed = trial.seed
        self._budget = trial.tokens
        decay = float(self._config.weight_decay)
        named = list(model.trained())
        self.names = [name for name, _ in named]
        self.parameters = [parameter for _, parameter in named]
        # Norms and biases are not pulled to zero: they scale, they do not overfit.
        groups = [
            {"params": [p for p in self.parameters if p.ndim >= 2], "weight_decay": decay},
            {"params": [p for p in self.parameters if p.ndim < 2], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(
            [g for g in groups if g["params"]], lr=0.0, betas=BETAS, fused=True
        )

    def run(self, feed: Feed, after_step: Callable[[ReadyBatch], None]) -> Diverged | None:
        """Train to the end of the feed.

        Args:
            feed: Ready batches, from where the tally stands.
            after_step: Called between steps, when weights, optimiser and tally agree. What it
                raises ends the training.

        Returns:
            None at the end of the budget, or why the numbers are no longer meaningful.
        """
        self.model.model.train()
        for batch in feed:
            diverged = self.step(batch)
            if diverged is not None:
                return diverged
            after_step(batch)
        return None

    def step(self, batch: ReadyBatch) -> Diverged | None:
        """Make one optimiser step.

        The loss is the sum over supervised tokens divided by their number in the GLOBAL batch,
        so it does not depend on how the batch is split into forward passes.
        """
        # Dropout depends on (seed, step) alone, so no generator state needs to be kept.
        _seed_dropout(self._seed + self.tally.step, self.model.device)
        n_supervised = max(1, batch.supervised.total())
        domain_nats = torch.zeros(len(self.tally.tokens), dtype=torch.float64)
        flops = 0.0
        for micro in batch.micro:
            losses = self.model.token_losses(micro)
            (losses.nats_k.sum() / n_supervised).backward()  # type: ignore[no-untyped-call]
            nats_k = losses.nats_k.detach().cpu().double()
            domains_k = torch.from_numpy(micro.domains_n)[losses.rows_k.cpu()]
            domain_nats.index_add_(0, domains_k, nats_k)
            flops += self.model.flops(micro)
        self.loss = float(domain_nats.sum()) / n_supervised
        diverged = _judge("the loss", self.loss, MAX_LOSS)
        if diverged is None:
            diverged = self._update(batch.total / self._budget)
        self.optimizer.zero_grad(set_to_none=True)
        if diverged is None:
            self.tally = self._counted(batch, domain_nats.tolist(), flops)
        return diverged

    def _update(self, progress: float) -> Diverged | None:
        clip = float(self._config.gradient_clip)
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, clip or math.inf)
        diverged = _judge("the gradient's norm", float(norm), math.inf)
        if diverged is None:
            for group in self.optimizer.param_groups:
                group["lr"] = rate_at(self._config, progress)
            self.optimizer.step()
        return diverged

    def _counted(self, batch: ReadyBatch, nats: list[float], flops: float) -> Tally:
        before = self.tally
        in_tail = batch.total * 10 > self._budget * 9
        tail_nats, tail_supervised = before.tail_nats, before.tail_supervised
        if in_tail:
            tail_nats = tuple(a + b for a, b in zip(tail_nats, nats, strict=True))
            tail_supervised = _added(tail_supervised, batch.supervised)
        # Sums of our own numbers, once a step: nothing to validate.
        return Tally.model_construct(
            step=before.step + 1,
            total=batch.total,
            flops=before.flops + flops,
            tokens=_added(before.tokens, batch.tokens),
            samples=_added(before.samples, batch.samples),
            supervised=_added(before.supervised, batch.supervised),
            tail_nats=tail_nats,
            tail_supervised=tail_supervised,
        )


def _added(counts: tuple[int, ...], more: Mapping[int, int]) -> tuple[int, ...]:
    return tuple(count + more.get(number, 0) for number, count in enumerate(counts))


def _seed_dropout(seed: int, device: torch.device) -> None:
    # Not torch.manual_seed: before CUDA is in use it keeps a stack trace of every call.
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)


def _judge(what: str, value: float, limit: float) -> Diverged | None:
    if not math.isfinite(value):
        return Diverged(f"{what} is {value}")
    return Diverged(f"{what} is {value:.4g}, above {limit:g}") if value > limit else None

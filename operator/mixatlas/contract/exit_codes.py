"""Exit codes: the trainer's half of its contract, and those of the command line."""

from __future__ import annotations

from enum import IntEnum


class TrainerExit(IntEnum):
    """How a trainer process ends. Any other code is counted and retried."""

    OK = 0
    DIVERGED = 42
    CONTRACT = 43
    DATA = 44
    RESULT_NOT_STORED = 45
    OUT_OF_MEMORY = 137
    TERMINATED = 143


class CliExit(IntEnum):
    """How `mixatlas` ends."""

    OK = 0
    UNHEALTHY = 1
    USAGE = 2
    INVALID_SPEC = 3
    INFEASIBLE = 4
    SEARCH_FAILED = 5
    STORAGE = 6
    INTERRUPTED = 130

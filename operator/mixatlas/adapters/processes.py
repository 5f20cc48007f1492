"""Children that end with their parent."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
"""Loaded here: between fork and exec a child of a threaded process must not load libraries."""


def die_with_parent(parent: int) -> None:
    """Ask the kernel to kill this process when its parent ends, even by SIGKILL.

    Call it in the child. Linux only; elsewhere children watch a pipe that closes with the
    parent. The kernel watches the *thread* that forked, so children are started from threads
    that live as long as the process.

    Args:
        parent: Process id of the parent, as the parent knows it.
    """
    if _LIBC is None:
        return
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)  # the parent ended before the kernel was asked

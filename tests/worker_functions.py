"""Functions for the proposer's worker; it imports them by name."""

from __future__ import annotations

import os
import signal
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Asked:
    """A question that says what the worker shall do."""

    key: str
    what: str = ""


def obey(question: Any) -> Any:
    """Answer None, or do what the question says."""
    what = getattr(question, "what", "")
    if what == "raise":
        raise ValueError("no such point")
    if what == "die":
        os._exit(7)
    if what == "interrupt":
        signal.raise_signal(signal.SIGINT)
    if what == "pid":
        return os.getpid()
    if what == "modules":
        return "torch" in sys.modules
    if what == "closure":
        return lambda: None
    if what == "hang":
        threading.Event().wait()
    return None


def driver() -> None:
    """Ask a worker for something that never ends, and write down its process id."""
    from mixatlas.adapters.proposer import WorkerProposer
    from mixatlas.plan.observed import Ready
    from processes import until

    proposer = WorkerProposer(obey)
    proposer.start(Asked("who", "pid"))
    until(lambda: isinstance(proposer.poll(), Ready))
    state = proposer.poll()
    proposer.start(Asked("never", "hang"))
    Path(sys.argv[1]).write_text(str(state.answer if isinstance(state, Ready) else ""))
    threading.Event().wait()


def refuse(question: Any) -> Any:
    """Answer nothing, ever."""
    raise ValueError("no such point")

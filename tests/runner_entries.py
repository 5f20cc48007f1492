"""Trainers for tests of the runner: what they do stands in the URI of their trial file."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

TESTS = Path(__file__).parent


def main(environ: Mapping[str, str]) -> int:
    """Do what `DO:ARGUMENT` at the end of MIXATLAS_TRIAL says."""
    what, _, argument = environ["MIXATLAS_TRIAL"].rpartition("/")[2].partition(":")
    if what == "exit":
        print(f"ends with {argument}")
        return int(argument)
    if what == "raise":
        raise ValueError(argument)
    if what == "die":
        os.kill(os.getpid(), int(argument))
    if what == "say":
        Path(environ["MIXATLAS_TERMINATION_LOG"]).write_text(argument)
        return 45
    if what == "tell":
        print(json.dumps({"environ": dict(environ), "pid": os.getpid(), "group": os.getpgrp()}))
        return 0
    if what == "parent":
        os.kill(os.getppid(), signal.SIGKILL)
    if what == "polite":
        signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
    if what == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print(f"pid {os.getpid()}", flush=True)
    time.sleep(600)
    return 1


def driver() -> None:
    """Run a runner with one endless trial, in the folder that is the first argument."""
    from mixatlas.driver.ports import StartRequest
    from mixatlas.local.runner import RunnerSettings, SubprocessRunner
    from mixatlas.local.state import StateFolder

    state = StateFolder(Path(sys.argv[1]))
    settings = RunnerSettings(
        threads=1, environ={"PYTHONPATH": str(TESTS)}, entry="runner_entries:main"
    )
    SubprocessRunner(state, settings).start(
        StartRequest(
            name="endless",
            trial=1,
            attempt=1,
            digest="d",
            trial_uri="s3://b/stubborn:",
            purpose="initial",
        )
    )
    time.sleep(600)

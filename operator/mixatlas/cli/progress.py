"""Live progress: one region on a terminal, one line an event otherwise."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import datetime
from types import TracebackType
from typing import Any, Self, final

from rich.console import Console
from rich.live import Live
from rich.text import Text

from mixatlas.cli.screen import describe_status
from mixatlas.local.state import StateFolder, write_whole
from mixatlas.plan.observed import Observed
from mixatlas.report.page import render_report
from mixatlas.spec.model import MixtureSearch


@final
class ScreenSink:
    """Writes the status file, and shows status and events to a person; a status sink.

    Args:
        console: Where to print.
        state: Folder of the search.
        search: The document, which the status file repeats.
    """

    def __init__(self, console: Console, state: StateFolder, search: MixtureSearch) -> None:
        self._console = console
        self._state = state
        self._search = search
        self._stack = ExitStack()
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live = self._stack.enter_context(
                Live(console=self._console, auto_refresh=False, transient=True)
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def write(self, status: Mapping[str, Any]) -> None:
        """Write the resource with its status, and refresh the live region."""
        resource = self._search.to_plain() | {"status": dict(status)}
        write_whole(self._state.status, json.dumps(resource, ensure_ascii=False).encode())
        if self._live is not None:
            shown = describe_status(self._search.metadata.name, dict(status))
            self._live.update(shown, refresh=True)

    def event(self, reason: str, message: str) -> None:
        """Print one line."""
        stamp = datetime.now().astimezone().strftime("%H:%M:%S")
        self._console.print(Text(f"{stamp} {reason}: {message}"), soft_wrap=True)

    def keep_report(self, observed: Observed) -> None:
        """Keep a copy of the report beside the status, where a browser can open it."""
        write_whole(self._state.report, render_report(observed))

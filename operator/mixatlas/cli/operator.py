"""`mixatlas operator`."""

from __future__ import annotations

import logging
import os

import click


@click.command()
def command() -> None:
    """Run searches of a cluster; the chart starts this, configured by MIXATLAS_* variables."""
    # Loaded here: the other commands need no Kubernetes.
    from mixatlas.controller.api import Api
    from mixatlas.controller.service import JsonFormatter, Operator
    from mixatlas.controller.settings import OperatorSettings

    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)  # a line an event is too much
    settings = OperatorSettings.read(os.environ)
    raise click.exceptions.Exit(Operator(Api.connect(), settings).run())

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
    from mixatlas.controller.lease import REQUEST_TIMEOUT_S, Leadership
    from mixatlas.controller.service import Operator
    from mixatlas.controller.settings import OperatorSettings
    from mixatlas.controller.telemetry import JsonFormatter

    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)  # a line an event is too much
    settings = OperatorSettings.read(os.environ)
    leadership = None
    if settings.lease_namespace is not None:
        leadership = Leadership(
            Api.connect(timeout_s=REQUEST_TIMEOUT_S),
            namespace=settings.lease_namespace,
            identity=settings.identity,
        )
    code = Operator(Api.connect(), settings, leadership).run()
    if code:
        # At once: another operator may lead by now, and the clients' threads would hold up the end.
        os._exit(code)

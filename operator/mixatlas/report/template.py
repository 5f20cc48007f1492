"""Templates of this room: every text is escaped, every name must be known, one style for all."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup as Safe


def environment() -> Environment:
    """Return an environment for templates; filters may be added to it."""
    return Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )


def render(environment: Environment, name: str, context: dict[str, Any]) -> bytes:
    """Render a template of this room.

    Args:
        environment: From `environment`.
        name: File of the template.
        context: What it shows; `style` is added.

    Returns:
        UTF-8 HTML.
    """
    style = Safe(read("page.css"))  # noqa: S704  our own
    template = environment.from_string(read(name))
    return template.render(context | {"style": style}).encode()


def read(name: str) -> str:
    """Return a file of this room."""
    return files("mixatlas.report").joinpath(name).read_text(encoding="utf-8")

"""`docs/permissions.md` says what the chart's roles allow, no more and no less."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from helm import NAMESPACE, Helm
from mixatlas.controller.names import LEASE

DOCUMENT = Path(__file__).parents[2] / "docs" / "permissions.md"
PLACES = {"searches' namespaces": ("ClusterRole", "mixatlas"), "its own namespace": ("Role", LEASE)}
Row = tuple[str, ...]


def rows(heading: str) -> Iterator[list[str]]:
    """Yield the cells of the table below a heading."""
    section = DOCUMENT.read_text(encoding="utf-8").partition(f"## {heading}\n")[2]
    lines = section.partition("\n## ")[0].splitlines()
    table = [line for line in lines if line.startswith("|")]
    for line in table[2:]:
        yield [cell.strip().replace("`", "") for cell in line.strip("|").split("|")]


def rules(role: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (resource, verbs) of a role's rules, in the words of the document."""
    for rule in role["rules"]:
        [group], [resource] = rule["apiGroups"], rule["resources"]
        named = "".join(f" named {name}" for name in rule.get("resourceNames", ()))
        yield f"{resource}.{group}".rstrip(".") + named, ", ".join(rule["verbs"])


def test_the_table_of_the_operator_is_its_roles(helm: Helm) -> None:
    objects = helm.render()
    rendered = {
        (resource, verbs, place)
        for place, role in PLACES.items()
        for resource, verbs in rules(objects[role])
    }
    told = [tuple(row[:3]) for row in rows("The operator")]
    assert set(told) == rendered
    assert len(told) == len(rendered)
    assert all(row[3] for row in rows("The operator"))
    roles = {key for key in objects if key[0] in ("ClusterRole", "Role")}
    assert roles - {("ClusterRole", f"mixatlas-{role}") for role in ("view", "edit")} == set(
        PLACES.values()
    )
    assert objects["Role", LEASE]["metadata"]["namespace"] == NAMESPACE


def test_the_table_of_users_is_the_aggregated_roles(helm: Helm) -> None:
    objects = helm.render()
    label = re.compile(r"rbac\.authorization\.k8s\.io/aggregate-to-(.*)")
    rendered = []
    for (kind, _), role in objects.items():
        labels = role["metadata"].get("labels", {}) if kind == "ClusterRole" else {}
        roles = [match[1] for key in labels if (match := label.fullmatch(key))]
        if roles:
            rendered += [(", ".join(roles), *rule) for rule in rules(role)]
    assert sorted(tuple(row) for row in rows("Users of searches")) == sorted(rendered)

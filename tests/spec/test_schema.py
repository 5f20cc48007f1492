"""The fields of the resource: a list that grows by a visible line."""

from __future__ import annotations

from pathlib import Path

from mixatlas.contract.trainer_config import TrainerConfig
from mixatlas.spec.model import MixtureSearch
from mixatlas.spec.schema import field_at, fields, is_decimal

FROZEN = Path(__file__).parent / "fields.txt"


def test_the_fields_are_these() -> None:
    """v1alpha1 changes only by adding optional fields: `!` marks the required ones."""
    found = [f"{path}{'!' if is_required else ''}" for path, _, is_required in fields()]
    assert found == FROZEN.read_text(encoding="utf-8").split()


def test_a_field_is_either_a_value_or_null_never_one_of_two_kinds() -> None:
    """pydantic names the kind in an error's place, where the document has no such key."""
    definitions = MixtureSearch.model_json_schema(by_alias=True)["$defs"]
    for name, definition in definitions.items():
        for key, field in definition.get("properties", {}).items():
            kinds = [branch for branch in field.get("anyOf", ()) if branch.get("type") != "null"]
            assert len(kinds) <= 1, f"{name}.{key}"
            assert "oneOf" not in field, f"{name}.{key}"


def test_decimals_are_known_through_optional_fields_and_lists() -> None:
    assert is_decimal(("spec", "space", "maxRepeats"))
    assert is_decimal(("spec", "space", "linear", 3, "terms", 0, "coefficient"))
    assert is_decimal(("spec", "proxy", "trainer", "learningRate"))
    assert not is_decimal(("spec", "search", "seed"))
    assert not is_decimal(("spec", "proxy", "jobTemplate", "spec"))
    assert field_at(("spec", "nothing")) is None


def test_settings_of_the_trainer_are_part_of_the_document() -> None:
    prefix = "spec.proxy.trainer."
    direct = {p.removeprefix(prefix) for p, _, _ in fields() if p.startswith(prefix)}
    aliases = {field.alias for field in TrainerConfig.model_fields.values()}
    assert {name for name in direct if "." not in name} == aliases

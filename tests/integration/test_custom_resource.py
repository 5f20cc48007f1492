"""What a real API server makes of the custom resource: rules, immutability, columns, scale."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import config

from control_plane import ControlPlane
from mixatlas.contract.canonical import DECIMAL_PATTERN
from mixatlas.contract.errors import ApiRefused
from mixatlas.controller.api import Api
from mixatlas.controller.names import SEARCHES
from mixatlas.plan.status import describe
from mixatlas.spec.cel import RULES
from mixatlas.spec.editable import EDITABLE, drift
from mixatlas.spec.model import MixtureSearch
from mixatlas.spec.schema import Schema, field_at, fields, is_decimal
from scenario import World

HERE = Path(__file__).parent
FULL = yaml.safe_load((HERE / "full_search.yaml").read_text(encoding="utf-8"))
CRD = yaml.safe_load((HERE.parents[1] / "crds/mixturesearches.mixatlas.dev.yaml").read_text())
SCHEMA = CRD["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
FREE = "x-kubernetes-preserve-unknown-fields"
RULED = "x-kubernetes-validations"
Plain = dict[str, Any]
Path_ = tuple[str | int, ...]
ALTERNATIVES: dict[Path_, Plain] = {
    ("corpus",): {"ref": {"name": "llava"}},
    ("proxy", "base"): {"checkpoint": "s3://models/small", "mixture": "natural"},
    ("search", "warmStart", 0): {"ledger": "s3://mixatlas/searches/default/other/uid"},
    ("search", "warmStart", 1): {"search": "other"},
    ("search", "warmStart", 2): {"search": "other"},
}
"""Another form of what the full document gives in one of several forms."""


@dataclass
class Searches:
    """A namespace's searches, seen by a user and by the operator."""

    api: Api
    path: str

    def create(self, spec: Plain, **query: str) -> str:
        """Create a search and return its name."""
        made = self.api.create(self.path, a_resource(spec, generateName="search-"), **query)
        return str(made["metadata"]["name"])

    def get(self, name: str) -> Plain:
        found = self.api.get(f"{self.path}/{name}")
        assert found is not None
        return found

    def edit(self, name: str, spec: Plain) -> None:
        """Put another `spec` in the place of the one that is there."""
        edit = [{"op": "replace", "path": "/spec", "value": spec}]
        self.api.patch(f"{self.path}/{name}", edit, "json")
        assert self.get(name)["spec"] == spec

    def write_status(self, name: str, status: Plain) -> None:
        edit = [{"op": "add", "path": "/status", "value": status}]
        self.api.patch(f"{self.path}/{name}/status", edit, "json")

    def accept(self, name: str) -> None:
        self.write_status(name, {"conditions": [a_condition("Progressing"), a_condition()]})


def a_resource(spec: Plain, **metadata: str) -> Plain:
    return {**{key: FULL[key] for key in ("apiVersion", "kind")}, "metadata": metadata} | {
        "spec": spec
    }


def a_condition(kind: str = "Accepted", status: str = "True") -> Plain:
    return {
        "type": kind,
        "status": status,
        "reason": kind,
        "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }


@pytest.fixture(scope="module")
def searches(control_plane: ControlPlane) -> Searches:
    made = control_plane.api.create(
        "/api/v1/namespaces",
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": "resource-"}},
    )
    namespace = made["metadata"]["name"]
    return Searches(control_plane.api, f"{SEARCHES}/namespaces/{namespace}/mixturesearches")


def changed(spec: Plain, path: Path_, value: Any) -> Plain:
    """Return a copy with another value at a path, or without it when the value is None."""
    copied = copy.deepcopy(spec)
    here: Any = copied
    for part in path[:-1]:
        here = here[part]
    if value is None:
        del here[path[-1]]
    elif path[-1] == "+":
        here.append(value)
    else:
        here[path[-1]] = value
    return copied


def full(path: str, value: Any) -> Plain:
    """Return the full spec with another value at a dotted path; None removes it."""
    return changed(FULL["spec"], tuple(path.split(".")), value)


# --- rules in CEL ------------------------------------------------------------------------------


def bounds(*least: str) -> list[Plain]:
    return [{"domain": f"d{i}.vqa", "min": value} for i, value in enumerate(least)]


ACCEPTED: dict[str, list[Plain]] = {
    "corpus": [full("corpus", {"manifest": "s3://a/b"}), full("corpus", {"ref": {"name": "c"}})],
    "base": [
        full("proxy.base", {"warmupTokens": 1}),
        full("proxy.base", {"checkpoint": "s3://models/small"}),
    ],
    "warmStart": [
        full("search.warmStart", [{"ledger": "s3://a/b"}, {"search": "other"}]),
        full("search.warmStart", [{"ratios": "s3://a/r.csv", "metrics": "s3://a/m.csv"}]),
    ],
    "space": [
        full("space", {}),
        full("space.bounds", [{"domain": "a.vqa", "max": "1"}, {"domain": "b.vqa", "min": "1"}]),
        full("space.bounds", bounds(*["0.05"] * 20)),
        full("space.bounds", bounds(*["0.0078125"] * 128)),
        full("space.bounds", bounds("5e-1", "0.5")),
    ],
}
REFUSED: dict[str, list[Plain]] = {
    "corpus": [
        full("corpus", {}),
        full("corpus", {"manifest": "s3://a/b", "ref": {"name": "c"}}),
    ],
    "base": [
        full("proxy.base", {}),
        full("proxy.base", {"mixture": "natural"}),
        full("proxy.base", {"warmupTokens": 1, "checkpoint": "s3://models/small"}),
    ],
    "warmStart": [
        full("search.warmStart", [{"ledger": "s3://a/b"}, {}]),
        full("search.warmStart", [{"ledger": "s3://a/b", "search": "other"}]),
        full("search.warmStart", [{"ratios": "s3://a/r.csv"}]),
        full("search.warmStart", [{"ledger": "s3://a/b", "metrics": "s3://a/m.csv"}]),
    ],
    "space": [full("space.bounds", bounds("0.5", "0.6")), full("space.bounds", bounds("1.01"))],
}
PLACES = {
    "corpus": "spec.corpus",
    "base": "spec.proxy.base",
    "warmStart": "spec.search.warmStart",
    "space": "spec.space",
}


def cases(table: dict[str, list[Plain]]) -> list[Any]:
    return [
        pytest.param(rule, spec, id=f"{rule}-{i}")
        for rule, specs in table.items()
        for i, spec in enumerate(specs)
    ]


def rules_of(schema: Schema, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield (path, message) of every rule below a schema, but not of the root's own."""
    for key, field in schema.get("properties", {}).items():
        here = f"{path}.{key}".lstrip(".")
        yield from ((here, rule["message"]) for rule in field.get(RULED, ()))
        yield from rules_of(field, here)
    if "items" in schema:
        yield from rules_of(schema["items"], f"{path}[]")


def test_every_rule_has_cases_of_both_kinds() -> None:
    assert all(ACCEPTED[rule] and REFUSED[rule] for rule in RULES)
    told = {(PLACES[name], message) for name, (_, message) in RULES.items()}
    assert set(rules_of(SCHEMA)) == told


@pytest.mark.parametrize(("rule", "spec"), cases(ACCEPTED))
def test_a_rule_takes_what_is_right(searches: Searches, rule: str, spec: Plain) -> None:
    searches.create(spec)


@pytest.mark.parametrize(("rule", "spec"), cases(REFUSED))
def test_a_rule_refuses_with_its_field_and_its_words(
    searches: Searches, rule: str, spec: Plain
) -> None:
    with pytest.raises(ApiRefused) as refusal:
        searches.create(spec)
    assert f"{PLACES[rule]}: Invalid value" in str(refusal.value)
    assert RULES[rule][1] in str(refusal.value)


# --- what may change ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Change:
    """Two legal documents that differ in one place below `spec`."""

    what: str
    path: Path_
    before: Plain
    after: Plain

    @property
    def is_editable(self) -> bool:
        return any(self.path[: len(free)] == free for free in EDITABLE)

    @property
    def refusal(self) -> str:
        """What the API server has to say, as a pattern."""
        n_steps = 2 if self.path[0] == "search" else 1
        field = r"\.".join(map(str, ("spec", *self.path[:n_steps])))
        words = r"(\.\w+)?" if self.path == ("search",) else ""
        return f"{field}{words}: Forbidden: cannot change once the search is accepted"

    def __str__(self) -> str:
        return f"{self.what} {'.'.join(map(str, self.path))}"


def changes(spec: Plain) -> Iterator[Change]:
    """Yield one change of every kind for every place of a spec, down to its leaves."""

    def change(what: str, path: Path_, value: Any) -> Change:
        return Change(what, path, spec, changed(spec, path, value))

    def below(value: Any, schema: Schema, path: Path_) -> Iterator[Change]:
        if isinstance(value, dict):
            yield from of_mapping(value, schema, path)
            for key, child in value.items():
                yield from below(child, schema.get("properties", {}).get(key, {}), (*path, key))
        elif isinstance(value, list):
            if len(value) > schema.get("minItems", 0):
                yield change("without", (*path, len(value) - 1), None)
            for i, item in enumerate(value):
                yield from below(item, schema.get("items", {}), (*path, i))
        else:
            yield change("another", path, another(value, schema))

    def of_mapping(value: Plain, schema: Schema, path: Path_) -> Iterator[Change]:
        if path in ALTERNATIVES:
            yield change("the other form of", path, ALTERNATIVES[path])
        for key in value:
            if is_removable(key, schema, path):
                yield change("without", (*path, key), None)
            if "properties" not in schema:
                renamed = {("renamed" if k == key else k): v for k, v in value.items()}
                yield Change("renamed", (*path, key), spec, changed(spec, path, renamed))

    for key, value in spec.items():
        yield from below(value, SCHEMA["properties"]["spec"]["properties"][key], (key,))
        if is_removable(key, SCHEMA["properties"]["spec"], ()):
            yield change("without", (key,), None)


def is_removable(key: str, schema: Schema, path: Path_) -> bool:
    """Tell whether the document is legal without a key."""
    is_alternative = path in ALTERNATIVES and key not in ALTERNATIVES[path]
    return key not in schema.get("required", ()) and not is_alternative


def another(value: Any, schema: Schema) -> Any:
    """Return another legal value of a scalar."""
    if "enum" in schema:
        return next(other for other in schema["enum"] if other != value)
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case str() if schema.get("pattern") == DECIMAL_PATTERN:
            return f"{value}{'' if '.' in value else '.'}1"
        case str():
            return f"{value}x"
        case _:
            return "x"


CHANGES = list(changes(FULL["spec"]))
FIXED = [change for change in CHANGES if not change.is_editable]


def test_the_full_document_uses_every_field() -> None:
    used = set(paths(FULL)) | {"spec.corpus.ref", "spec.corpus.ref.name"}
    assert {path for path, _, _ in fields()} == used | {"spec.proxy.base.checkpoint"}


def paths(value: Any, path: str = "") -> Iterator[str]:
    """Yield the fields that a document gives, as far as the models know them."""
    known = {known for known, _, _ in fields()}
    if isinstance(value, dict):
        for key, child in value.items():
            here = f"{path}.{key}".lstrip(".")
            if here in known:
                yield here
                yield from paths(child, here)
    elif isinstance(value, list):
        for item in value:
            yield from paths(item, f"{path}[]")


def test_changes_of_every_field_are_tried() -> None:
    tried = {".".join("[]" if isinstance(p, int) else str(p) for p in c.path) for c in CHANGES}
    tried = {f"spec.{path}".replace(".[]", "[]") for path in tried}
    required = {path for path, _, is_required in fields() if is_required}
    untried = {p for p in paths(FULL) if p.startswith("spec.")} - tried
    assert untried <= required
    assert {c.path[:1] for c in CHANGES if c.is_editable} == {free[:1] for free in EDITABLE}


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_before_acceptance_everything_may_change(searches: Searches, change: Change) -> None:
    name = searches.create(change.before)
    searches.write_status(name, {"conditions": [a_condition(status="False")]})
    searches.edit(name, change.after)
    searches.edit(name, change.before)


@pytest.mark.parametrize("change", FIXED, ids=str)
def test_what_is_fixed_stays_once_accepted(searches: Searches, change: Change) -> None:
    for before, after in ((change.before, change.after), (change.after, change.before)):
        name = searches.create(before)
        searches.accept(name)
        with pytest.raises(ApiRefused, match=change.refusal):
            searches.edit(name, after)
        assert searches.get(name)["spec"] == before


@pytest.mark.parametrize("change", [c for c in CHANGES if c.is_editable], ids=str)
def test_what_is_editable_changes_once_accepted(searches: Searches, change: Change) -> None:
    name = searches.create(change.before)
    searches.accept(name)
    searches.edit(name, change.after)
    searches.edit(name, change.before)


def test_metadata_changes_once_accepted(searches: Searches) -> None:
    name = searches.create(FULL["spec"])
    searches.accept(name)
    labels = {"metadata": {"labels": {"team": "vision"}}}
    searches.api.patch(f"{searches.path}/{name}", labels, "merge")
    assert searches.get(name)["metadata"]["labels"] == {"team": "vision"}


KEYED = [("space", "bounds"), ("baselines",), ("objective", "benchmarks")]


@pytest.mark.parametrize("path", KEYED, ids=str)
def test_the_order_of_a_keyed_list_is_no_change(searches: Searches, path: Path_) -> None:
    name = searches.create(FULL["spec"])
    searches.accept(name)
    entries: Any = FULL["spec"]
    for part in path:
        entries = entries[part]
    turned = changed(FULL["spec"], path, entries[::-1])
    searches.edit(name, turned)
    before, after = (
        MixtureSearch.model_validate(a_resource(spec, name="full"))
        for spec in (FULL["spec"], turned)
    )
    assert drift(before, after) == ()


def test_every_field_at_fault_is_named(searches: Searches) -> None:
    name = searches.create(FULL["spec"])
    searches.accept(name)
    edited = changed(full("proxy.tokens", 1), ("search", "seed"), 8)
    with pytest.raises(ApiRefused) as refusal:
        searches.edit(name, edited)
    assert str(refusal.value).count("Forbidden") == 2
    assert "spec.proxy: Forbidden" in str(refusal.value)
    assert "spec.search.seed: Forbidden" in str(refusal.value)


# --- the schema --------------------------------------------------------------------------------

UNKNOWN = [
    ("trials",),
    ("storage", "bukket"),
    ("objective", "benchmarks", 0, "wieght"),
    ("space", "linear", 0, "terms", 1, "factor"),
]


@pytest.mark.parametrize("path", UNKNOWN, ids=str)
def test_an_unknown_field_is_refused_where_kubectl_asks_for_it(
    searches: Searches, path: Path_
) -> None:
    with pytest.raises(ApiRefused, match=f'unknown field "spec[^"]*{path[-1]}"'):
        searches.create(changed(FULL["spec"], path, "1"), fieldValidation="Strict")


@pytest.mark.parametrize("path", UNKNOWN, ids=str)
def test_an_unknown_field_is_dropped_otherwise(searches: Searches, path: Path_) -> None:
    name = searches.create(changed(FULL["spec"], path, "1"))
    assert searches.get(name)["spec"] == FULL["spec"]


def test_free_fields_keep_what_nobody_knows(searches: Searches) -> None:
    spec = full("proxy.trainer.model.config", {"deep": {"unknown": [1, {"a": None}]}})
    name = searches.create(spec, fieldValidation="Strict")
    assert searches.get(name)["spec"] == spec


DECIMALS = [change.path for change in CHANGES if change.what == "another"]
DECIMALS = [path for path in DECIMALS if is_decimal(("spec", *path)) and "trainer" not in path]


@pytest.mark.parametrize("path", DECIMALS, ids=str)
def test_a_decimal_without_quotes_is_refused(searches: Searches, path: Path_) -> None:
    field = field_at(("spec", *path))
    assert field is not None
    dotted = f"spec.{'.'.join(map(str, path))}"
    words = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path)
    with pytest.raises(ApiRefused) as refusal:
        searches.create(changed(FULL["spec"], path, 0.25))
    assert f"spec{words}: Invalid value" in str(refusal.value), dotted
    assert "must be of type string" in str(refusal.value)


def test_a_name_has_at_most_40_characters(searches: Searches) -> None:
    searches.api.create(searches.path, a_resource(FULL["spec"], name="a" * 40))
    with pytest.raises(ApiRefused, match=r"metadata.name.* 40"):
        searches.api.create(searches.path, a_resource(FULL["spec"], name="a" * 41))


def test_entries_of_one_key_are_refused(searches: Searches) -> None:
    twice = [{"domain": "a.vqa"}, {"domain": "a.vqa"}]
    with pytest.raises(ApiRefused, match=r"spec.space.bounds\[1\]: Duplicate"):
        searches.create(full("space.bounds", twice))


def test_the_published_schema_describes_every_field(searches: Searches) -> None:
    """`kubectl explain` reads it."""
    published = searches.api.get("/openapi/v3/apis/mixatlas.dev/v1alpha1")
    assert published is not None
    root = published["components"]["schemas"]["dev.mixatlas.v1alpha1.MixtureSearch"]
    told = dict(descriptions(root))
    ours = dict(descriptions(SCHEMA))
    assert ours.items() <= told.items()
    assert all(ours.values())


def descriptions(schema: Schema, path: str = "") -> Iterator[tuple[str, str]]:
    for key, field in schema.get("properties", {}).items():
        here = f"{path}.{key}".lstrip(".")
        if here not in ("apiVersion", "kind", "metadata"):  # the API server's own words
            yield here, field.get("description", "")
            yield from descriptions(field, here)
            yield from descriptions(field.get("items", {}), here)


# --- what kubectl shows and does ---------------------------------------------------------------

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


@pytest.fixture
def finished(searches: Searches) -> tuple[str, Plain]:
    """Return a search with the status that a whole search on fakes ends with."""
    name = searches.create(FULL["spec"])
    status, _ = describe(World().run(), 0.0)
    searches.write_status(name, status)
    assert searches.get(name)["status"] == json.loads(json.dumps(status))
    return name, status


def test_kubectl_get_prints_the_summary(
    control_plane: ControlPlane, searches: Searches, finished: tuple[str, Plain]
) -> None:
    name, status = finished
    client = config.new_client_from_config(str(control_plane.kubeconfig))
    request = client.param_serialize(
        "GET",
        f"{searches.path}/{name}",
        header_params={"Accept": TABLE},
        auth_settings=["BearerToken"],
    )
    table = json.loads(client.call_api(*request).read())
    columns = {c["name"]: c["priority"] for c in table["columnDefinitions"]}
    narrow = ["Name", "STATUS", "TRIALS", "RUN", "FAIL", "GAIN", "GPU-H", "AGE"]
    assert [column for column, priority in columns.items() if priority == 0] == narrow
    assert [column for column, priority in columns.items() if priority] == ["BEST", "QUEUE", "ETA"]
    (row,) = table["rows"]
    shown = dict(zip(columns, row["cells"], strict=True))
    assert shown.pop("AGE")
    keys = ("status", "trials", "running", "failed", "gain", "gpuHours", "best", "queue", "eta")
    assert list(shown.values()) == [name, *(status["summary"][key] for key in keys)]
    assert status["summary"]["trials"] == "8/8"


def test_scale_reads_and_sets_the_trials_at_once(searches: Searches) -> None:
    name = searches.create(FULL["spec"])
    searches.write_status(name, {"conditions": [a_condition()], "replicas": 5})
    path = f"{searches.path}/{name}/scale"
    scale = searches.api.get(path)
    assert scale is not None
    assert (scale["spec"]["replicas"], scale["status"]["replicas"]) == (8, 5)
    for replicas in (0, 64):
        searches.api.patch(path, {"spec": {"replicas": replicas}}, "merge")
        assert searches.get(name)["spec"] == full("search.parallelism", replicas)
    with pytest.raises(ApiRefused, match=r"spec.search.parallelism.* 64"):
        searches.api.patch(path, {"spec": {"replicas": 65}}, "merge")


def test_scale_works_where_the_document_leaves_it_out(searches: Searches) -> None:
    spec = full("search", None)
    name = searches.create(spec)
    searches.accept(name)
    searches.api.patch(f"{searches.path}/{name}/scale", {"spec": {"replicas": 3}}, "merge")
    assert searches.get(name)["spec"] == {**spec, "search": {"parallelism": 3}}


def test_short_name_and_category_are_known(searches: Searches) -> None:
    found = searches.api.get(SEARCHES)
    assert found is not None
    resources = {resource["name"]: resource for resource in found["resources"]}
    assert resources.keys() == {
        "mixturesearches",
        "mixturesearches/status",
        "mixturesearches/scale",
    }
    assert resources["mixturesearches"]["shortNames"] == ["mxs"]
    assert resources["mixturesearches"]["categories"] == ["mixatlas"]
    assert resources["mixturesearches"]["namespaced"]

"""The kubeconfig decides which cluster and which namespace are meant."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from kubernetes.config import kube_config

from mixatlas.contract.errors import ApiUnavailable
from mixatlas.controller.access import open_cluster


@pytest.fixture(autouse=True)
def kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config"
    contexts = {"home": {"namespace": "team"}, "work": {}}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "home",
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:9"}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [
            {"name": name, "context": {"cluster": "c", "user": "u", **more}}
            for name, more in contexts.items()
        ],
    }
    path.write_text(json.dumps(content))
    # The client reads KUBECONFIG once, when it is loaded.
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(path))
    return path


@pytest.mark.parametrize(
    ("context", "namespace", "expected"),
    [
        (None, None, "team"),
        (None, "other", "other"),
        ("work", None, "default"),
        ("home", None, "team"),
    ],
)
def test_the_namespace_is_the_one_named_else_the_contexts(
    context: str | None, namespace: str | None, expected: str
) -> None:
    assert open_cluster(context, namespace).namespace == expected


def test_a_context_that_is_missing() -> None:
    with pytest.raises(ApiUnavailable, match="play") as raised:
        open_cluster("play", None)
    assert "--context" in raised.value.hint


def test_no_kubeconfig(kubeconfig: Path) -> None:
    kubeconfig.unlink()
    with pytest.raises(ApiUnavailable, match="no cluster is configured") as raised:
        open_cluster(None, None)
    assert "KUBECONFIG" in raised.value.hint

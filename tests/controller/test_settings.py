"""What the chart tells the operator, and what it is told about mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from mixatlas.contract.errors import SpecError
from mixatlas.controller.settings import OperatorSettings

LEAST = {"MIXATLAS_TRAINER_IMAGE": "trainer:1"}


def test_everything_is_read(tmp_path: Path) -> None:
    authority = tmp_path / "ca.crt"
    authority.write_text("-----BEGIN CERTIFICATE-----")
    settings = OperatorSettings.read(
        LEAST
        | {
            "MIXATLAS_POD_CA_BUNDLE": "minio-ca/root.pem",
            "MIXATLAS_CACHE_VOLUME": '{"emptyDir": {}}',
            "MIXATLAS_CACHE_GIB": "50",
            "MIXATLAS_TRAINER_PULL_POLICY": "Always",
            "AWS_CA_BUNDLE": str(authority),
            "MIXATLAS_LEASE_NAMESPACE": "mixatlas",
            "MIXATLAS_IDENTITY": "pod-1",
        }
    )
    assert settings.pod_ca_bundle is not None
    assert (settings.pod_ca_bundle.config_map, settings.pod_ca_bundle.key) == (
        "minio-ca",
        "root.pem",
    )
    assert settings.cache_volume == {"emptyDir": {}}
    assert settings.cache_gib == 50
    assert settings.trainer_pull_policy == "Always"
    assert settings.authority == "-----BEGIN CERTIFICATE-----"
    assert (settings.lease_namespace, settings.identity) == ("mixatlas", "pod-1")


def test_two_operators_outside_pods_have_two_identities() -> None:
    assert OperatorSettings.read(LEAST).identity != OperatorSettings.read(LEAST).identity


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MIXATLAS_TRAINER_IMAGE", ""),
        ("MIXATLAS_CACHE_VOLUME", "emptyDir"),
        ("MIXATLAS_CACHE_GIB", "-1"),
        ("MIXATLAS_WORKERS", "0"),
        ("AWS_CA_BUNDLE", "/nowhere/ca.crt"),
    ],
)
def test_a_mistake_names_its_variable(name: str, value: str) -> None:
    with pytest.raises(SpecError, match=name):
        OperatorSettings.read({**LEAST, name: value})

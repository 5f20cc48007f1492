"""Lock, credentials and ports of a server, without a server."""

from __future__ import annotations

import json
import os
import socket
import stat
from pathlib import Path

from mixatlas.local.s3_files import (
    HOST,
    free_ports,
    is_served,
    ports_of_last_time,
    read_identity,
    wait_for_lock,
)


def test_credentials_are_kept_and_are_the_owners_alone(tmp_path: Path) -> None:
    identity = read_identity(tmp_path)
    assert read_identity(tmp_path) == identity
    assert stat.S_IMODE((tmp_path / "identities.json").stat().st_mode) == 0o600


def test_every_server_has_credentials_of_its_own(tmp_path: Path) -> None:
    assert read_identity(tmp_path / "a") != read_identity(tmp_path / "b")


def test_data_is_served_as_long_as_the_lock_is_held(tmp_path: Path) -> None:
    assert not is_served(tmp_path)
    lock = wait_for_lock(tmp_path)
    assert is_served(tmp_path)
    os.close(lock)
    assert not is_served(tmp_path)


def test_ports_are_free_and_differ() -> None:
    ports = free_ports(8)
    assert len(set(ports)) == 8
    for port in ports:
        with socket.socket() as probe:
            probe.bind((HOST, port))


def test_ports_of_last_time_are_taken_again_if_all_are_free(tmp_path: Path) -> None:
    assert ports_of_last_time(tmp_path, 3) is None
    ports = free_ports(3)
    (tmp_path / "ports.json").write_text(json.dumps(ports))
    assert ports_of_last_time(tmp_path, 3) == ports
    with socket.socket() as foreign:
        foreign.bind((HOST, ports[1]))
        foreign.listen()
        assert ports_of_last_time(tmp_path, 3) is None


def test_ports_of_a_version_with_other_ports_are_not_taken(tmp_path: Path) -> None:
    (tmp_path / "ports.json").write_text(json.dumps(free_ports(2)))
    assert ports_of_last_time(tmp_path, 3) is None

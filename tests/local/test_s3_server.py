"""The embedded server: real data, real kills."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mixatlas.adapters.s3 import S3Settings, S3Store
from mixatlas.contract.errors import StoreForbidden
from mixatlas.local.s3_server import S3Server, running_server
from processes import children, is_alive, until

pytestmark = pytest.mark.slow

N_OBJECTS = 300
OWNER = """\
import sys
from pathlib import Path
from mixatlas.local.s3_server import S3Server
with S3Server(Path(sys.argv[1])):
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server in another process."""
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert owner.stdout is not None
    assert owner.stdout.readline() == b"ready\n"
    yield owner
    owner.kill()
    owner.communicate()


def content(i: int) -> bytes:
    return f"object {i}".encode() * (i + 1)


def test_a_server_whose_owner_is_killed_ends_and_the_next_has_all_objects(
    tmp_path: Path, owner: subprocess.Popen[bytes]
) -> None:
    settings = running_server(tmp_path)
    assert settings is not None
    store = S3Store(settings)
    uris = [f"s3://mixatlas/kept/{i:03d}" for i in range(N_OBJECTS)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: store.put(uris[i], content(i)), range(N_OBJECTS)))
    (server,) = children(owner.pid)
    owner.kill()
    until(lambda: not is_alive(server))
    assert running_server(tmp_path) is None
    with S3Server(tmp_path) as again:
        store = S3Store(again.settings)
        assert store.list("s3://mixatlas/kept/") == uris
        assert [store.get(uri) for uri in uris] == [content(i) for i in range(N_OBJECTS)]
        store.put("s3://mixatlas/kept/new", b"written")
        assert store.get("s3://mixatlas/kept/new") == b"written"


def test_a_server_that_is_killed_itself_starts_again(tmp_path: Path) -> None:
    with S3Server(tmp_path) as server:
        S3Store(server.settings).put("s3://mixatlas/kept", b"data")
        (pid,) = [child for child in children(os.getpid()) if str(tmp_path) in _command(child)]
        os.kill(pid, signal.SIGKILL)
    with S3Server(tmp_path) as server:
        assert S3Store(server.settings).get("s3://mixatlas/kept") == b"data"


def test_a_stopped_server_leaves_nothing_but_its_data(
    tmp_path: Path, owner: subprocess.Popen[bytes]
) -> None:
    (server,) = children(owner.pid)
    ports = json.loads((tmp_path / "ports.json").read_bytes())
    owner.communicate(b"")
    assert not is_alive(server)
    assert running_server(tmp_path) is None
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    sockets = [path for port in ports for path in Path("/tmp").glob(f"seaweedfs-*-{port}.sock")]
    begun = (tmp_path / "ports.json").stat().st_mtime
    assert [path for path in sockets if path.stat().st_mtime >= begun] == [], "older: of others"


def test_others_listen_where_it_was_and_are_left_alone(tmp_path: Path) -> None:
    with S3Server(tmp_path) as server:
        before = server.settings.endpoint
    with socket.socket() as foreign:
        foreign.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        foreign.bind(("127.0.0.1", int(before.rpartition(":")[2])))
        foreign.listen()
        with S3Server(tmp_path) as server:
            assert server.settings.endpoint != before
            assert S3Store(server.settings).get("s3://mixatlas/.ready") == b"ready"
        with socket.create_connection(foreign.getsockname()):
            connection, _ = foreign.accept()
            connection.close()


def test_the_data_of_another_process_are_borrowed_not_served_twice(
    tmp_path: Path, owner: subprocess.Popen[bytes]
) -> None:
    borrowed = running_server(tmp_path)
    assert borrowed is not None
    S3Store(borrowed).put("s3://mixatlas/from/the/borrower", b"data")
    owner.communicate(b"")
    with S3Server(tmp_path) as server:
        assert S3Store(server.settings).get("s3://mixatlas/from/the/borrower") == b"data"


def test_strangers_are_refused(tmp_path: Path) -> None:
    with S3Server(tmp_path) as server:
        stranger = S3Settings(
            endpoint=server.settings.endpoint, access_key="stranger", secret_key="guessed"
        )
        with pytest.raises(StoreForbidden):
            S3Store(stranger).get("s3://mixatlas/.ready")


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()

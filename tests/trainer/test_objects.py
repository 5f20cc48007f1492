from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mixatlas.contract.canonical import sha256_hex
from mixatlas.contract.errors import (
    ContractViolation,
    CorpusInvalid,
    StoreForbidden,
    StoreUnavailable,
)
from mixatlas_trainer.objects import ATTEMPTS, ObjectMissing, Objects, resolve
from mixatlas_trainer.stop import Stop, Terminated

Start = Callable[[list[tuple[int, str]]], dict[str, str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start an HTTP server that gives these answers in turn, the last one for ever."""
    servers: list[ThreadingHTTPServer] = []

    def begin(answers: list[tuple[int, str]]) -> dict[str, str]:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, code = answers.pop(0) if len(answers) > 1 else answers[0]
                error = f"<Error><Code>{code}</Code><Message>m</Message></Error>"
                body = (code if status == 200 else error).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Content-Type", "application/xml")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return {
            "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{server.server_port}",
            "AWS_ACCESS_KEY_ID": "a",
            "AWS_SECRET_ACCESS_KEY": "b",
        }

    yield begin
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_busy_store_is_asked_again(start: Start, tmp_path: Path) -> None:
    pauses: list[float] = []
    answers = [(503, "SlowDown"), (500, "InternalError"), (200, "content")]
    objects = Objects(start(answers), wait=pauses.append)

    assert objects.download("s3://bucket/key", tmp_path / "x") == sha256_hex(b"content")
    assert (tmp_path / "x").read_bytes() == b"content"
    assert pauses == [0.25, 0.5]


def test_a_store_that_stays_busy_is_given_up(start: Start) -> None:
    pauses: list[float] = []
    objects = Objects(start([(503, "SlowDown")]), wait=pauses.append)

    with pytest.raises(StoreUnavailable, match="SlowDown"):
        objects.read("s3://bucket/key")
    assert len(pauses) == ATTEMPTS - 1


def test_nobody_listening_is_given_up() -> None:
    environ = {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1", "AWS_ACCESS_KEY_ID": "a"}
    environ["AWS_SECRET_ACCESS_KEY"] = "b"

    with pytest.raises(StoreUnavailable, match="no answer after 6 attempts"):
        Objects(environ, wait=lambda _: None).read("s3://bucket/key")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((404, "NoSuchKey"), ObjectMissing),
        ((404, "NoSuchBucket"), StoreForbidden),
        ((403, "AccessDenied"), StoreForbidden),
        ((403, "InvalidAccessKeyId"), StoreForbidden),
    ],
)
def test_what_no_repetition_helps_is_said_at_once(
    start: Start, answer: tuple[int, str], error: type[Exception]
) -> None:
    pauses: list[float] = []

    with pytest.raises(error):
        Objects(start([answer]), wait=pauses.append).read("s3://bucket/key")
    assert pauses == []


def test_a_request_to_end_ends_the_waiting(start: Start) -> None:
    stop = Stop()
    stop.request()

    with pytest.raises(Terminated):
        Objects(start([(503, "SlowDown")]), wait=stop.wait).read("s3://bucket/key")


def test_folders_on_disk_read_like_a_store(tmp_path: Path) -> None:
    objects = Objects({})
    root = f"file://{tmp_path}/a"
    objects.write(f"{root}/b/x", b"1")
    (tmp_path / "y").write_bytes(b"22")
    objects.upload(f"{root}/y", tmp_path / "y")

    assert objects.names(root) == ["b/x", "y"]
    assert objects.read(f"{tmp_path}/a/y") == b"22"
    objects.delete(f"{root}/y")
    objects.delete(f"{root}/y")
    assert objects.names(root) == ["b/x"]
    assert objects.names(f"{root}/none") == []
    with pytest.raises(ObjectMissing):
        objects.read(f"{root}/y")


def test_another_scheme_is_refused() -> None:
    with pytest.raises(ContractViolation, match="gs://bucket/key"):
        Objects({}).read("gs://bucket/key")


@pytest.mark.parametrize(
    ("url", "uri"),
    [("a/0.tar", "s3://b/c/a/0.tar"), ("s3://other/0.tar", "s3://other/0.tar")],
)
def test_shard_urls_are_relative_to_the_manifest(url: str, uri: str) -> None:
    assert resolve("s3://b/c/manifest.json", url) == uri


@pytest.mark.parametrize("url", ["/etc/passwd", "../x.tar", "a/../../x", "file:///x", "http://x/y"])
def test_shard_urls_cannot_leave_the_corpus(url: str) -> None:
    with pytest.raises(CorpusInvalid, match="leaves the manifest's folder"):
        resolve("s3://b/c/manifest.json", url)

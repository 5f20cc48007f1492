"""How the S3 store takes what servers and networks do to it."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from mixatlas.adapters.s3 import S3Settings, S3Store, settings_from
from mixatlas.contract.errors import SpecError, StoreForbidden, StoreUnavailable

Answer = tuple[int, str, bytes]
"""Status, content type, body."""


def an_error(status: int, code: str) -> Answer:
    """Return an answer as S3 gives it."""
    body = f"<Error><Code>{code}</Code><Message>because</Message></Error>"
    return status, "application/xml", body.encode()


class Scripted(ThreadingHTTPServer):
    """A server that gives its answers in turn, the last one for ever."""

    daemon_threads = True

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.asked: list[str] = []
        self.ranges: list[str] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def store(self, tries: int = 3) -> S3Store:
        settings = S3Settings(endpoint=self.endpoint, access_key="key", secret_key="secret")
        return S3Store(settings, tries=tries)


class _Handler(BaseHTTPRequestHandler):
    server: Scripted
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append(f"{self.command} {self.path}")
        self.server.ranges += self.headers.get_all("Range", [])
        answers = self.server.answers
        status, kind, body = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) + (kind == "cut/short")))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = kind == "cut/short"

    do_GET = do_PUT = do_DELETE = do_HEAD = _answer  # noqa: N815  names of the base class

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def server() -> Iterator[Scripted]:
    server = Scripted()
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


OK: Answer = (200, "application/octet-stream", b"whole")


@pytest.mark.parametrize(
    "passing",
    [
        an_error(503, "SlowDown"),
        an_error(500, "InternalError"),
        an_error(429, "TooManyRequests"),
        (502, "text/html", b"<html>Bad Gateway</html>"),
        (200, "cut/short", b"hal"),
    ],
    ids=["slow-down", "internal", "too-many", "proxy-page", "cut-short"],
)
def test_what_passes_is_tried_again(server: Scripted, passing: Answer) -> None:
    server.answers = [passing, OK]
    assert server.store().get("s3://bucket/key") == b"whole"
    assert server.asked == ["GET /bucket/key"] * 2


def test_a_range_is_asked_for_by_its_header(server: Scripted) -> None:
    server.answers = [(206, "application/octet-stream", b"hol")]
    store = server.store()
    assert store.get_range("s3://bucket/key", offset=1, length=3) == b"hol"
    assert server.ranges == ["bytes=1-3"]


@pytest.mark.parametrize(
    "page",
    [
        an_error(503, "ServiceUnavailable"),
        (200, "text/html", b""),
        (404, "text/html", b"<html>\xff\xfe</html>"),
        (403, "application/xml", b"<not xml"),
    ],
    ids=["s3-is-down", "empty-page", "page-in-no-encoding", "broken-xml"],
)
def test_a_server_that_does_not_answer_as_s3_is_unavailable(server: Scripted, page: Answer) -> None:
    server.answers = [page]
    with pytest.raises(StoreUnavailable, match=server.endpoint):
        server.store(tries=2).list("s3://bucket/prefix/")
    assert len(server.asked) == 2


def test_a_port_without_a_server_is_unavailable(server: Scripted) -> None:
    store = server.store(tries=2)
    server.shutdown()
    server.server_close()
    with pytest.raises(StoreUnavailable, match=r"does not answer"):
        store.get("s3://bucket/key")


def test_a_silent_server_is_unavailable_after_the_time_limit(server: Scripted) -> None:
    server.shutdown()  # it still accepts
    settings = S3Settings(endpoint=server.endpoint, access_key="key", secret_key="secret")
    with pytest.raises(StoreUnavailable, match="timed out"):
        S3Store(settings, tries=1, read_timeout_s=0.1).get("s3://bucket/key")
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()


@pytest.mark.parametrize("code", ["AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"])
def test_a_refusal_is_told_at_once_with_what_to_check(server: Scripted, code: str) -> None:
    server.answers = [an_error(403, code)]
    with pytest.raises(StoreForbidden, match=rf"s3://bucket/key: {code}") as raised:
        server.store().put("s3://bucket/key", b"data")
    assert "AWS_ACCESS_KEY_ID" in raised.value.hint
    assert len(server.asked) == 1


def test_a_missing_bucket_is_named(server: Scripted) -> None:
    server.answers = [an_error(404, "NoSuchBucket")]
    with pytest.raises(StoreForbidden, match="the bucket pictures does not exist"):
        server.store().get("s3://pictures/key")


def test_a_missing_object_is_none_and_is_not_asked_for_again(server: Scripted) -> None:
    server.answers = [an_error(404, "NoSuchKey")]
    assert server.store().get("s3://bucket/key") is None
    assert len(server.asked) == 1


def test_without_credentials_it_says_so_instead_of_waiting(
    server: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    server.answers = [(404, "text/html", b"")]
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{server.endpoint}/identity")
    with pytest.raises(StoreForbidden, match="no S3 credentials were found") as raised:
        S3Store(S3Settings(endpoint=server.endpoint)).get("s3://bucket/key")
    assert "AWS_SECRET_ACCESS_KEY" in raised.value.hint
    assert server.asked == ["GET /identity"]


@pytest.mark.parametrize("uri", ["/data/corpus", "file:///data", "s3://a/key", "s3://bucket/"])
def test_what_is_no_object_uri_is_refused(server: Scripted, uri: str) -> None:
    with pytest.raises(SpecError, match=uri):
        server.store().get(uri)
    assert server.asked == []


@pytest.mark.parametrize("endpoint", ["minio:9000", "", "ftp://minio", "http://minio/path"])
def test_an_endpoint_is_the_url_of_a_server(endpoint: str) -> None:
    with pytest.raises(SpecError, match="is no URL of a server") as raised:
        S3Store(S3Settings(endpoint=endpoint, access_key="key", secret_key="secret"))
    assert "http://HOST:PORT" in raised.value.hint


def test_a_bucket_is_made_only_where_it_is_missing(server: Scripted) -> None:
    server.answers = [(404, "application/xml", b""), (200, "application/xml", b"")]
    server.store().ensure_bucket("pictures")
    server.store().ensure_bucket("pictures")
    assert server.asked == ["HEAD /pictures", "PUT /pictures", "HEAD /pictures"]


@pytest.mark.parametrize(
    ("environ", "endpoint"),
    [
        ({}, "http://document"),
        ({"AWS_ENDPOINT_URL": "http://general"}, "http://general"),
        (
            {"AWS_ENDPOINT_URL": "http://general", "AWS_ENDPOINT_URL_S3": "http://special"},
            "http://special",
        ),
    ],
    ids=["document", "environment", "environment-of-s3"],
)
def test_the_environment_wins_over_the_document(environ: dict[str, str], endpoint: str) -> None:
    assert settings_from(environ, "http://document", "eu-west-1").endpoint == endpoint


def test_an_endpoint_must_come_from_somewhere() -> None:
    with pytest.raises(SpecError, match=r"spec\.storage\.endpoint is missing"):
        settings_from({}, None, "us-east-1")


def test_a_trainer_reaches_the_same_store() -> None:
    settings = S3Settings(
        endpoint="http://minio:9000", region="eu-west-1", access_key="key", secret_key="secret"
    )
    environ = settings.environment()
    assert settings_from(environ, None, "us-east-1").endpoint == settings.endpoint
    assert settings_from(environ, None, "us-east-1").region == "eu-west-1"
    assert environ["AWS_ACCESS_KEY_ID"] == "key"
    assert environ["AWS_SECRET_ACCESS_KEY"] == "secret"


def test_secrets_of_the_place_are_not_repeated() -> None:
    assert set(S3Settings(endpoint="http://minio").environment()) == {
        "AWS_ENDPOINT_URL_S3",
        "AWS_REGION",
    }


@pytest.fixture
def secure(server: Scripted, tmp_path: Path) -> tuple[Scripted, str]:
    """Return a server that speaks TLS, and the certificate of its authority."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
            *("-keyout", str(key), "-out", str(certificate)),
            *("-subj", "/CN=store", "-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.answers = [(200, "binary/octet-stream", b"content")]
    return server, certificate.read_text()


def test_only_the_authority_that_is_given_is_trusted(secure: tuple[Scripted, str]) -> None:
    server, authority = secure
    settings = S3Settings(
        endpoint=server.endpoint.replace("http:", "https:"),
        access_key="key",
        secret_key="secret",
        authority=authority,
    )
    assert S3Store(settings, tries=1).get("s3://bucket/key") == b"content"
    with pytest.raises(StoreUnavailable, match="certificate"):
        S3Store(replace(settings, authority=None), tries=1).get("s3://bucket/key")


def test_an_authority_that_is_none_is_refused() -> None:
    settings = S3Settings(endpoint="https://127.0.0.1:1", authority="no certificate")
    with pytest.raises(SpecError, match="authority"):
        S3Store(settings)

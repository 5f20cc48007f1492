"""Objects by URI: `s3://bucket/key`, plain paths and `file://`. Timeouts and retries are ours."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar, final
from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.credentials.providers import IamAwsProvider, Provider, StaticProvider
from minio.error import InvalidResponseError, S3Error, ServerError

from mixatlas.contract.errors import (
    ContractViolation,
    CorpusInvalid,
    MixAtlasError,
    StoreForbidden,
    StoreUnavailable,
)

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 30.0
ATTEMPTS = 6
FIRST_PAUSE_S = 0.25

_CHUNK = 1 << 20
_SERVER_ERROR = 500
_MISSING = {"NoSuchKey", "NoSuchObject", "ResourceNotFound"}
_BUSY = {"SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout"}

Answer = TypeVar("Answer")


class ObjectMissing(MixAtlasError):
    """Nothing lies at a URI."""


def resolve(manifest_uri: str, url: str) -> str:
    """Return the URI that `url` means inside a manifest.

    Args:
        manifest_uri: Where the manifest lies.
        url: `s3://…`, or a path below the manifest's folder.

    Raises:
        CorpusInvalid: The URL is absolute, climbs out by `..`, or has another scheme. Manifests
            come from elsewhere and must not read this machine's files.
    """
    if url.startswith("s3://"):
        return url
    if "://" in url or url.startswith("/") or ".." in url.split("/"):
        raise CorpusInvalid(
            f"url {url!r} of {manifest_uri} leaves the manifest's folder",
            hint="Use a path relative to the manifest, or s3://BUCKET/KEY.",
        )
    folder, _, _ = manifest_uri.rpartition("/")
    return f"{folder}/{url}" if folder else url


def local_path(uri: str) -> Path | None:
    """Return the path of a plain or `file://` URI, None for `s3://`."""
    scheme, separator, rest = uri.partition("://")
    if not separator:
        return Path(uri)
    return Path(rest) if scheme == "file" else None


def sha256_of(path: Path) -> str:
    """Hash a file in chunks, whatever its size."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@final
class Objects:
    """Reads and writes objects; every call blocks and is retried a bounded number of times.

    All methods raise `StoreForbidden` when credentials, permissions or the bucket are wrong, and
    `StoreUnavailable` when the store did not answer after all attempts.

    Args:
        environ: `AWS_*` variables: endpoint, region and credentials. Without keys, the identity
            of the machine or the ServiceAccount is used.
        wait: Sleeps between attempts; may raise to give up early.
    """

    def __init__(
        self, environ: Mapping[str, str], *, wait: Callable[[float], None] = time.sleep
    ) -> None:
        self._environ = environ
        self._wait = wait
        self._client: tuple[int, Minio] | None = None

    def read(self, uri: str) -> bytes:
        """Return an object's bytes.

        Raises:
            ObjectMissing: Nothing is there.
        """
        path = local_path(uri)
        if path is not None:
            return _on_disk(uri, path.read_bytes)
        return self._retried(uri, lambda: self._get(uri))

    def download(self, uri: str, path: Path) -> str:
        """Copy an object to `path` in chunks and return its SHA-256.

        Raises:
            ObjectMissing: Nothing is there.
        """
        source = local_path(uri)
        if source is not None:
            _on_disk(uri, lambda: shutil.copyfile(source, path))
            return sha256_of(path)
        return self._retried(uri, lambda: self._get_file(uri, path))

    def write(self, uri: str, content: bytes) -> None:
        """Store bytes as one object, at once or not at all."""
        target = local_path(uri)
        if target is not None:
            _write_file(target, lambda part: part.write_bytes(content))
            return
        bucket, key = _bucket_and_key(uri)
        self._retried(
            uri, lambda: self._s3().put_object(bucket, key, io.BytesIO(content), len(content))
        )

    def upload(self, uri: str, path: Path) -> None:
        """Store a file as one object, in parts where it is large."""
        target = local_path(uri)
        if target is not None:
            _write_file(target, lambda part: shutil.copyfile(path, part))
            return
        bucket, key = _bucket_and_key(uri)
        self._retried(uri, lambda: self._s3().fput_object(bucket, key, str(path)))

    def names(self, prefix: str) -> list[str]:
        """Return the names of all objects under a folder, relative to it and sorted."""
        root = local_path(prefix)
        if root is not None:
            return sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file())
        bucket, key = _bucket_and_key(prefix.rstrip("/") + "/")

        def listed() -> list[str]:
            found = self._s3().list_objects(bucket, prefix=key, recursive=True)
            return sorted((o.object_name or "").removeprefix(key) for o in found)

        return self._retried(prefix, listed)

    def delete(self, uri: str) -> None:
        """Remove an object; one that is not there is fine."""
        target = local_path(uri)
        if target is not None:
            target.unlink(missing_ok=True)
            # A store has no folders: an empty one must not look like something that is left.
            with suppress(OSError):
                target.parent.rmdir()
            return
        bucket, key = _bucket_and_key(uri)
        self._retried(uri, lambda: self._s3().remove_object(bucket, key))

    def _get(self, uri: str) -> bytes:
        bucket, key = _bucket_and_key(uri)
        response = self._s3().get_object(bucket, key)
        try:
            return bytes(response.read())
        finally:
            response.close()
            response.release_conn()

    def _get_file(self, uri: str, path: Path) -> str:
        bucket, key = _bucket_and_key(uri)
        digest = hashlib.sha256()
        response = self._s3().get_object(bucket, key)
        try:
            with path.open("wb") as file:
                for chunk in response.stream(_CHUNK):
                    digest.update(chunk)
                    file.write(chunk)
        finally:
            response.close()
            response.release_conn()
        return digest.hexdigest()

    def _s3(self) -> Minio:
        # A fork must not use its parent's connections: answers would go to the wrong process.
        if self._client is None or self._client[0] != os.getpid():
            self._client = os.getpid(), _connect(self._environ)
        return self._client[1]

    def _retried(self, uri: str, call: Callable[[], Answer]) -> Answer:
        pause, reason = FIRST_PAUSE_S, ""
        for attempt in range(ATTEMPTS):
            if attempt:
                self._wait(pause)
                pause *= 2
            try:
                return call()
            except S3Error as error:
                reason = f"{error.code}: {error.message}"
                _raise_unless_busy(uri, error)
            except (urllib3.exceptions.HTTPError, ServerError, InvalidResponseError) as error:
                reason = str(error)
        raise StoreUnavailable(
            f"{uri}: no answer after {ATTEMPTS} attempts: {reason}",
            hint="Check AWS_ENDPOINT_URL_S3 and the network.",
        )


def _connect(environ: Mapping[str, str]) -> Minio:
    endpoint = urlsplit(environ.get("AWS_ENDPOINT_URL_S3") or "https://s3.amazonaws.com")
    pool = urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT_S, read=READ_TIMEOUT_S),
        retries=urllib3.Retry(total=0, redirect=0),
        maxsize=8,
        ca_certs=environ.get("AWS_CA_BUNDLE") or environ.get("SSL_CERT_FILE"),
    )
    credentials: Provider = IamAwsProvider()
    if environ.get("AWS_ACCESS_KEY_ID") and environ.get("AWS_SECRET_ACCESS_KEY"):
        credentials = StaticProvider(
            environ["AWS_ACCESS_KEY_ID"],
            environ["AWS_SECRET_ACCESS_KEY"],
            environ.get("AWS_SESSION_TOKEN") or None,
        )
    return Minio(
        endpoint=endpoint.netloc,
        secure=endpoint.scheme == "https",
        region=environ.get("AWS_REGION", "us-east-1"),  # spares a question for each bucket
        http_client=pool,
        credentials=credentials,
    )


def _bucket_and_key(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket:
        raise ContractViolation(
            f"{uri!r} is not a URI that the trainer reads", hint="Use s3://BUCKET/KEY or a path."
        )
    return bucket, key


def _raise_unless_busy(uri: str, error: S3Error) -> None:
    if error.code in _MISSING:
        raise ObjectMissing(f"{uri} does not exist") from error
    if error.code in _BUSY or error.response.status >= _SERVER_ERROR:
        return
    raise StoreForbidden(
        f"{uri}: {error.code}: {error.message}",
        hint="Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, their permissions and the bucket.",
    ) from error


def _on_disk(uri: str, call: Callable[[], Answer]) -> Answer:
    try:
        return call()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ObjectMissing(f"{uri} does not exist") from error


def _write_file(target: Path, fill: Callable[[Path], object]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    fill(part)
    part.replace(target)

"""Plain S3 through the minio SDK, with our own time-outs and retries."""

from __future__ import annotations

import io
import random
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, final
from urllib.parse import urlparse
from xml.etree.ElementTree import ParseError

import urllib3
from minio import Minio
from minio.credentials.credentials import Credentials
from minio.credentials.providers import (
    ChainedProvider,
    EnvAWSProvider,
    IamAwsProvider,
    Provider,
    StaticProvider,
)
from minio.error import InvalidResponseError, S3Error, ServerError

from mixatlas.contract.errors import SpecError, StoreForbidden, StoreUnavailable

T = TypeVar("T")

CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 5.0, 30.0
IDENTITY_TIMEOUT_S = 2.0
"""Of the cloud's identity service: outside a cloud nobody answers there."""
TRIES = 5
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 5.0
CONNECTIONS = 16
MESSAGE_LENGTH = 300
_ABSENT = frozenset({"NoSuchKey", "NoSuchObject"})
_PASSING = (
    urllib3.exceptions.HTTPError,
    OSError,
    ServerError,
    InvalidResponseError,
    ParseError,
    UnicodeDecodeError,
)
"""No answer, or an answer that is not S3's: a proxy's page, another program on the port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Settings:
    """How to reach a store.

    Args:
        endpoint: URL, such as `http://minio.minio:9000`.
        region: Of the endpoint.
        access_key: None takes credentials from the environment or the identity of the place.
        secret_key: Beside `access_key`.
        authority: Certificates in PEM form that alone are trusted; None trusts the system's.
    """

    endpoint: str
    region: str = "us-east-1"
    access_key: str | None = None
    secret_key: str | None = None
    authority: str | None = None

    def environment(self) -> dict[str, str]:
        """Return the variables by which a trainer reaches the same store."""
        variables = {"AWS_ENDPOINT_URL_S3": self.endpoint, "AWS_REGION": self.region}
        if self.access_key and self.secret_key:
            variables["AWS_ACCESS_KEY_ID"] = self.access_key
            variables["AWS_SECRET_ACCESS_KEY"] = self.secret_key
        return variables


def settings_from(environ: Mapping[str, str], endpoint: str | None, region: str) -> S3Settings:
    """Combine a document's endpoint with the environment, which wins.

    Raises:
        SpecError: Neither names an endpoint, or AWS_CA_BUNDLE names no file.
    """
    found = endpoint_from(environ) or endpoint
    if not found:
        raise SpecError(
            "spec.storage.endpoint is missing", hint="Give it, or set AWS_ENDPOINT_URL_S3."
        )
    return S3Settings(
        endpoint=found,
        region=environ.get("AWS_REGION") or region,
        authority=authority_from(environ),
    )


def endpoint_from(environ: Mapping[str, str]) -> str | None:
    """Return the endpoint that the environment names, or None."""
    return environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL") or None


def authority_from(environ: Mapping[str, str]) -> str | None:
    """Read the certificates that AWS_CA_BUNDLE names, or return None.

    Raises:
        SpecError: It names no file that can be read.
    """
    path = environ.get("AWS_CA_BUNDLE")
    if not path:
        return None
    try:
        return Path(path).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(
            f"AWS_CA_BUNDLE: {error}", hint="Name a file of certificates in PEM form."
        ) from error


@final
class S3Store:
    """Objects by `s3://BUCKET/KEY`. Safe to use from several threads.

    Args:
        settings: How to reach the store.
        tries: How often a call is tried while the store does not answer.
        read_timeout_s: Longest silence of the store within a call.

    Raises:
        SpecError: The endpoint is no URL of a server, or the authority no certificate.
    """

    def __init__(
        self,
        settings: S3Settings,
        *,
        tries: int = TRIES,
        read_timeout_s: float = READ_TIMEOUT_S,
    ) -> None:
        url = urlparse(settings.endpoint)
        if url.scheme not in ("http", "https") or not url.netloc or url.path.strip("/"):
            raise SpecError(
                f"the S3 endpoint {settings.endpoint!r} is no URL of a server",
                hint="Write it as http://HOST:PORT or https://HOST, without a path.",
            )
        timeout = urllib3.Timeout(connect=CONNECT_TIMEOUT_S, read=read_timeout_s)
        self._endpoint = settings.endpoint
        self._tries = tries
        self._client = Minio(
            url.netloc,
            secure=url.scheme == "https",
            region=settings.region,
            credentials=_credentials(settings),
            http_client=urllib3.PoolManager(
                timeout=timeout,
                retries=False,
                maxsize=CONNECTIONS,
                ssl_context=_trust(settings.authority),
            ),
        )

    def get(self, uri: str) -> bytes | None:
        """Return an object, or None when there is none."""
        return self.get_range(uri, offset=0, length=0)

    def get_range(self, uri: str, *, offset: int, length: int) -> bytes | None:
        """Return `length` bytes of an object from `offset` on (0 bytes: all), None without it."""
        bucket, key = _split(uri)

        def read() -> bytes:
            response = self._client.get_object(bucket, key, offset=offset, length=length)
            try:
                return bytes(response.read())
            finally:
                response.close()
                response.release_conn()

        try:
            return self._try(uri, read)
        except _Absent:
            return None

    def put(self, uri: str, data: bytes) -> None:
        """Write an object whole, or not at all."""
        bucket, key = _split(uri)
        self._try(uri, lambda: self._client.put_object(bucket, key, io.BytesIO(data), len(data)))

    def put_file(self, uri: str, path: Path) -> None:
        """Write a file of any size as an object, whole or not at all."""
        bucket, key = _split(uri)
        self._try(uri, lambda: self._client.fput_object(bucket, key, str(path)))

    def stat(self, prefix: str) -> dict[str, tuple[int, str]]:
        """Return size in bytes and entity tag of all objects below a prefix, by URI, sorted."""
        bucket, key = _split(prefix)

        def entries() -> dict[str, tuple[int, str]]:
            found = self._client.list_objects(bucket, prefix=key, recursive=True)
            return {
                f"s3://{bucket}/{entry.object_name}": (entry.size or 0, entry.etag or "")
                for entry in sorted(found, key=lambda entry: entry.object_name or "")
            }

        return self._try(prefix, entries)

    def list(self, prefix: str) -> list[str]:
        """Return the URIs of all objects below a prefix, sorted."""
        return list(self.stat(prefix))

    def delete(self, uri: str) -> None:
        """Remove an object; one that is not there is removed already."""
        bucket, key = _split(uri)
        try:
            self._try(uri, lambda: self._client.remove_object(bucket, key))
        except _Absent:
            return

    def ensure_bucket(self, bucket: str) -> None:
        """Make a bucket where it is missing."""
        uri = f"s3://{bucket}"
        if not self._try(uri, lambda: self._client.bucket_exists(bucket)):
            self._try(uri, lambda: self._client.make_bucket(bucket))

    def _try(self, uri: str, call: Callable[[], T]) -> T:
        """Call until it answers, at most `tries` times, pausing longer each time."""
        pause_s = FIRST_PAUSE_S
        for left in range(self._tries - 1, -1, -1):
            try:
                return call()
            except S3Error as error:
                if not _is_passing(error):
                    raise self._translate(uri, error) from error
                last: Exception = error
            except _PASSING as error:
                last = error
            except ValueError as error:  # the SDK refuses a name before it sends anything
                raise SpecError(f"{uri}: {error}", hint="Write s3://BUCKET/KEY.") from error
            if left:
                time.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311  jitter
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        raise StoreUnavailable(
            f"{self._endpoint} does not answer: {str(last)[:MESSAGE_LENGTH]}",
            hint="Check the endpoint and the network.",
        ) from last

    def _translate(self, uri: str, error: S3Error) -> Exception:
        if error.code in _ABSENT:
            return _Absent()
        if error.code == "NoSuchBucket":
            bucket = uri.removeprefix("s3://").partition("/")[0]
            return StoreForbidden(
                f"the bucket {bucket} does not exist", hint="Make it, or name another one."
            )
        return StoreForbidden(
            f"{uri}: {error.code}: {error.message}",
            hint="Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and their permissions.",
        )


class _Absent(Exception):
    """The object does not exist."""


def _trust(authority: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cadata=authority)
    except ssl.SSLError as error:
        raise SpecError(
            f"the certificate authority of the store cannot be used: {error.reason or error}",
            hint="Give certificates in PEM form.",
        ) from error


def _credentials(settings: S3Settings) -> Provider:
    if settings.access_key and settings.secret_key:
        return StaticProvider(settings.access_key, settings.secret_key)
    timeout = urllib3.Timeout(IDENTITY_TIMEOUT_S)
    pool = urllib3.PoolManager(timeout=timeout, retries=False)
    return _Ambient(ChainedProvider([EnvAWSProvider(), IamAwsProvider(http_client=pool)]))


@final
class _Ambient(Provider):
    """Credentials of the place; where there are none it says so, instead of being retried."""

    def __init__(self, chain: Provider) -> None:
        self._chain = chain

    def retrieve(self) -> Credentials:
        try:
            return self._chain.retrieve()
        except (ValueError, urllib3.exceptions.HTTPError, OSError) as error:
            raise StoreForbidden(
                "no S3 credentials were found",
                hint="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
            ) from error


def _split(uri: str) -> tuple[str, str]:
    if not uri.startswith("s3://"):
        raise SpecError(f"{uri} is no s3:// URI", hint="Push the corpus, and name its URI.")
    bucket, _, key = uri[5:].partition("/")
    return bucket, key


def _is_passing(error: S3Error) -> bool:
    status = getattr(error.response, "status", 0) or 0
    return status >= 500 or status == 429 or error.code in ("SlowDown", "RequestTimeout")

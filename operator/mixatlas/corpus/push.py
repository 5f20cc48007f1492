"""A packed corpus → an object store: shards first, the manifest last."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mixatlas.contract.canonical import sha256_hex
from mixatlas.contract.errors import CorpusInvalid, SpecError

_THREADS = 8


class Target(Protocol):
    """Where objects are written to. Every method may be called from several threads."""

    def get(self, uri: str) -> bytes | None:
        """Return an object, or None when there is none."""
        ...

    def put(self, uri: str, data: bytes) -> None:
        """Write an object whole, or not at all."""
        ...

    def list(self, prefix: str) -> list[str]:
        """Return the URIs of all objects below a prefix."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PushReport:
    """What was sent. `manifest` is the URI to write into `spec.corpus.manifest`."""

    manifest: str
    sha256: str
    uploaded: int
    uploaded_bytes: int
    skipped: int


def push(folder: Path, uri: str, store: Target) -> PushReport:
    """Upload a corpus folder; whoever finds the manifest finds all that it names.

    May be interrupted and called again: what is there already is not sent twice. A shard's name
    carries its digest, and the store writes whole objects only, so its name is enough; the small
    files are compared.

    Args:
        folder: Made by `pack`.
        uri: `s3://BUCKET/PREFIX`.
        store: The object store.

    Returns:
        What was sent and what was there.

    Raises:
        SpecError: `uri` is no `s3://` URI.
        CorpusInvalid: `folder` has no manifest.
        StoreUnavailable: The store does not answer; call again later.
        StoreForbidden: The store refuses.

    Cost:
        Blocks; at most eight shards in memory at a time.
    """
    if not uri.startswith("s3://"):
        raise SpecError(f"{uri} is not an s3:// URI", hint="Write s3://BUCKET/PREFIX.")
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        raise CorpusInvalid(f"{folder} has no manifest.json", hint="Pack a corpus first.")
    root = uri.rstrip("/")
    there = set(store.list(f"{root}/"))
    files = [path for path in folder.rglob("*") if path.is_file()]
    # Shards before the manifests that name them, the corpus manifest after all others.
    shards = sorted(path for path in files if path.suffix == ".tar")
    others = sorted(path for path in files if path.suffix != ".tar" and path != manifest)

    def send(path: Path) -> int | None:
        """Send a file if it is needed; return its bytes, or None."""
        target = f"{root}/{path.relative_to(folder).as_posix()}"
        if target in there and path.suffix == ".tar":
            return None
        content = path.read_bytes()
        if target in there and store.get(target) == content:
            return None
        store.put(target, content)
        return len(content)

    with ThreadPoolExecutor(_THREADS) as pool:
        sent = [*pool.map(send, shards), *pool.map(send, others)]
    sent.append(send(manifest))
    uploaded = [n_bytes for n_bytes in sent if n_bytes is not None]
    return PushReport(
        manifest=f"{root}/manifest.json",
        sha256=sha256_hex(manifest.read_bytes()),
        uploaded=len(uploaded),
        uploaded_bytes=sum(uploaded),
        skipped=len(sent) - len(uploaded),
    )

"""Where a manifest's URLs point."""

from __future__ import annotations


def join(manifest: str, url: str) -> str:
    """Return a manifest's URL as a URI: `s3://` as it is, others relative to the manifest.

    Args:
        manifest: URI or path of the manifest.
        url: As the manifest writes it.

    Raises:
        ValueError: A relative URL leaves the manifest's folder, or names another scheme.

    Example:
        >>> join("s3://corpora/demo/manifest.json", "shards/a.tar")
        's3://corpora/demo/shards/a.tar'
    """
    if url.startswith("s3://"):
        return url
    if "://" in url or url.startswith("/") or "\\" in url or ".." in url.split("/"):
        raise ValueError(f"{url!r} must be relative to its manifest, or s3://")
    folder, slash, _ = manifest.rpartition("/")
    return f"{folder}{slash}{url}"

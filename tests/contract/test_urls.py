"""A manifest's URLs stay beside it."""

from __future__ import annotations

import pytest

from mixatlas.contract.urls import join


@pytest.mark.parametrize(
    ("manifest", "url", "uri"),
    [
        ("s3://b/c/manifest.json", "shards/a.tar", "s3://b/c/shards/a.tar"),
        ("/data/manifest.json", "a.tar", "/data/a.tar"),
        ("manifest.json", "a.tar", "a.tar"),
        ("/data/manifest.json", "s3://b/a.tar", "s3://b/a.tar"),
    ],
)
def test_join(manifest: str, url: str, uri: str) -> None:
    assert join(manifest, url) == uri


@pytest.mark.parametrize("url", ["../a.tar", "a/../../b.tar", "/etc/passwd", "http://x/a", "a\\b"])
def test_urls_that_leave_the_folder_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="must be relative"):
        join("/data/manifest.json", url)

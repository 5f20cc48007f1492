"""The sources of a small corpus in a store, and the document that pods build it by."""

from __future__ import annotations

from pathlib import Path

from clip_checkpoint import write_clip
from mixatlas.adapters.s3 import S3Store
from small_corpus import make_corpus

RAW = "s3://corpora/raw"
DOCUMENT = f"""\
sources:
  - name: drawn
    format: Folder
    uri: {RAW}/data
    images: {RAW}/pictures
    columns: {{image: images}}
parts: 3
concepts: {{method: Clusters, model: {RAW}/model, k: 2, vocabulary: [red, white]}}
tokenizer: {RAW}/tokenizer
imageTokens: 4
items: {RAW}/pictures/items.jsonl
benchmarks: [{{name: squares, metric: TokenNll}}, {{name: stripes, metric: TokenNll}}]
contamination: {{similarity: "0.999999"}}
"""


def store_sources(store: S3Store, folder: Path) -> str:
    """Store lines, pictures, items, a tokenizer and a CLIP; return the document.

    Args:
        store: Has the bucket `corpora`.
        folder: For the files.
    """
    make_corpus(folder)
    raw = folder / "raw"
    write_clip(raw / "model")
    (raw / "data").mkdir()
    (raw / "samples.jsonl").rename(raw / "data" / "samples.jsonl")
    (raw / "images").rename(raw / "pictures")
    (raw / "items.jsonl").rename(raw / "pictures" / "items.jsonl")
    for path in sorted(raw.rglob("*")):
        if path.is_file():
            name = path.relative_to(raw).as_posix()
            content = path.read_bytes()
            if path.suffix == ".jsonl":
                content = content.replace(b'"images/', b'"')
            store.put(f"{RAW}/{name}", content)
    return DOCUMENT

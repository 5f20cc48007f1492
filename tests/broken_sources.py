"""LLaVA sources with something wrong in them, and what `corpus build` says of each.

Where one sample is broken, a sound one lies beside it, so that "1 of 2" shows what damage costs.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from raw_sources import a_chat, picture, write_json

Write = Callable[[Path], None]
ONE = "1 of 2 samples cannot be used, and maxBroken is 0:\ndata: "
CHAT = a_chat("What is it?", "A bus.")
WIDTH, HEIGHT = 80, 60
PNG = picture(0, size=(WIDTH, HEIGHT))
JPEG = picture(0, "JPEG", size=(256, 256))
GOOD: dict[str, Any] = {"image": "good.png", "conversations": CHAT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A source that is wrong, and the message."""

    format: str
    write: Write
    message: str
    columns: Mapping[str, str] = field(default_factory=dict)


def raw(name: str, content: bytes) -> Write:
    """Write one file beside a good image."""

    def write(folder: Path) -> None:
        (folder / name).write_bytes(content)
        (folder / "good.png").write_bytes(PNG)

    return write


def bomb(width: int, height: int) -> bytes:
    """Return a PNG of some bytes whose header promises more pixels than memory holds."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 10_000)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


def llava(record: Mapping[str, Any], reason: str, *, image: bytes = b"") -> Broken:
    """Return a LLaVA array of a record and a good one; the record may name `bad.png`."""

    def write(folder: Path) -> None:
        (folder / "bad.png").write_bytes(image)
        (folder / "good.png").write_bytes(PNG)
        (folder / "folder").mkdir()
        (folder.parent / "secret.png").write_bytes(PNG)
        (folder / "link.png").symlink_to(folder.parent / "secret.png")
        write_json(folder / "a.json", [record, GOOD])

    return Broken(format="Llava", write=write, message=f"{ONE}a.json[0]: {reason}")


def chat(conversations: Any, reason: str, **changes: Any) -> Broken:
    """Return a LLaVA array whose first record has these conversations."""
    return llava(GOOD | {"conversations": conversations} | changes, reason)


def line(content: bytes, reason: str) -> Broken:
    """Return JSON lines of which the second is this one."""
    write = raw("a.jsonl", json.dumps(GOOD).encode() + b"\n" + content + b"\n")
    return Broken(format="Llava", write=write, message=f"{ONE}a.jsonl:2: {reason}")


def whole(content: bytes, reason: str) -> Broken:
    """Return a LLaVA file that is refused whole."""
    return Broken(format="Llava", write=raw("a.json", content), message=f"a.json: {reason}")


def message(role: Any, value: Any = "x") -> dict[str, Any]:
    """Return one of LLaVA's messages."""
    return {"from": role, "value": value}


def _images() -> dict[str, Broken]:
    images = {
        "an empty image": (b"", "is empty"),
        "a text for an image": (b"hello", "not a PNG or JPEG image"),
        "a GIF": (picture(0, "GIF"), "a GIF; only PNG and JPEG are taken"),
        "a WebP": (picture(0, "WEBP"), "a WebP image; only PNG and JPEG are taken"),
        "a BMP": (picture(0, "BMP"), "a BMP image; only PNG and JPEG are taken"),
        "a TIFF": (picture(0, "TIFF"), "a TIFF image; only PNG and JPEG are taken"),
        "an SVG": (b"<svg/>", "an SVG image; only PNG and JPEG are taken"),
        "a web page": (b"<html>404</html>", "a page of HTML; only PNG and JPEG are taken"),
        "an LFS pointer": (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
        "a zip bomb of pixels": (bomb(50_000, 50_000), "more than 50 megapixels"),
        "too many pixels": (bomb(10_000, 5_001), "10000 x 5001 is more than 50 megapixels"),
        "a PNG cut off": (PNG[:-20], "broken: "),
        "a PNG with a wrong checksum": (PNG[:50] + b"\0\0\0\0" + PNG[54:], "broken: "),
        "a PNG of nothing": (PNG[:8], "not a PNG or JPEG image"),
        "a JPEG cut off": (JPEG[:-200], "broken: the file ends inside the picture"),
    }
    return {
        name: llava(GOOD | {"image": "bad.png"}, f"image bad.png: {reason}", image=content)
        for name, (content, reason) in images.items()
    }


def _paths() -> dict[str, Broken]:
    out = "is not a path below the images' folder"
    paths: dict[str, tuple[Any, str]] = {
        "a missing image": ("missing.png", "image missing.png: no such file"),
        "a path out of the root": ("../secret.png", f"image '../secret.png' {out}"),
        "a path out by a detour": ("a/../../secret.png", f"image 'a/../../secret.png' {out}"),
        "an absolute path": ("/etc/hostname", f"image '/etc/hostname' {out}"),
        "a link out of the root": ("link.png", "image 'link.png' leads out of the images' folder"),
        "a URL": ("http://host/1.png", "image http://host/1.png: no such file"),
        "a folder for an image": ("folder", "image folder: no such file"),
        "a NUL in a path": ("nul\0.png", f"image 'nul\\x00.png' {out}"),
        "half a surrogate in a path": ("\ud800.png", f"image '\\ud800.png' {out}"),
        "a path without end": ("x" * 5000, "image xxxx"),
        "an empty path": ("", "image: is empty"),
        "a number for a path": (7, "image: must be a path, not a number"),
        "an image of nothing": ({}, "image: has neither bytes nor a path"),
        "text for an image's bytes": ({"bytes": 1}, "image.bytes: must be bytes, not a number"),
        "a number in an image": ({"path": 1}, "image.path: must be a path, not a number"),
        "nothing in a list": ([None], "image.0: must be a path, not nothing"),
        "the second image is missing": (
            ["good.png", "missing.png"],
            "image missing.png: no such file",
        ),
        "too many images": (["good.png"] * 65, "image: 65 images; at most 64 are possible"),
    }
    return {name: llava(GOOD | {"image": value}, reason) for name, (value, reason) in paths.items()}


TEXTS = {
    "no text": chat(None, "has no text: none of conversations, turns, texts, question"),
    "no conversation": chat([], "conversations: is empty"),
    "a text for a conversation": chat("Hello", "conversations: must be a list, not text"),
    "texts for turns": chat(["a", "b"], "conversations.0: must be an object, not text"),
    "turns of nothing": chat([{}], "conversations.0: has neither question and answer nor from"),
    "no answer": chat(CHAT[:1], "conversations.0: a question without an answer"),
    "no question": chat(CHAT[1:], "conversations: no question, all from are answers"),
    "two answers in a row": chat([*CHAT, CHAT[1]], "conversations.2: two answers in a row"),
    "two questions in a row": chat([CHAT[0], *CHAT], "conversations.1: two questions in a row"),
    "an unknown role": chat([message("bot")], "conversations.0.from: 'bot' is none of assistant"),
    "a list for a role": chat([message([1])], "conversations.0.from: '[1]' is none of"),
    "a late system prompt": chat([*CHAT, message("system")], "conversations.2.from: 'system' is"),
    "an empty answer": chat([CHAT[0], message("gpt", "")], "conversations.1.value: is empty"),
    "a blank answer": chat([CHAT[0], message("gpt", " \n")], "conversations.1.value: is empty"),
    "a number for an answer": chat(
        [CHAT[0], message("gpt", 7)], "conversations.1.value: must be text, not a number"
    ),
    "nothing for a question": chat(
        [message("human", None), CHAT[1]], "conversations.0.value: must be text, not nothing"
    ),
    "half a surrogate pair": chat(
        [CHAT[0], message("gpt", "half \ud83d")],
        "conversations.1.value: has half of a surrogate pair",
    ),
    "too many placeholders": chat(
        a_chat("<image><image> x", "y"), "2 placeholders <image> for 1 images"
    ),
    "a placeholder without an image": chat(
        a_chat("<image> x", "y"), "1 placeholders <image> for 0 images", image=None
    ),
    "an answer of a placeholder": chat(a_chat("x", "<image>"), "turns.0.answer: is empty"),
    "a turn without an answer": chat(
        None, "turns.0.answer: must be text, not nothing", turns=[{"question": "x"}]
    ),
    "an answer alone": chat(None, "question: must be text, not nothing", answer="x"),
    "a list for a caption": chat(None, "caption: must be text, not a list", caption=["x"]),
}
JSON = {
    "NaN": line(b'{"image": NaN}', "not JSON: NaN is not a number"),
    "minus infinity": line(b'{"image": -Infinity}', "not JSON: -Infinity is not a number"),
    "a key twice": line(b'{"image": "a", "image": "b"}', "not JSON: the key 'image' occurs twice"),
    "Latin-1": line(b'{"image": "caf\xe9"}', "not UTF-8 at byte 14"),
    "UTF-16 inside UTF-8": line(
        b'{"image": "' + "é".encode("utf-16-le") + b'"}', "not UTF-8 at byte 11"
    ),
    "nested too deeply": line(b'{"a": ' + b"[" * 3000 + b"]" * 3000 + b"}", "not JSON: nested too"),
    "a missing comma": line(b'{"image": "a" "b"}', "not JSON: Expecting ',' delimiter at column"),
    "single quotes": line(b"{'image': 'a'}", "not JSON: Expecting property name"),
    "a tab in a text": line(b'{"image": "tab\t"}', "not JSON: Invalid control character at column"),
    "a number of 5,000 digits": line(b'{"a": ' + b"1" * 5000 + b"}", "not JSON: Exceeds the limit"),
    "a line that is a list": line(b"[]", "not a JSON object"),
    "a line that is null": line(b"null", "not a JSON object"),
    "an array that breaks off": Broken(
        format="Llava",
        write=raw("a.json", b"[" + json.dumps(GOOD).encode() + b', {"image": "goo'),
        message=f"{ONE}a.json[1]: the file breaks off here",
    ),
    "an empty file": whole(b"", "is empty"),
    "a file of blanks": whole(b" \n\t", "is empty"),
    "a mark of byte order alone": whole(b"\xef\xbb\xbf", "is empty"),
    "UTF-16": whole(json.dumps([GOOD]).encode("utf-16"), "is UTF-16"),
    "a gzip of JSON": whole(b"\x1f\x8b\x08", "is packed by gzip"),
    "a ZIP of JSON": whole(b"PK\x03\x04", "is a ZIP archive"),
    "an LFS pointer for JSON": whole(b"version https://git-lfs.github.com/spec/v1", "is a pointer"),
    "a CSV": whole(b"image,text\n1.png,a\n", "is neither a JSON array nor JSON lines"),
    "one object": whole(b'{\n  "image": 1\n}', "is one JSON object"),
    "a column that is not there": Broken(
        format="Llava",
        write=raw("a.json", json.dumps([GOOD]).encode()),
        columns={"concept": "imag"},
        message="a.json: no column `imag`, which `columns.concept` names\n  did you mean `image`?",
    ),
}


LLAVA = {**_images(), **_paths(), **TEXTS, **JSON}

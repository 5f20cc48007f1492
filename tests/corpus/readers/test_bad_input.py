"""Broken input: each is told with its place and the reason, and costs its own sample alone."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest

from mixatlas.corpus.raw import RawSample
from raw_sources import a_chat, picture, read_all, reader_of, told, write_json

CHAT = a_chat("What is it?", "A bus.")
GOOD: dict[str, Any] = {"image": "good.png", "conversations": CHAT}


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


PNG, JPEG = picture(0, size=(64, 64)), picture(0, "JPEG", size=(256, 256))
IMAGES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty"),
    "text": (b"hello", "not a PNG or JPEG image"),
    "gif": (picture(0, "GIF"), "a GIF; only PNG and JPEG are taken"),
    "webp": (picture(0, "WEBP"), "a WebP image; only PNG and JPEG are taken"),
    "bmp": (picture(0, "BMP"), "a BMP image; only PNG and JPEG are taken"),
    "tiff": (picture(0, "TIFF"), "a TIFF image; only PNG and JPEG are taken"),
    "svg": (b"<svg/>", "an SVG image; only PNG and JPEG are taken"),
    "web page": (b"<html>404</html>", "a page of HTML; only PNG and JPEG are taken"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
    "bomb": (bomb(50_000, 50_000), "more than 50 megapixels"),
    "large": (bomb(10_000, 5_001), "10000 x 5001 is more than 50 megapixels"),
    "png cut off": (PNG[:-20], "broken: "),
    "png flipped": (PNG[:50] + b"\0\0\0\0" + PNG[54:], "broken: "),
    "png of nothing": (PNG[:8], "not a PNG or JPEG image"),
    "jpeg cut off": (JPEG[:-200], "broken: the file ends inside the picture"),
    "jpeg cut to its header": (JPEG[:40], "not a PNG or JPEG image|broken"),
}


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_that_is_unusable_is_told(tmp_path: Path, name: str) -> None:
    content, reason = IMAGES[name]
    (tmp_path / "bad.png").write_bytes(content)
    found = read(tmp_path, [GOOD | {"image": "bad.png"}])
    check(found, *(f"image bad.png: {words}" for words in reason.split("|")))


@pytest.mark.parametrize("end", range(100, len(JPEG), 37))
def test_a_jpeg_is_whole_or_broken_wherever_it_is_cut(tmp_path: Path, end: int) -> None:
    (tmp_path / "bad.png").write_bytes(JPEG[:end])
    check(read(tmp_path, [GOOD | {"image": "bad.png"}]), "image bad.png: ")


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ("missing.png", "image missing.png: no such file"),
        ("../secret.png", "image '../secret.png' is not a path below the images' folder"),
        ("a/../../secret.png", "image 'a/../../secret.png' is not a path below"),
        ("/etc/hostname", "image '/etc/hostname' is not a path below"),
        ("http://host/1.png", "image http://host/1.png: no such file"),
        ("link.png", "image 'link.png' leads out of the images' folder"),
        ("folder", "image folder: no such file"),
        ("nul\0.png", "image 'nul\\x00.png' is not a path below"),
        ("\ud800.png", "image '\\ud800.png' is not a path below"),
        ("x" * 5000, "image xxxx"),
        ("", "image: is empty"),
        (7, "image: must be a path, not a number"),
        ({}, "image: has neither bytes nor a path"),
        ({"bytes": 1}, "image.bytes: must be bytes, not a number"),
        ({"path": 1}, "image.path: must be a path, not a number"),
        ([None], "image.0: must be a path, not nothing"),
        (["good.png", "missing.png"], "image missing.png: no such file"),
        (["good.png"] * 65, "image: 65 images; at most 64 are possible"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_an_image_that_cannot_be_found_is_told(tmp_path: Path, image: Any, reason: str) -> None:
    (tmp_path / "secret.png").write_bytes(PNG)
    (tmp_path / "data" / "folder").mkdir(parents=True)
    (tmp_path / "data" / "link.png").symlink_to(tmp_path / "secret.png")
    check(read(tmp_path / "data", [GOOD | {"image": image}]), reason)


def message(role: Any, value: Any = "x") -> dict[str, Any]:
    return {"from": role, "value": value}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"conversations": None}, "has no text: none of conversations, turns, texts, question"),
        ({"conversations": []}, "conversations: is empty"),
        ({"conversations": "Hello"}, "conversations: must be a list, not text"),
        ({"conversations": ["Hello", "Hi"]}, "conversations.0: must be an object, not text"),
        ({"conversations": [{}]}, "conversations.0: has neither question and answer nor from"),
        ({"conversations": CHAT[:1]}, "conversations.0: a question without an answer"),
        ({"conversations": CHAT[1:]}, "conversations: no question, all from are answers"),
        ({"conversations": [*CHAT, CHAT[1]]}, "conversations.2: two answers in a row"),
        ({"conversations": [CHAT[0], *CHAT]}, "conversations.1: two questions in a row"),
        ({"conversations": [message("bot")]}, "conversations.0.from: 'bot' is none of assistant"),
        ({"conversations": [message([1])]}, "conversations.0.from: '[1]' is none of"),
        ({"conversations": [*CHAT, message("system")]}, "conversations.2.from: 'system' is none"),
        (
            {"conversations": [message("human"), message("gpt", "")]},
            "conversations.1.value: is emp",
        ),
        ({"conversations": [message("human"), message("gpt", " \n")]}, "conversations.1.value: is"),
        (
            {"conversations": [message("human"), message("gpt", 7)]},
            "conversations.1.value: must be text, not a number",
        ),
        (
            {"conversations": [message("human", None), CHAT[1]]},
            "conversations.0.value: must be text, not nothing",
        ),
        (
            {"conversations": [message("human"), message("gpt", "half \ud83d")]},
            "conversations.1.value: has half of a surrogate pair",
        ),
        (
            {"conversations": a_chat("<image><image> x", "y")},
            "2 placeholders <image> for 1 images",
        ),
        (
            {"image": None, "conversations": a_chat("<image> x", "y")},
            "1 placeholders <image> for 0",
        ),
        ({"conversations": a_chat("x", "<image>")}, "turns.0.answer: is empty"),
        ({"turns": [{"question": "x"}], "conversations": None}, "turns.0.answer: must be text"),
        ({"answer": "x", "conversations": None}, "question: must be text, not nothing"),
        ({"caption": ["x"], "conversations": None}, "caption: must be text, not a list"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_text_that_is_unusable_is_told(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    check(read(tmp_path, [GOOD | changes]), reason)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b'{"image": NaN}', "not JSON: NaN is not a number"),
        (b'{"image": -Infinity}', "not JSON: -Infinity is not a number"),
        (b'{"image": "a", "image": "b"}', "not JSON: the key 'image' occurs twice"),
        (b'{"image": "caf\xe9"}', "not UTF-8 at byte 14"),
        (b'{"image": "' + "é".encode("utf-16-le") + b'"}', "not UTF-8 at byte 11"),
        (b'{"a": ' + b"[" * 3000 + b"]" * 3000 + b"}", "not JSON: nested too deeply"),
        (b'{"image": "a" "b"}', "not JSON: Expecting ',' delimiter at column 15"),
        (b"{'image': 'a'}", "not JSON: Expecting property name"),
        (b'{"image": "tab\t"}', "not JSON: Invalid control character at column 15"),
        (b'{"a": ' + b"1" * 5000 + b"}", "not JSON: Exceeds the limit"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
    ],
    ids=lambda value: repr(value)[:30],
)
@pytest.mark.parametrize("is_array", [True, False], ids=["array", "lines"])
def test_json_that_is_wrong_costs_its_own_sample(
    tmp_path: Path, raw: bytes, reason: str, is_array: bool
) -> None:
    (tmp_path / "good.png").write_bytes(PNG)
    good = json.dumps(GOOD).encode()
    content = b"[%b, %b, %b]" if is_array else b"%b\n%b\n%b\n"
    (tmp_path / "a.json").write_bytes(content % (good, raw, good))
    first, broken, last = read_all(reader_of("Llava", tmp_path))
    assert isinstance(first, RawSample)
    assert isinstance(last, RawSample)
    place = "a.json[1]" if is_array else "a.json:2"
    assert told([broken])[0].startswith(f"{place}: {reason}")


def read(folder: Path, records: list[dict[str, Any]]) -> list[Any]:
    """Read records, with a sound one after them."""
    folder.mkdir(exist_ok=True)
    (folder / "good.png").write_bytes(PNG)
    write_json(folder / "a.json", [*records, GOOD])
    return read_all(reader_of("Llava", folder))


def check(found: list[Any], *reasons: str) -> None:
    """Check that the first sample is broken, shortly told, and that the one after it is sound."""
    broken, good = found
    assert isinstance(good, RawSample)
    assert not isinstance(broken, RawSample)
    assert len(broken.reason) <= 300
    line = told([broken])[0]
    line.encode()  # a half of a surrogate pair could not be printed
    assert any(line.startswith(f"a.json[0]: {reason}") for reason in reasons)

"""Token counts by a `tokenizer.json`, and the tokenizer's folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import final

from tokenizers import Tokenizer

from mixatlas.contract.canonical import sha256_hex
from mixatlas.contract.errors import CorpusInvalid, SpecError
from mixatlas.contract.manifest import file_list_digest


@final
class TextTokenizer:
    """Turns texts into token ids, special tokens not added.

    Args:
        content: A `tokenizer.json`, as the tokenizers library writes it.
        name: What to call it in messages.

    Raises:
        CorpusInvalid: The library cannot read it.
    """

    def __init__(self, content: bytes, name: str) -> None:
        try:
            self._tokenizer = Tokenizer.from_buffer(content)
        # The library raises a bare Exception for whatever it cannot read.
        except Exception as error:
            raise CorpusInvalid(f"{name}: {error}", hint="Give a tokenizer.json.") from error

    @property
    def vocabulary_size(self) -> int:
        """Number of tokens, added ones included."""
        return int(self._tokenizer.get_vocab_size(with_added_tokens=True))

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each text."""
        encodings = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [list(encoding.ids) for encoding in encodings]


def load_tokenizer(folder: Path) -> TextTokenizer:
    """Read the `tokenizer.json` of a folder.

    Raises:
        SpecError: There is none.
        CorpusInvalid: It is broken.
    """
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise SpecError(
            f"tokenizer: {folder} has no tokenizer.json",
            hint="Save a fast tokenizer there: `tokenizer.save_pretrained(folder)`.",
        )
    return TextTokenizer(path.read_bytes(), str(path))


def eos_id(folder: Path, tokenizer: TextTokenizer) -> int:
    """Return the id that ends an answer, or one that no text has.

    A tokenizer folder names its end in `tokenizer_config.json`; where it does not, an end that
    occurs nowhere else does as well, since only its being always the same matters.
    """
    path = folder / "tokenizer_config.json"
    token = json.loads(path.read_bytes()).get("eos_token") if path.is_file() else None
    name = token.get("content") if isinstance(token, dict) else token
    ids = tokenizer.encode([name])[0] if isinstance(name, str) else []
    return ids[0] if len(ids) == 1 else tokenizer.vocabulary_size


def copy_tokenizer(folder: Path, target: Path) -> str:
    """Copy a tokenizer's files and return the digest of their list.

    Sub-folders and hidden files are left behind: a tokenizer has none, a downloaded folder may.
    """
    target.mkdir(parents=True)
    digests: dict[str, str] = {}
    for path in sorted(folder.iterdir()):
        if path.is_file() and not path.name.startswith("."):
            shutil.copyfile(path, target / path.name)
            digests[path.name] = sha256_hex(path.read_bytes())
    return file_list_digest(digests)

"""Images and texts → unit vectors, by the two towers of a CLIP or SigLIP checkpoint.

Notation: n images or texts, d dimensions of the space that both towers share.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from transformers import AutoImageProcessor, AutoModel, AutoTokenizer
from transformers.utils import logging as transformers_logging

from mixatlas.contract.canonical import sha256_hex
from mixatlas.contract.errors import SpecError
from mixatlas.contract.manifest import file_list_digest

MODEL_TYPES = ("clip", "siglip")
"""SigLIP 2 of one resolution calls itself `siglip`; `siglip2` takes images of any shape."""
_HINT = "Give a folder as `save_pretrained` writes it: weights (safetensors), processor, tokenizer."


class CannotDecode(Exception):
    """An image's pixels cannot be read; the message says why."""


@final
class ImageInput:
    """Turns image files into what the image tower takes; it is sent to decoding processes.

    Args:
        processor: Of the checkpoint.
    """

    def __init__(self, processor: Any) -> None:
        self._processor = processor
        sizes = dict(processor.crop_size or processor.size or {})
        self._side = max(sizes.values(), default=0)

    def decode(self, content: bytes) -> torch.Tensor:
        """Return pixels, of shape (3, height, width).

        Args:
            content: A PNG or JPEG file whose header has been checked.

        Raises:
            CannotDecode: Its pixels are broken.
        """
        try:
            with warnings.catch_warnings():
                # Its size was checked against our own, stricter limit.
                warnings.simplefilter("ignore", Image.DecompressionBombWarning)
                image = Image.open(io.BytesIO(content), formats=("PNG", "JPEG"))
            # A JPEG is decoded at the next larger eighth of its size: several times faster.
            image.draft("RGB", (2 * self._side, 2 * self._side))
            pixels = self._processor(images=image.convert("RGB"), return_tensors="pt")
        except (OSError, SyntaxError, ValueError) as error:
            raise CannotDecode(str(error)) from error
        found: torch.Tensor = pixels["pixel_values"][0]
        return found


@final
class Encoder:
    """Both towers of a checkpoint, on the GPU in bfloat16 where there is one.

    Args:
        folder: The checkpoint; only safetensors are loaded, and no code of it is run.

    Raises:
        SpecError: It is no whole checkpoint of a kind that is known.
    """

    def __init__(self, folder: Path) -> None:
        self.revision = _digest(folder)
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        transformers_logging.disable_progress_bar()
        try:
            model = AutoModel.from_pretrained(folder, use_safetensors=True, local_files_only=True)
            self.image_input = ImageInput(
                AutoImageProcessor.from_pretrained(folder, local_files_only=True)
            )
            self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        except ImportError as error:
            hint = "pip install 'mixatlas[concepts]'"
            raise SpecError(f"{folder}: {str(error).strip()}", hint=hint) from error
        except (OSError, ValueError, KeyError) as error:
            raise SpecError(f"{folder}: {error}", hint=_HINT) from error
        if model.config.model_type not in MODEL_TYPES:
            raise SpecError(
                f"{folder}: a model of type {model.config.model_type!r}",
                hint=f"Give one of: {', '.join(MODEL_TYPES)}.",
            )
        dtype = torch.bfloat16 if self._device.type == "cuda" else torch.float32
        self._model = model.eval().to(self._device, dtype)
        self._longest = model.config.text_config.max_position_embeddings

    def encode_images(self, pixels: torch.Tensor) -> NDArray[np.float32]:
        """Return unit vectors, of shape (n, d).

        Args:
            pixels: From `ImageInput.decode`, of shape (n, 3, height, width).
        """
        with torch.inference_mode():
            pixels = pixels.to(self._device, self._model.dtype, non_blocking=True)
            return _unit(self._model.get_image_features(pixel_values=pixels).pooler_output)

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit vectors, of shape (n, d). Long texts are cut."""
        tokens = self._tokenizer(
            list(texts),
            # SigLIP was trained on texts of full length, and CLIP does not mind.
            padding="max_length",
            truncation=True,
            max_length=self._longest,
            return_tensors="pt",
        ).to(self._device)
        taken = {name: tokens[name] for name in ("input_ids", "attention_mask") if name in tokens}
        with torch.inference_mode():
            return _unit(self._model.get_text_features(**taken).pooler_output)


def _unit(features: torch.Tensor) -> NDArray[np.float32]:
    found = torch.nn.functional.normalize(features.float(), dim=-1).cpu().numpy()
    return np.asarray(found, dtype=np.float32)


def _digest(folder: Path) -> str:
    """Return the digest of all files of a checkpoint."""
    if not (folder / "config.json").is_file():
        raise SpecError(f"{folder}: there is no config.json", hint=_HINT)
    files = (path for path in folder.rglob("*") if path.is_file())
    return file_list_digest(
        {path.relative_to(folder).as_posix(): sha256_hex(path.read_bytes()) for path in files}
    )

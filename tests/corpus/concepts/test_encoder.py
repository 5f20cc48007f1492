"""Checkpoints as people have them: shapes of CLIP and SigLIP, safetensors only."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoTokenizer, CLIPConfig, CLIPModel, SiglipConfig, SiglipModel
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

from clip_checkpoint import picture_of
from mixatlas.contract.errors import SpecError
from mixatlas.corpus.concepts.encoder import CannotDecode, Encoder

pytestmark = pytest.mark.slow


def _vit_b_32(folder: Path) -> None:
    CLIPModel(CLIPConfig()).save_pretrained(folder)
    CLIPImageProcessorPil().save_pretrained(folder)


def _siglip(folder: Path) -> None:
    size = {"num_hidden_layers": 2, "num_attention_heads": 4, "hidden_size": 64}
    size |= {"intermediate_size": 128}
    config = SiglipConfig(
        text_config={**size, "projection_size": 64, "vocab_size": 100},
        vision_config={**size, "image_size": 224, "patch_size": 16},
    )
    SiglipModel(config).save_pretrained(folder)
    SiglipImageProcessorPil().save_pretrained(folder)


@pytest.mark.parametrize(("write", "dimensions"), [(_vit_b_32, 512), (_siglip, 64)])
def test_saved_shapes_are_loaded(
    tmp_path: Path, checkpoint: Path, write: object, dimensions: int
) -> None:
    assert callable(write)
    write(tmp_path)
    AutoTokenizer.from_pretrained(checkpoint).save_pretrained(tmp_path)
    encoder = Encoder(tmp_path)
    pixels = torch.stack([encoder.image_input.decode(picture_of("red", n)) for n in range(3)])
    images, texts = (
        encoder.encode_images(pixels),
        encoder.encode_texts(["a red square", "red " * 99]),
    )
    assert images.shape == (3, dimensions)
    assert texts.shape == (2, dimensions)
    assert np.allclose(np.linalg.norm(images, axis=1), 1, atol=1e-5)
    assert Encoder(tmp_path).revision == encoder.revision


def test_weights_that_are_pickled_are_refused(tmp_path: Path, checkpoint: Path) -> None:
    for path in checkpoint.iterdir():
        if path.suffix != ".safetensors":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(SpecError, match="safetensors"):
        Encoder(tmp_path)


def test_another_kind_of_model_is_refused(tmp_path: Path, checkpoint: Path) -> None:
    for path in checkpoint.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    CLIPModel.from_pretrained(checkpoint).vision_model.save_pretrained(tmp_path)
    with pytest.raises(SpecError, match="clip_vision_model"):
        Encoder(tmp_path)


def test_a_large_photo_and_a_palette_are_decoded_and_a_cut_one_is_not(checkpoint: Path) -> None:
    encoder = Encoder(checkpoint)
    file = io.BytesIO()
    Image.new("RGB", (900, 600), (200, 30, 30)).save(file, "JPEG")
    assert encoder.image_input.decode(file.getvalue()).shape == (3, 16, 16)
    palette = io.BytesIO()
    Image.new("P", (5, 9)).save(palette, "PNG")
    assert encoder.image_input.decode(palette.getvalue()).shape == (3, 16, 16)
    with pytest.raises(CannotDecode):
        encoder.image_input.decode(file.getvalue()[:700])

"""Checkpoints as people have them: shapes of CLIP and SigLIP, safetensors only."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sentencepiece import SentencePieceTrainer
from transformers import (
    AutoTokenizer,
    CLIPConfig,
    CLIPModel,
    Siglip2Config,
    Siglip2Model,
    SiglipConfig,
    SiglipModel,
)
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil
from transformers.models.siglip2.image_processing_pil_siglip2 import Siglip2ImageProcessorPil

from clip_checkpoint import picture_of
from mixatlas.contract.errors import SpecError
from mixatlas.corpus.concepts.encoder import CannotDecode, Encoder

pytestmark = pytest.mark.slow


def _vit_b_32(folder: Path, checkpoint: Path) -> None:
    CLIPModel(CLIPConfig()).save_pretrained(folder)
    CLIPImageProcessorPil().save_pretrained(folder)
    AutoTokenizer.from_pretrained(checkpoint).save_pretrained(folder)


def _siglip(folder: Path, checkpoint: Path) -> None:
    size = {"num_hidden_layers": 2, "num_attention_heads": 4, "hidden_size": 64}
    size |= {"intermediate_size": 128}
    config = SiglipConfig(
        text_config={**size, "projection_size": 64, "vocab_size": 100},
        vision_config={**size, "image_size": 224, "patch_size": 16},
    )
    SiglipModel(config).save_pretrained(folder)
    SiglipImageProcessorPil().save_pretrained(folder)
    words = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(["a red square", "a blue circle"] * 9),
        model_writer=words,
        vocab_size=40,
        hard_vocab_limit=False,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        pad_id=-1,
        minloglevel=2,
    )
    (folder / "spiece.model").write_bytes(words.getvalue())
    names = {"eos_token": "</s>", "pad_token": "</s>", "unk_token": "<unk>"}
    settings = names | {"tokenizer_class": "SiglipTokenizer", "model_max_length": 64}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


@pytest.mark.parametrize(("write", "dimensions"), [(_vit_b_32, 512), (_siglip, 64)])
def test_saved_shapes_are_loaded(
    tmp_path: Path, checkpoint: Path, write: Callable[[Path, Path], None], dimensions: int
) -> None:
    write(tmp_path, checkpoint)
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


def test_siglip_reads_words_as_it_was_trained_to(tmp_path: Path, checkpoint: Path) -> None:
    _siglip(tmp_path, checkpoint)
    T_nd = Encoder(tmp_path).encode_texts(["a red square", "A red, square!", "a blue circle"])
    assert np.allclose(T_nd[0], T_nd[1]), "case and punctuation are no matter"
    assert not np.allclose(T_nd[0], T_nd[2])


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


def test_images_of_any_shape_are_not_taken(tmp_path: Path, checkpoint: Path) -> None:
    _siglip(tmp_path, checkpoint)
    size = {"num_hidden_layers": 1, "num_attention_heads": 2, "hidden_size": 64}
    size |= {"intermediate_size": 64}
    text = size | {"projection_size": 64, "vocab_size": 100}
    config = Siglip2Config(text_config=text, vision_config={**size, "num_patches": 16})
    Siglip2Model(config).save_pretrained(tmp_path)
    Siglip2ImageProcessorPil().save_pretrained(tmp_path)
    with pytest.raises(SpecError, match="a model of type 'siglip2'") as error:
        Encoder(tmp_path)
    assert error.value.hint == "Give one of: clip, siglip."


def test_a_library_that_is_missing_is_told(
    tmp_path: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _siglip(tmp_path, checkpoint)

    def without_sentencepiece(*_: object, **__: object) -> None:
        raise ImportError("\nSiglipTokenizer requires the SentencePiece library\n")

    monkeypatch.setattr(AutoTokenizer, "from_pretrained", without_sentencepiece)
    with pytest.raises(SpecError, match="SiglipTokenizer requires the Sent") as error:
        Encoder(tmp_path)
    assert error.value.hint == "pip install 'mixatlas[concepts]'"


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

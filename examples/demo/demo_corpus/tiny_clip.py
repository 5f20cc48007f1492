"""A tiny CLIP, trained on pairs of image and caption, saved as any CLIP checkpoint is."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import CLIPConfig, CLIPModel, PreTrainedTokenizerFast
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

UNKNOWN = {"unk_token": "<unk>"}
PADDING_AND_END = {"pad_token": "<pad>", "eos_token": "<eos>"}
SPECIAL = (*UNKNOWN.values(), *PADDING_AND_END.values())
LONGEST = 16
BATCH = 64


def train_clip(
    folder: Path, pairs: Sequence[tuple[bytes, str]], *, side: int, steps: int, seed: int = 0
) -> None:
    """Train a CLIP of 0.3 million parameters and save it with its processors.

    Args:
        folder: Folder to make.
        pairs: PNG images with captions of plain words.
        side: Edge of the images in pixels, a multiple of 4.
        steps: Batches of 64 pairs.
        seed: Of the weights and the batches.
    """
    torch.manual_seed(seed)
    tokenizer = _tokenizer([caption for _, caption in pairs])
    processor = CLIPImageProcessorPil(
        size={"height": side, "width": side}, do_center_crop=False, crop_size=None
    )
    model = CLIPModel(_config(len(tokenizer), side, tokenizer.eos_token_id))
    images = processor(
        images=[Image.open(io.BytesIO(content)).convert("RGB") for content, _ in pairs],
        return_tensors="pt",
    )["pixel_values"]
    texts = tokenizer(
        [caption for _, caption in pairs],
        padding="max_length",
        truncation=True,
        max_length=LONGEST,
        return_tensors="pt",
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    draw = np.random.default_rng(seed)
    for _ in range(steps):
        chosen = draw.choice(len(pairs), min(BATCH, len(pairs)), replace=False)
        loss = model(
            pixel_values=images[chosen],
            input_ids=texts["input_ids"][chosen],
            attention_mask=texts["attention_mask"][chosen],
            return_loss=True,
        ).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _tokenizer(captions: Sequence[str]) -> PreTrainedTokenizerFast:
    """Return a tokenizer of the captions' lower-case words."""
    words = sorted({word for caption in captions for word in caption.lower().split()})
    vocabulary = {word: index for index, word in enumerate([*SPECIAL, *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, **UNKNOWN))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A <eos>", special_tokens=[("<eos>", vocabulary["<eos>"])]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **UNKNOWN, **PADDING_AND_END)


def _config(n_words: int, side: int, eos: int) -> CLIPConfig:
    size = {"num_hidden_layers": 2, "num_attention_heads": 4, "hidden_size": 64}
    return CLIPConfig(
        projection_dim=48,
        text_config={
            **size,
            "intermediate_size": 128,
            "vocab_size": n_words,
            "max_position_embeddings": LONGEST,
            "projection_dim": 48,
            "eos_token_id": eos,
            "bos_token_id": None,
            "pad_token_id": SPECIAL.index("<pad>"),
        },
        vision_config={
            **size,
            "intermediate_size": 128,
            "image_size": side,
            "patch_size": side // 4,
            "projection_dim": 48,
        },
    )

"""The proxy model: a LLaVA built from a configuration or a checkpoint, and its two uses.

Weights stay in float32. On a GPU (or with `precision: BFloat16`) matrix products run in bfloat16
under autocast: the steps of AdamW at a proxy's learning rates are smaller than the spacing of
bfloat16 weights and would be rounded away, and proxies are small enough for float32 masters.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError
from torch import nn
from torch.nn import functional
from transformers import GenerationConfig, LlavaConfig, LlavaForConditionalGeneration
from transformers.utils.logging import disable_progress_bar

from mixatlas.contract.errors import ContractViolation
from mixatlas.contract.trainer_config import Precision, TrainerConfig
from mixatlas_trainer.collate import MicroBatch
from mixatlas_trainer.images import ImageSettings
from mixatlas_trainer.text import IGNORED, TextEncoder

PREPROCESSOR = "preprocessor_config.json"

# FLOPs a parameter and position: 2 forward, 2 for the gradient of the input, 2 for that of the
# weight (Kaplan et al. 2020, without attention's quadratic part).
_FLOPS_TRAINED = 6
_FLOPS_PASSED = 4
_FLOPS_FORWARD = 2


@dataclass(frozen=True, slots=True)
class TokenLosses:
    """Loss of each supervised token of a micro-batch.

    Attributes:
        nats_k: Negative log-likelihood in nats, float32, with its graph.
        rows_k: Row of the micro-batch that each token belongs to.
    """

    nats_k: torch.Tensor
    rows_k: torch.Tensor


def build_model(config: TrainerConfig, folder: Path | None, *, seed: int) -> ProxyModel:
    """Build the model of a trial.

    Args:
        config: Its `model` is used only without a checkpoint.
        folder: A checkpoint in the Hugging Face layout, safetensors only, or None.
        seed: Draws every weight that no checkpoint gives.

    Raises:
        ContractViolation: Neither is given, or the configuration or the checkpoint cannot be
            used.
    """
    if folder is None and config.model is None:
        raise ContractViolation(
            "trainer.model: there is no base checkpoint and no model.config",
            hint="Give proxy.base.checkpoint, or proxy.trainer.model.config for a base.",
        )
    torch.manual_seed(seed)
    disable_progress_bar()
    try:
        if folder is not None:
            model = LlavaForConditionalGeneration.from_pretrained(
                folder,
                dtype=torch.float32,
                use_safetensors=True,
                local_files_only=True,
                trust_remote_code=False,
            )
        else:
            assert config.model is not None  # noqa: S101  checked above
            model = LlavaForConditionalGeneration(LlavaConfig(**_plain(config.model.config)))
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, SafetensorError) as error:
        field = "base" if folder is not None else "trainer.model.config"
        raise ContractViolation(
            f"{field}: {error}", hint="It must load as LlavaForConditionalGeneration."
        ) from error
    return ProxyModel(model, config, folder)


@final
class ProxyModel:
    """A LLaVA on its device, with the parts that learn set to learn.

    Args:
        model: In float32.
        config: Says which parts learn, and the precision.
        folder: Where `preprocessor_config.json` may lie, or None.
    """

    def __init__(
        self, model: LlavaForConditionalGeneration, config: TrainerConfig, folder: Path | None
    ) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model: nn.Module = model.to(self.device)
        self._llava = model
        for part_config in (model.config, model.config.text_config, model.config.vision_config):
            # Said by loading only, else: a checkpoint would differ by how its model came about.
            part_config.dtype = torch.float32
        # A checkpoint's sampling settings must not reach the scores.
        model.generation_config = GenerationConfig()
        on_gpu = self.device.type == "cuda"
        wanted = config.precision
        self._bfloat16 = wanted is Precision.BFLOAT16 or (wanted is Precision.AUTO and on_gpu)
        self.images = _image_settings(model.config, folder)
        shape = (1, 3, 1, 1)
        self._mean = torch.tensor(self.images.mean, device=self.device).view(shape)
        self._std = torch.tensor(self.images.std, device=self.device).view(shape)
        self._trains = frozenset(config.trainable)
        for part, modules in self._parts().items():
            for module in modules:
                module.requires_grad_(part in self._trains)
        if model.config.tie_word_embeddings:
            model.tie_weights()
        self._counts = self._sizes()

    @property
    def config(self) -> LlavaConfig:
        """The model's configuration."""
        return self._llava.config

    def trained(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Yield names and parameters that learn; tied ones once."""
        return ((n, p) for n, p in self.model.named_parameters() if p.requires_grad)

    def state(self) -> dict[str, torch.Tensor]:
        """Return copies of all weights on the CPU, tied ones once, as a checkpoint holds them."""
        state = self.model.state_dict()
        if self._llava.config.tie_word_embeddings:
            state.pop("lm_head.weight", None)
        return {name: tensor.detach().cpu().clone() for name, tensor in state.items()}

    def check_fits(self, encoder: TextEncoder, image_tokens: int) -> None:
        """Refuse a tokenizer or a corpus that the model cannot take.

        Raises:
            ContractViolation: Vocabulary, `<image>` id or image tokens differ.
        """
        rows = self._llava.get_input_embeddings().weight.shape[0]
        if encoder.size > rows:
            raise ContractViolation(
                f"text_config.vocab_size is {rows}, and the tokenizer has {encoder.size} tokens",
                hint=f"Set it to {encoder.size} or more.",
            )
        if not image_tokens:
            return
        if encoder.image_id != self.config.image_token_id:
            raise ContractViolation(
                f"image_token_index is {self.config.image_token_id}, and the tokenizer's "
                f"<image> is {encoder.image_id}",
                hint=f"Set image_token_index to {encoder.image_id}.",
            )
        actual = self._image_tokens()
        if actual != image_tokens:
            raise ContractViolation(
                f"the model makes {actual} tokens of an image, and the corpus counts "
                f"{image_tokens}",
                hint="Match image_size and patch_size of the vision tower, or pack the corpus "
                f"with imageTokens: {actual}.",
            )

    def token_losses(self, batch: MicroBatch) -> TokenLosses:
        """Run the model forward and return the loss of each supervised token.

        No attention mask is given: padding stands on the right, where the causal mask already
        hides it from every supervised position, and the unmasked kernels are faster. Logits are
        made for supervised positions only: with a real vocabulary they are most of the memory.
        """
        ids_nl = torch.from_numpy(batch.ids_nl).to(self.device)
        targets_nl = torch.from_numpy(batch.labels_nl).to(self.device)[:, 1:]
        at_k = (targets_nl != IGNORED).nonzero(as_tuple=True)
        with self._arithmetic():
            hidden_nld = self._llava.model(
                input_ids=ids_nl, pixel_values=self._normalised(batch.pixels_m), use_cache=False
            ).last_hidden_state
            logits_kv = self._llava.lm_head(hidden_nld[:, :-1][at_k])
        nats_k = functional.cross_entropy(logits_kv.float(), targets_nl[at_k], reduction="none")
        return TokenLosses(nats_k, at_k[0])

    @torch.inference_mode()
    def generate(
        self,
        prompts: Sequence[Sequence[int]],
        pixels_m: npt.NDArray[np.uint8] | None,
        *,
        encoder: TextEncoder,
        max_new_tokens: int,
    ) -> list[str]:
        """Answer prompts greedily, with a key-value cache; each answer ends with the end token.

        Args:
            prompts: Token ids; padded on the left inside.
            pixels_m: uint8 images of the prompts that have one, in their order.
            encoder: Its end token ends an answer.
            max_new_tokens: Longer answers are cut.
        """
        length = max(len(prompt) for prompt in prompts)
        ids_nl = torch.full((len(prompts), length), encoder.pad_id)
        mask_nl = torch.zeros_like(ids_nl)
        for row, prompt in enumerate(prompts):
            ids_nl[row, length - len(prompt) :] = torch.tensor(prompt)
            mask_nl[row, length - len(prompt) :] = 1
        settings = GenerationConfig(
            do_sample=False,
            num_beams=1,
            max_new_tokens=max_new_tokens,
            eos_token_id=encoder.eos_id,
            pad_token_id=encoder.pad_id,
            use_cache=True,
        )
        with self._arithmetic():
            out_nl = self._llava.generate(
                input_ids=ids_nl.to(self.device),
                attention_mask=mask_nl.to(self.device),
                pixel_values=self._normalised(pixels_m),
                generation_config=settings,
            )
        return [encoder.decode(row) for row in _until(out_nl[:, length:].tolist(), encoder.eos_id)]

    def flops(self, batch: MicroBatch) -> float:
        """Return the FLOPs of a training step on a micro-batch: 6·N·T, padding not counted.

        N counts weights that multiply (the embedding table is a look-up unless it is tied to
        the head), T the language model's positions, image positions included. The vision tower
        is counted at its patches. Frozen parts cost 2 forward, and 4 where gradients pass
        through them.
        """
        n_vision, n_projector, n_language = self._counts
        patches = (self.images.size // self.config.vision_config.patch_size) ** 2 * batch.n_images
        learns_below = bool({"vision", "projector"} & self._trains)
        vision = _FLOPS_TRAINED if "vision" in self._trains else _FLOPS_FORWARD
        projector = _factor("projector" in self._trains, "vision" in self._trains)
        language = _factor("language" in self._trains, learns_below)
        return float(
            vision * n_vision * patches
            + projector * n_projector * patches
            + language * n_language * batch.n_positions
        )

    def _sizes(self) -> tuple[int, int, int]:
        counts = {
            part: sum(p.numel() for p in {p for m in modules for p in m.parameters()})
            for part, modules in self._parts().items()
        }
        language = counts["language"]
        if not self._llava.config.tie_word_embeddings:
            language -= self._llava.get_input_embeddings().weight.numel()
        return counts["vision"], counts["projector"], language

    def _parts(self) -> dict[str, list[nn.Module]]:
        inner = self._llava.model
        return {
            "vision": [inner.vision_tower],
            "projector": [inner.multi_modal_projector],
            "language": [inner.language_model, self._llava.lm_head],
        }

    def _normalised(self, pixels_m: npt.NDArray[np.uint8] | None) -> torch.Tensor | None:
        if pixels_m is None:
            return None
        pixels = torch.from_numpy(pixels_m).to(self.device).float().div_(255)
        return (pixels - self._mean) / self._std

    def _arithmetic(self) -> AbstractContextManager[None]:
        if not self._bfloat16:
            return nullcontext()
        context: AbstractContextManager[None] = torch.autocast(self.device.type, torch.bfloat16)
        return context

    @torch.inference_mode()
    def _image_tokens(self) -> int:
        blank = torch.zeros(1, 3, self.images.size, self.images.size, device=self.device)
        features = self._llava.get_image_features(pixel_values=blank).pooler_output
        return int(features[0].shape[0])


def _factor(is_trained: bool, gradients_pass: bool) -> int:
    if is_trained:
        return _FLOPS_TRAINED
    return _FLOPS_PASSED if gradients_pass else _FLOPS_FORWARD


def _until(rows: list[list[int]], end: int) -> list[list[int]]:
    return [row[: row.index(end)] if end in row else row for row in rows]


def _plain(config: Mapping[str, Any]) -> dict[str, Any]:
    # `auto_map` names code to be downloaded; nothing here follows it, and it has no use.
    return {key: value for key, value in config.items() if key != "auto_map"}


def _image_settings(config: LlavaConfig, folder: Path | None) -> ImageSettings:
    size = int(config.vision_config.image_size)
    path = folder / PREPROCESSOR if folder is not None else None
    if path is None or not path.exists():
        return ImageSettings(size=size)
    try:
        told = json.loads(path.read_text("utf-8"))
        mean, std = (tuple(float(x) for x in told[key]) for key in ("image_mean", "image_std"))
        red, green, blue = mean
        red_std, green_std, blue_std = std
    except (ValueError, KeyError, TypeError) as error:
        raise ContractViolation(
            f"base: {PREPROCESSOR}: {error!r}", hint="It must hold image_mean and image_std."
        ) from error
    return ImageSettings(size=size, mean=(red, green, blue), std=(red_std, green_std, blue_std))

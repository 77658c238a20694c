"""A training step of a small Transformer on characters, compared with GPT-2 of that size."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy

from hf_lmcourse.models import TransformerConfig, TransformerForCausalLM

from .memory import Way, compare_ways
from .plain import gpt2, update
from .processor import precisions
from .timing import Comparison
from .tokens import block_cycle, zipf_tokens

__all__ = [
    "TransformerSetting",
    "gpt2_loop",
    "gpt2_model",
    "our_loop",
    "our_model",
    "transformer_step",
]

Tokens = NDArray[np.integer]
Step = Callable[[], float]
_BLOCKS = 30


@dataclass(frozen=True)
class TransformerSetting:
    """The sizes of nanoGPT's recipe for a CPU; see configs/transformer_tiny_shakespeare_cpu.yaml.

    Reference:
        karpathy/nanoGPT, README.md, "I only have a macbook".
    """

    vocabulary: int = 65
    layers: int = 4
    heads: int = 4
    width: int = 128
    length: int = 64
    rows: int = 12
    max_norm: float = 1.0

    def __str__(self) -> str:
        sizes = f"{self.layers} layers, {self.heads} heads, {self.width} wide"
        return f"{sizes}, {self.rows} x {self.length} characters of {self.vocabulary}"


def our_model(setting: TransformerSetting) -> TransformerForCausalLM:
    """Build our Transformer with learned positions, as in GPT-2."""
    torch.manual_seed(0)
    config = TransformerConfig(
        vocab_size=setting.vocabulary,
        hidden_size=setting.width,
        num_hidden_layers=setting.layers,
        num_attention_heads=setting.heads,
        max_position_embeddings=setting.length,
        output_layer="tied",
    )
    return TransformerForCausalLM(config).train()


def gpt2_model(setting: TransformerSetting) -> Any:
    """Build GPT-2 without dropout, as in the recipe."""
    sizes = (setting.vocabulary, setting.width, setting.layers, setting.heads, setting.length)
    return gpt2(*sizes).train()


def our_loop(model: Any, setting: TransformerSetting, tokens: Tokens, bf16: bool) -> Step:
    """Return a function that trains on the next block and returns its loss, in nats per token."""
    optimizer = _optimizer(model)
    blocks = block_cycle(tokens, setting.rows, setting.length)

    def step() -> float:
        inputs, targets = next(blocks)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            loss = model(
                input_ids=inputs, shift_labels=targets, use_cache=False, skip_logits=True
            ).loss
        update(model, optimizer, loss, setting.max_norm)
        return loss.item()

    return step


def gpt2_loop(model: Any, setting: TransformerSetting, tokens: Tokens, bf16: bool) -> Step:
    """Return what `our_loop` does, with the usual cross-entropy of all logits."""
    optimizer = _optimizer(model)
    blocks = block_cycle(tokens, setting.rows, setting.length)

    def step() -> float:
        inputs, targets = next(blocks)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            logits = model(input_ids=inputs, use_cache=False).logits
            loss = cross_entropy(logits.flatten(0, 1), targets.flatten())
        update(model, optimizer, loss, setting.max_norm)
        return loss.item()

    return step


def our_step(setting: TransformerSetting, tokens: Tokens, bf16: bool) -> Step:
    """Return `our_loop` of `our_model`."""
    return our_loop(our_model(setting), setting, tokens, bf16)


def gpt2_step(setting: TransformerSetting, tokens: Tokens, bf16: bool) -> Step:
    """Return `gpt2_loop` of `gpt2_model`."""
    return gpt2_loop(gpt2_model(setting), setting, tokens, bf16)


def transformer_step(
    repeats: int = 9, setting: TransformerSetting | None = None, memory: bool = True
) -> Iterator[Comparison]:
    """Time both sides with the same batches, AdamW and clipping, in float32 and under autocast."""
    setting = setting or TransformerSetting()
    amount = setting.rows * setting.length
    tokens = zipf_tokens(_BLOCKS * amount + 1, setting.vocabulary)
    for precision in precisions():
        ways: dict[str, Way] = {
            "ours": partial(our_step, setting, tokens, precision == "bf16"),
            "GPT-2": partial(gpt2_step, setting, tokens, precision == "bf16"),
        }
        yield compare_ways(
            f"Transformer, training step, {precision}",
            f"{setting}, random",
            ways,
            repeats,
            memory,
            amount=amount,
            unit="tokens",
        )


def _optimizer(model: Any) -> torch.optim.Optimizer:
    """Build the fused AdamW, the default of Trainer."""
    return torch.optim.AdamW(
        model.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=0.1, fused=True
    )

"""Multi-head self-attention."""

import random

import torch
from torch import Tensor

from ..task import Sizes, Task, draw_normal
from .attention_mistakes import ARGUMENTS, ROWS, VARIANTS, reference

__all__ = ["MULTI_HEAD_ATTENTION"]


def _sizes(chance: random.Random) -> Sizes:
    heads = chance.randint(1, 3)
    return {
        "batch": chance.randint(1, 3),
        "length": chance.randint(2, 6),
        "hidden_size": heads * chance.randint(2, 4),
        "num_heads": heads,
        "causal": chance.random() < 0.6,
    }


def _draw(sizes: Sizes, generator: torch.Generator) -> dict[str, Tensor]:
    d = sizes["hidden_size"]
    return draw_normal(
        generator,
        X=(sizes["batch"], sizes["length"], d),
        W_qkv=(3 * d, d),
        b_qkv=(3 * d,),
        W_o=(d, d),
        b_o=(d,),
    )


MULTI_HEAD_ATTENTION = Task(
    name="multi_head_attention",
    arguments=ARGUMENTS,
    outputs=("Y",),
    reference=reference,
    draw=_draw,
    sizes=_sizes,
    special=(
        {"batch": 2, "length": 4, "hidden_size": 6, "num_heads": 2, "causal": True},
        {"batch": 1, "length": 5, "hidden_size": 6, "num_heads": 3, "causal": False},
        {"batch": 2, "length": 3, "hidden_size": 4, "num_heads": 1, "causal": True},
        {"batch": 1, "length": 1, "hidden_size": 4, "num_heads": 2, "causal": True},
    ),
    variants=VARIANTS,
    parameters=("W_qkv", "b_qkv", "W_o", "b_o"),
    constructor=("hidden_size", "num_heads", "causal"),
    blocks={name: ROWS for name in ("W_qkv", "b_qkv")},
)
"""The layer of `hf_lmcourse.layers.attention`, and what is often wrong with one."""

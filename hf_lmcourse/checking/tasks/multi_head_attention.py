"""Multi-head self-attention."""

import math
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ...layers.attention import MultiHeadAttention, attend
from ..task import (
    Function,
    Sizes,
    Task,
    change_arguments,
    draw_normal,
    row_orders,
    transpose_blocks,
    zero,
)

_ARGUMENTS = ("X", "W_qkv", "b_qkv", "W_o", "b_o", "num_heads", "causal")
_ROWS = ("Q", "K", "V")


_Heads = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""The outputs of all heads from Q, K, V and the mask."""


def attention_layer(
    X: Tensor, W_qkv: Tensor, b_qkv: Tensor, W_o: Tensor, b_o: Tensor, heads: int, causal: bool
) -> MultiHeadAttention:
    """Build the package's layer with these very tensors in it, so that gradients reach them."""
    module = MultiHeadAttention(X.shape[-1], heads, causal=causal)
    for linear, W, b in ((module.qkv_proj, W_qkv, b_qkv), (module.o_proj, W_o, b_o)):
        del linear.weight, linear.bias
        linear.weight, linear.bias = W, b  # type: ignore[assignment]
    return module


def _reference(X: Tensor, *parameters: Any) -> tuple[Tensor]:
    return (attention_layer(X, *parameters)(X)[0],)


def _softmax_average(Q: Tensor, K: Tensor, V: Tensor, mask: Tensor) -> Tensor:
    return attend(Q, K, V, mask)[0]


def _altered(
    *,
    heads: _Heads = _softmax_average,
    visible: Callable[[Tensor], Tensor] = torch.tril,
    merged: Callable[[Tensor], Tensor] = lambda Y: Y.transpose(1, 2),
) -> Function:
    """Return attention with one part replaced; with none replaced it is the reference.

    `visible` makes the causal mask from a matrix of ones, and `merged` brings the outputs of shape
    (batch, heads, length, size) to (batch, length, heads, size).
    """

    def attention(X: Tensor, *parameters: Any) -> tuple[Tensor]:
        module = attention_layer(X, *parameters)
        mask = torch.ones(X.shape[1], X.shape[1], dtype=torch.bool)
        if module.is_causal:
            mask = visible(mask)
        return (module.combine(merged(heads(*module.project(X), mask))),)

    return attention


def _scale(scale: Callable[[int, int], float]) -> Function:
    """Multiply the scores by a function of the number of heads and the size of one."""
    return _altered(
        heads=lambda Q, K, V, mask: attend(Q, K, V, mask, scale=scale(Q.shape[1], Q.shape[-1]))[0]
    )


def _scores(Q: Tensor, K: Tensor) -> Tensor:
    return Q @ K.transpose(-2, -1) * Q.shape[-1] ** -0.5


def _softmax_over(dim: int, masked: float = torch.finfo(torch.float64).min) -> _Heads:
    return lambda Q, K, V, mask: torch.softmax(_scores(Q, K).masked_fill(~mask, masked), dim) @ V


def _split(Q: Tensor, K: Tensor, V: Tensor, mask: Tensor, *, interleaved: bool) -> Tensor:
    """Split d into heads in a wrong way, attend, and merge them by the inverse of it."""
    batch, count, length, size = Q.shape

    def cut(tensor: Tensor) -> Tensor:
        flat = tensor.transpose(1, 2).reshape(batch, length, -1)
        if interleaved:
            return flat.view(batch, length, size, count).permute(0, 3, 1, 2)
        return flat.view(batch, count, length, size)

    Y = attend(cut(Q), cut(K), cut(V), mask)[0]
    if interleaved:
        Y = Y.permute(0, 2, 3, 1)
    return Y.reshape(batch, length, count, size).transpose(1, 2)


def _head_by_head(X: Tensor, W_qkv: Tensor, b_qkv: Tensor, *rest: Any) -> tuple[Tensor]:
    """Take the rows of W_qkv head by head: q, k and v of the first head, then of the second."""

    def moved(rows: Tensor) -> Tensor:
        return rows.view(rest[2], 3, -1, *rows.shape[1:]).transpose(0, 1).reshape(rows.shape)

    return _reference(X, moved(W_qkv), moved(b_qkv), *rest)


_with = partial(change_arguments, _reference, _ARGUMENTS)

_VARIANTS: dict[str, Function] = {
    "the scores are not divided by sqrt(d/h)": _scale(lambda heads, size: 1.0),
    "the scores are divided by sqrt(d), not by sqrt(d/h)": _scale(
        lambda heads, size: (heads * size) ** -0.5
    ),
    "the scores are divided by d/h, not by its square root": _scale(lambda heads, size: 1 / size),
    "the scores are divided by d, not by sqrt(d/h)": _scale(lambda heads, size: 1 / (heads * size)),
    "the scores are multiplied by sqrt(d/h), not divided": _scale(lambda heads, size: size**0.5),
    "the scores are divided by sqrt(h), not by sqrt(d/h)": _scale(lambda heads, size: heads**-0.5),
    "the causal mask is missing": _with(causal=lambda causal: False),
    "the causal mask is applied although it is not asked for": _with(causal=lambda causal: True),
    "the causal mask is on the wrong side: positions attend to themselves and what follows": (
        _altered(visible=torch.triu)
    ),
    "the causal mask hides a position from itself": _altered(visible=lambda ones: ones.tril(-1)),
    "the causal mask hides a position from itself, and the first from all": _altered(
        heads=_softmax_over(-1, masked=-math.inf), visible=lambda ones: ones.tril(-1)
    ),
    "the causal mask shows one position of the future": _altered(visible=lambda ones: ones.tril(1)),
    "masked scores are set to zero, not to minus infinity": _altered(
        heads=lambda Q, K, V, mask: torch.softmax(_scores(Q, K) * mask, -1) @ V
    ),
    "the mask is applied after the softmax, so that the weights do not sum to one": _altered(
        heads=lambda Q, K, V, mask: (torch.softmax(_scores(Q, K), -1) * mask) @ V
    ),
    "the softmax runs over the queries, not over the keys": _altered(heads=_softmax_over(-2)),
    "the softmax runs over the heads, not over the keys": _altered(heads=_softmax_over(1)),
    "the softmax runs over the heads, and is nan where all of them are masked": _altered(
        heads=_softmax_over(1, masked=-math.inf)
    ),
    "the softmax is missing": _altered(heads=lambda Q, K, V, mask: (_scores(Q, K) * mask) @ V),
    "the heads' outputs are not concatenated: their axis is not moved back": _altered(
        merged=lambda Y: Y.reshape(Y.shape[0], Y.shape[2], Y.shape[1], Y.shape[3])
    ),
    "the heads' outputs are concatenated in the reverse order": _altered(
        merged=lambda Y: Y.flip(1).transpose(1, 2)
    ),
    "the heads' outputs are interleaved, not concatenated": _altered(
        merged=lambda Y: Y.permute(0, 2, 3, 1).reshape(Y.transpose(1, 2).shape)
    ),
    "the sequence is split into heads, not d": _altered(heads=partial(_split, interleaved=False)),
    "the heads take interleaved components of d, not contiguous blocks": _altered(
        heads=partial(_split, interleaved=True)
    ),
    "there is one head only": _with(num_heads=lambda heads: 1),
    "the rows of W_qkv are taken head by head, not Q, K, V of all heads": _head_by_head,
    **{
        f"the rows of W_qkv are taken to be {', '.join(order)}, not Q, K, V": _with(
            W_qkv=rows, b_qkv=rows
        )
        for order, rows in row_orders(_ROWS).items()
    },
    "the bias b_qkv is omitted": _with(b_qkv=zero),
    "the bias b_o is omitted": _with(b_o=zero),
    "the biases b_qkv and b_o are omitted": _with(b_qkv=zero, b_o=zero),
    "Q, K and V are transposed in W_qkv": _with(W_qkv=partial(transpose_blocks, blocks=3)),
    "W_o is transposed": _with(W_o=torch.t),
    "the output projection is omitted": _with(
        W_o=lambda W: torch.eye(len(W), dtype=W.dtype), b_o=zero
    ),
}


def _sizes(rng: random.Random) -> Sizes:
    heads = rng.randint(1, 3)
    return {
        "batch": rng.randint(1, 3),
        "length": rng.randint(2, 6),
        "hidden_size": heads * rng.randint(2, 4),
        "num_heads": heads,
        "causal": rng.random() < 0.6,
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
    arguments=_ARGUMENTS,
    outputs=("Y",),
    reference=_reference,
    draw=_draw,
    sizes=_sizes,
    special=(
        {"batch": 2, "length": 4, "hidden_size": 6, "num_heads": 2, "causal": True},
        {"batch": 1, "length": 5, "hidden_size": 6, "num_heads": 3, "causal": False},
        {"batch": 2, "length": 3, "hidden_size": 4, "num_heads": 1, "causal": True},
        {"batch": 1, "length": 1, "hidden_size": 4, "num_heads": 2, "causal": True},
    ),
    variants=_VARIANTS,
    parameters=("W_qkv", "b_qkv", "W_o", "b_o"),
    constructor=("hidden_size", "num_heads", "causal"),
    blocks={name: _ROWS for name in ("W_qkv", "b_qkv")},
)
"""The layer of `hf_lmcourse.layers.attention`, and the common mistakes in it."""

"""A pre-normalised Transformer block."""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ...layers.attention import MultiHeadAttention
from ...layers.feed_forward import FeedForward
from ..task import Function, Sizes, Task, change_arguments, draw_normal, zero
from .multi_head_attention import attention_layer

_ARGUMENTS = (
    "X", "W_qkv", "b_qkv", "W_o", "b_o", "W_1", "b_1", "W_2", "b_2",
    "gamma_1", "beta_1", "gamma_2", "beta_2", "num_heads",
)  # fmt: skip
_PARAMETERS = _ARGUMENTS[1:-1]
_EPS = 1e-5

_Branch = Callable[[Tensor], Tensor]


def _feed_forward(W_1: Tensor, b_1: Tensor, W_2: Tensor, b_2: Tensor, name: str) -> FeedForward:
    """Build the package's layer with these very tensors in it."""
    module = FeedForward(W_1.shape[1], W_1.shape[0], name)
    for linear, W, b in ((module.up_proj, W_1, b_1), (module.down_proj, W_2, b_2)):
        del linear.weight, linear.bias
        linear.weight, linear.bias = W, b  # type: ignore[assignment]
    return module


def _pre_normalised(X: Tensor, branch: _Branch, norm: _Branch) -> Tensor:
    return X + branch(norm(X))


def _altered(
    *,
    first: Callable[[Tensor, _Branch, _Branch], Tensor] = _pre_normalised,
    second: Callable[[Tensor, _Branch, _Branch], Tensor] = _pre_normalised,
    activation: str | Callable[[Tensor], Tensor] = "gelu",
    causal: bool = True,
    swapped: bool = False,
) -> Function:
    """Return the block with one part replaced; with none replaced it is the reference."""

    def block(X: Tensor, *given: Any) -> tuple[Tensor]:
        W_qkv, b_qkv, W_o, b_o, W_1, b_1, W_2, b_2, *scales, heads = given
        gamma_1, beta_1, gamma_2, beta_2 = scales
        size = X.shape[-1:]
        mixed: MultiHeadAttention = attention_layer(X, W_qkv, b_qkv, W_o, b_o, heads, causal)
        norms = [
            partial(functional.layer_norm, normalized_shape=size, weight=g, bias=s, eps=_EPS)
            for g, s in ((gamma_1, beta_1), (gamma_2, beta_2))
        ]
        branches: list[_Branch] = [lambda x: mixed(x)[0], lambda x: network(x)]

        def network(x: Tensor) -> Tensor:
            if isinstance(activation, str):
                return _feed_forward(W_1, b_1, W_2, b_2, activation)(x)
            return activation(x @ W_1.t() + b_1) @ W_2.t() + b_2

        if swapped:
            branches.reverse()
            norms.reverse()
        Y = first(X, branches[0], norms[0])
        return (second(Y, branches[1], norms[1]),)

    return block


_reference = _altered()
_with = partial(change_arguments, _reference, _ARGUMENTS)


def _without_residual(X: Tensor, branch: _Branch, norm: _Branch) -> Tensor:
    return branch(norm(X))


def _without_norm(X: Tensor, branch: _Branch, norm: _Branch) -> Tensor:
    return X + branch(X)


def _post_normalised(X: Tensor, branch: _Branch, norm: _Branch) -> Tensor:
    return norm(X + branch(X))


def _of_normalised(X: Tensor, branch: _Branch, norm: _Branch) -> Tensor:
    return norm(X) + branch(norm(X))


def _same_norm(X: Tensor, *given: Any) -> tuple[Tensor]:
    """Normalise both branches with gamma_1 and beta_1."""
    *before, gamma_1, beta_1, _, _, heads = given
    found = _reference(X, *before, gamma_1, beta_1, gamma_1, beta_1, heads)
    return (found[0],)


_VARIANTS: dict[str, Function] = {
    "the norms come after the sums (post-norm), not before the branches": _altered(
        first=_post_normalised, second=_post_normalised
    ),
    "the residual connection around the attention is missing": _altered(first=_without_residual),
    "the residual connection around the feed-forward network is missing": _altered(
        second=_without_residual
    ),
    "both residual connections are missing": _altered(
        first=_without_residual, second=_without_residual
    ),
    "the norm before the attention is missing": _altered(first=_without_norm),
    "the norm before the feed-forward network is missing": _altered(second=_without_norm),
    "the residual connections add the normalised vectors, not the vectors themselves": _altered(
        first=_of_normalised, second=_of_normalised
    ),
    "both norms use gamma_1 and beta_1": _same_norm,
    "the feed-forward network comes before the attention": _altered(swapped=True),
    "the activation is ReLU, not GELU": _altered(activation="relu"),
    "the activation is the tanh approximation of GELU": _altered(
        activation=partial(functional.gelu, approximate="tanh")
    ),
    "the feed-forward network has no activation": _altered(activation=lambda a: a),
    "the causal mask is missing": _altered(causal=False),
    "there is one head only": _with(num_heads=lambda heads: 1),
    "the bias b_1 is omitted": _with(b_1=zero),
    "the bias b_2 is omitted": _with(b_2=zero),
}


def _sizes(rng: random.Random) -> Sizes:
    heads = rng.randint(1, 3)
    return {
        "batch": rng.randint(1, 3),
        "length": rng.randint(2, 5),
        "hidden_size": heads * rng.randint(2, 3),
        "intermediate_size": rng.randint(3, 8),
        "num_heads": heads,
    }


def _draw(sizes: Sizes, generator: torch.Generator) -> dict[str, Tensor]:
    d, wide = sizes["hidden_size"], sizes["intermediate_size"]
    return draw_normal(
        generator,
        X=(sizes["batch"], sizes["length"], d),
        W_qkv=(3 * d, d),
        b_qkv=(3 * d,),
        W_o=(d, d),
        b_o=(d,),
        W_1=(wide, d),
        b_1=(wide,),
        W_2=(d, wide),
        b_2=(d,),
        gamma_1=(d,),
        beta_1=(d,),
        gamma_2=(d,),
        beta_2=(d,),
    )


TRANSFORMER_BLOCK = Task(
    name="transformer_block",
    arguments=_ARGUMENTS,
    outputs=("Y",),
    reference=_reference,
    draw=_draw,
    sizes=_sizes,
    special=(
        {"batch": 2, "length": 4, "hidden_size": 4, "intermediate_size": 4, "num_heads": 2},
        {"batch": 1, "length": 3, "hidden_size": 6, "intermediate_size": 5, "num_heads": 3},
    ),
    variants=_VARIANTS,
    parameters=_PARAMETERS,
    constructor=("hidden_size", "intermediate_size", "num_heads"),
)
"""The block of the package's Transformer, of its own attention and feed-forward layers."""

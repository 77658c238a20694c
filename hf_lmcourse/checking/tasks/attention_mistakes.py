"""Multi-head self-attention by our layer, and what is often wrong with it."""

import math
from collections.abc import Callable
from functools import partial
from itertools import permutations

import torch
from torch import Tensor

from ...layers.attention import MultiHeadAttention, attend
from ..task import Function, reorder_rows, transpose_blocks

__all__ = ["ARGUMENTS", "ROWS", "VARIANTS", "reference"]

ARGUMENTS = ("X", "W_qkv", "b_qkv", "W_o", "b_o", "num_heads", "causal")
ROWS = ("Q", "K", "V")


def _module(
    X: Tensor, W_qkv: Tensor, b_qkv: Tensor, W_o: Tensor, b_o: Tensor, heads: int, causal: bool
) -> MultiHeadAttention:
    """Our layer with these very tensors in it, so that gradients reach them."""
    module = MultiHeadAttention(X.shape[-1], heads, causal=causal)
    for linear, W, b in ((module.qkv_proj, W_qkv, b_qkv), (module.o_proj, W_o, b_o)):
        del linear.weight, linear.bias
        linear.weight, linear.bias = W, b  # type: ignore[assignment]
    return module


def reference(X: Tensor, *parameters: object) -> tuple[Tensor]:
    """The output of our layer. Arguments as in `ARGUMENTS`."""
    return (_module(X, *parameters)(X)[0],)  # type: ignore[arg-type]


def _softmax_average(Q: Tensor, K: Tensor, V: Tensor, mask: Tensor) -> Tensor:
    return attend(Q, K, V, mask)[0]


def _altered(
    X: Tensor,
    *parameters: object,
    heads: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor] = _softmax_average,
    look: Callable[[Tensor, bool], Tensor] = lambda full, causal: full.tril() if causal else full,
    merged: Callable[[Tensor], Tensor] = lambda Y: Y.transpose(1, 2),
) -> tuple[Tensor]:
    """Attention with one thing changed; with nothing changed it is the reference.

    Args:
        X: as in the task.
        *parameters: as in the task.
        heads: the outputs of all heads from Q, K, V and the mask.
        look: which positions a query may look at, from a matrix of all.
        merged: brings (batch, heads, length, size) to (batch, length, heads, size).
    """
    module = _module(X, *parameters)  # type: ignore[arg-type]
    length = X.shape[1]
    mask = look(torch.ones(length, length, dtype=torch.bool), module.is_causal)
    return (module.combine(merged(heads(*module.project(X), mask))),)


def _scaled(
    Q: Tensor, K: Tensor, V: Tensor, mask: Tensor, *, scale: Callable[[int, int], float]
) -> Tensor:
    """Scores times a number made of the number of heads and the size of one."""
    return attend(Q, K, V, mask, scale=scale(Q.shape[1], Q.shape[-1]))[0]


def _scores(Q: Tensor, K: Tensor) -> Tensor:
    return Q @ K.transpose(-2, -1) * Q.shape[-1] ** -0.5


def _zero_scores(Q: Tensor, K: Tensor, V: Tensor, mask: Tensor) -> Tensor:
    return torch.softmax(_scores(Q, K) * mask, -1) @ V


def _masked_weights(Q: Tensor, K: Tensor, V: Tensor, mask: Tensor) -> Tensor:
    return (torch.softmax(_scores(Q, K), -1) * mask) @ V


def _along(
    Q: Tensor,
    K: Tensor,
    V: Tensor,
    mask: Tensor,
    *,
    dim: int,
    masked: float = torch.finfo(torch.float64).min,
) -> Tensor:
    return torch.softmax(_scores(Q, K).masked_fill(~mask, masked), dim) @ V


def _no_softmax(Q: Tensor, K: Tensor, V: Tensor, mask: Tensor) -> Tensor:
    return (_scores(Q, K) * mask) @ V


def _split(Q: Tensor, K: Tensor, V: Tensor, mask: Tensor, *, by: str) -> Tensor:
    """Heads cut out of d in a wrong way, and put back by the opposite of it."""
    batch, count, length, size = Q.shape

    def cut(tensor: Tensor) -> Tensor:
        flat = tensor.transpose(1, 2).reshape(batch, length, -1)
        if by == "turns":
            return flat.view(batch, length, size, count).permute(0, 3, 1, 2)
        return flat.view(batch, count, length, size)

    Y = attend(cut(Q), cut(K), cut(V), mask)[0]
    if by == "turns":
        whole = Y.permute(0, 2, 3, 1).reshape(batch, length, count, size)
        return whole.transpose(1, 2)
    return Y.reshape(batch, length, count, size).transpose(1, 2)


def _with(**changed: Callable[..., object]) -> Function:
    """The reference with some arguments changed."""

    def attention(*arguments: object) -> tuple[Tensor]:
        pairs = zip(ARGUMENTS, arguments, strict=True)
        new = [changed[name](value) if name in changed else value for name, value in pairs]
        return reference(*new)  # type: ignore[arg-type]

    return attention


def _zero(value: Tensor) -> Tensor:
    return 0 * value


def _in_order(order: tuple[str, ...]) -> Function:
    def moved(rows: Tensor) -> Tensor:
        return reorder_rows(rows, order, ROWS)

    return _with(W_qkv=moved, b_qkv=moved)


def _one_head_cut(X: Tensor, W_qkv: Tensor, b_qkv: Tensor, *rest: object) -> tuple[Tensor]:
    """Rows of W_qkv taken head by head: q, k and v of the first head, then of the second."""
    heads = rest[2]
    assert isinstance(heads, int)

    def moved(rows: Tensor) -> Tensor:
        return rows.view(heads, 3, -1, *rows.shape[1:]).transpose(0, 1).reshape(rows.shape)

    return reference(X, moved(W_qkv), moved(b_qkv), *rest)


def _without_output(X: Tensor, *parameters: object) -> tuple[Tensor]:
    W_qkv, b_qkv, W_o, b_o, *rest = parameters
    assert isinstance(W_o, Tensor) and isinstance(b_o, Tensor)
    return reference(X, W_qkv, b_qkv, torch.eye(len(W_o), dtype=W_o.dtype), 0 * b_o, *rest)


def _scale(scale: Callable[[int, int], float]) -> Function:
    return partial(_altered, heads=partial(_scaled, scale=scale))


VARIANTS: dict[str, Function] = {
    "the scores are not divided by sqrt(d/h)": _scale(lambda heads, size: 1.0),
    "the scores are divided by sqrt(d), not by sqrt(d/h)": _scale(
        lambda heads, size: (heads * size) ** -0.5
    ),
    "the scores are divided by d/h, not by its square root": _scale(lambda heads, size: 1 / size),
    "the scores are divided by d, not by sqrt(d/h)": _scale(lambda heads, size: 1 / (heads * size)),
    "the scores are multiplied by sqrt(d/h), not divided": _scale(lambda heads, size: size**0.5),
    "the scores are divided by sqrt(h), not by sqrt(d/h)": _scale(lambda heads, size: heads**-0.5),
    "the causal mask is missing": _with(causal=lambda causal: False),
    "the causal mask is there where it is not asked for": _with(causal=lambda causal: True),
    "the causal mask is on the wrong side: positions look at themselves and what is after": partial(
        _altered, look=lambda full, causal: full.triu() if causal else full
    ),
    "the causal mask hides a position from itself": partial(
        _altered, look=lambda full, causal: full.tril(-1) if causal else full
    ),
    "the causal mask hides a position from itself, and the first from all": partial(
        _altered,
        heads=partial(_along, dim=-1, masked=-math.inf),
        look=lambda full, causal: full.tril(-1) if causal else full,
    ),
    "the causal mask shows one position of the future": partial(
        _altered, look=lambda full, causal: full.tril(1) if causal else full
    ),
    "masked scores are set to zero, not to minus infinity": partial(_altered, heads=_zero_scores),
    "the mask acts after the softmax, so that the weights do not add up to one": partial(
        _altered, heads=_masked_weights
    ),
    "the softmax runs over the queries, not over the keys": partial(
        _altered, heads=partial(_along, dim=-2)
    ),
    "the softmax runs over the heads, not over the keys": partial(
        _altered, heads=partial(_along, dim=1)
    ),
    "the softmax runs over the heads, and is nan where all of them are masked": partial(
        _altered, heads=partial(_along, dim=1, masked=-math.inf)
    ),
    "the softmax is missing": partial(_altered, heads=_no_softmax),
    "the heads' outputs are not put side by side: their axis is not moved back": partial(
        _altered, merged=lambda Y: Y.reshape(Y.shape[0], Y.shape[2], Y.shape[1], Y.shape[3])
    ),
    "the heads' outputs are put side by side in the reverse order": partial(
        _altered, merged=lambda Y: Y.flip(1).transpose(1, 2)
    ),
    "the heads' outputs are dealt out in turns, not put side by side": partial(
        _altered,
        merged=lambda Y: Y.permute(0, 2, 3, 1).reshape(
            Y.shape[0], Y.shape[2], Y.shape[1], Y.shape[3]
        ),
    ),
    "the heads are cut out of the sequence, not out of d": partial(
        _altered, heads=partial(_split, by="sequence")
    ),
    "the heads take the components of d in turns, not in blocks": partial(
        _altered, heads=partial(_split, by="turns")
    ),
    "there is one head only": _with(num_heads=lambda heads: 1),
    "the rows of W_qkv are taken head by head, not Q, K, V of all heads": _one_head_cut,
    **{
        f"the rows of W_qkv are taken to be {', '.join(order)}, not Q, K, V": _in_order(order)
        for order in permutations(ROWS)
        if order != ROWS
    },
    "the bias b_qkv is omitted": _with(b_qkv=_zero),
    "the bias b_o is omitted": _with(b_o=_zero),
    "the biases b_qkv and b_o are omitted": _with(b_qkv=_zero, b_o=_zero),
    "Q, K and V are transposed in W_qkv": _with(W_qkv=lambda W: transpose_blocks(W, 3)),
    "W_o is transposed": _with(W_o=torch.t),
    "the output projection is omitted": _without_output,
}
"""What is often wrong with multi-head attention."""

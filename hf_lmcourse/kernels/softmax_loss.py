"""Cross-entropy of a softmax over the vocabulary, without the whole matrix of logits.

    loss = - sum over tokens with target y of log softmax(W h + b)[y]

The loss works on a chunk of tokens at a time, so that the (tokens x vocabulary) matrix of logits
never exists as a whole: at 33,278 words and 700 tokens it would take 93 MB per copy.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional

from .build import kernel_function
from .logit_chunks import (
    ChunkLogits,
    LayerGradients,
    largest_chunk,
    saved_gradients,
    token_chunks,
)

IGNORED = -100
"""The label of a position that is not predicted, as everywhere in transformers."""


def linear_cross_entropy(
    hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor
) -> Tensor:
    """Compute the summed cross-entropy of a linear output layer.

    Args:
        hidden: The vectors h. Under autocast they decide the precision of the products.
        weight: W.
        bias: b, or `None`.
        targets: Token ids y; `-100` is not counted.

    Returns:
        The sum in nats, in float32 or better. Divide by the number of targets for a mean.

    Shape:
        hidden: (tokens, size); weight: (vocabulary, size); bias: (vocabulary,); targets: (tokens,);
        result: ().
    """
    bias = None if bias is None else bias.to(hidden.dtype)
    weight = weight.to(hidden.dtype)
    return _CrossEntropy.apply(hidden, weight, bias, targets, torch.is_grad_enabled())


def losses_of_logits(
    logits: Tensor, targets: Tensor, label_smoothing: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Compute the summed loss and cross-entropy from logits that are there as a whole.

    Args:
        logits: W h + b.
        targets: Token ids y; `-100` is not counted.
        label_smoothing: Share of each label that is spread over the vocabulary.

    Returns:
        The loss, and without a gradient the cross-entropy of the labels themselves, in nats and in
        float32 or better.

    Shape:
        logits: (tokens, vocabulary); targets: (tokens,); results: ().
    """
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    total = functional.cross_entropy(
        *(logits, targets), ignore_index=IGNORED, reduction="sum", label_smoothing=label_smoothing
    )
    if not label_smoothing:
        return total, total.detach()
    plain = functional.cross_entropy(
        *(logits.detach(), targets), ignore_index=IGNORED, reduction="sum"
    )
    return total, plain


class _CrossEntropy(Function):
    """`linear_cross_entropy`, its gradient computed together with its value.

    With p = softmax(W h + b) and e_y the one-hot target, for one token

        d = p - e_y        dh = W^T d        dW = d h^T        db = d

    which needs the logits only while their chunk is in memory.
    """

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        targets: Tensor,
        with_gradient: bool,
    ) -> Tensor:
        """Sum the losses chunk by chunk, and keep the gradients."""
        tokens, vocabulary = len(hidden), len(weight)
        dtype = torch.promote_types(hidden.dtype, torch.float32)
        total = hidden.new_zeros((), dtype=dtype)
        gradients = None
        if with_gradient and any(ctx.needs_input_grad):
            gradients = LayerGradients(hidden, weight, bias)
        logits = ChunkLogits(weight, bias, dtype, min(tokens, largest_chunk(vocabulary)))
        for chunk in token_chunks(tokens, vocabulary):
            h, y = hidden[chunk], targets[chunk].unsqueeze(-1)  # (rows, size), (rows, 1)
            counted = y != IGNORED
            y = y.where(counted, 0)
            if gradients is None:
                log_p, _ = softmax_in_place(logits.of(h), y)  # (rows, 1)
                total -= log_p.masked_fill(~counted, 0).sum()
                continue
            losses, d = _errors(logits, h, y)  # (rows, 1), (rows, vocabulary)
            total += losses.masked_fill(~counted, 0).sum()
            gradients.enter(chunk, d, counted)
        ctx.save_for_backward(*saved_gradients(gradients))
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Scale the kept gradients by the gradient of whatever the loss went into."""
        kept = (None if g is None else g * grad for g in ctx.saved_tensors)
        return *kept, None, None


def _errors(logits: ChunkLogits, h: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The losses of a chunk, and d = p - e_y in the precision of the products.

    In bfloat16 softmax_kernel.cpp reads the logits once and writes d over them; torch would take
    three copies and four passes.

    Shape:
        h: (rows, size); y, losses: (rows, 1); d: (rows, vocabulary).
    """
    d = logits.products(h)
    compiled = None
    if h.dtype == torch.bfloat16 and not torch.compiler.is_compiling():
        compiled = kernel_function("softmax_kernel", "errors", d)
    if compiled is not None:
        losses = torch.empty_like(y, dtype=torch.float32)
        compiled(d, y.contiguous(), losses, *d.shape)
        return losses, d
    log_p, p = softmax_in_place(logits.exact(d), y)
    return -log_p, logits.rounded(p.scatter_add_(-1, y, p.new_full((), -1).expand_as(y)))


def softmax_in_place(scores: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
    """Log p[y] and p = softmax(scores), which overwrites the scores.

    The normaliser comes from the largest p, at least one over the size of the vocabulary, so that
    log p[y] is exact even if p[y] underflows.

    Shape:
        scores and p: (rows, vocabulary); index and log p[y]: (rows, 1).
    """
    largest, target = scores.amax(-1, keepdim=True), scores.gather(-1, index)
    p = torch.softmax(scores, dim=-1, out=scores)
    return target - largest + p.amax(-1, keepdim=True).log(), p

"""The augmented loss, which also teaches words near the target, without the matrix of logits."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from .logit_chunks import (
    ChunkLogits,
    LayerGradients,
    largest_chunk,
    saved_gradients,
    token_chunks,
)
from .softmax_loss import IGNORED, softmax_in_place


def augmented_cross_entropy(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    targets: Tensor,
    embeddings: Tensor,
    gamma: float,
    temperature: float,
) -> tuple[Tensor, Tensor]:
    """Compute the cross-entropy plus a divergence from the words whose embeddings are near.

    With L the input embeddings, l_y the row of the target y, z = W h + b the logits and T the
    temperature, for one token

        loss = -log softmax(z)[y] + gamma T KL(t || q),      t = softmax(L l_y / T)
                                                             q = softmax(z / T)

    so that words whose embeddings are like the target's share in its probability. The distribution
    t counts as a constant: no gradient goes through it, else the embeddings would move to be easy
    to predict. A step costs one more product of the size of the logits. For training only.

    Args:
        hidden: The vectors h.
        weight: W.
        bias: b, or `None`.
        targets: Token ids y; `-100` is not counted.
        embeddings: L; of a tied output layer it is W.
        gamma: Weight of the divergence, as a share of the temperature.
        temperature: T, above 0.

    Returns:
        The sum in nats, in float32 or better; and, without a gradient, the sum of the
        cross-entropy alone.

    Shape:
        hidden: (tokens, size); weight: (vocabulary, size); bias: (vocabulary,); targets: (tokens,);
        embeddings: (vocabulary, embedding_size); results: ().

    Reference:
        Inan, Khosravi and Socher 2017, Tying Word Vectors and Word Classifiers: A Loss Framework
        for Language Modeling, section 3; alpha there is gamma T.
    """
    dtype = hidden.dtype
    return _AugmentedCrossEntropy.apply(
        hidden,
        weight.to(dtype),
        None if bias is None else bias.to(dtype),
        targets,
        embeddings.detach().to(dtype),
        gamma,
        temperature,
        torch.is_grad_enabled(),
    )


class _AugmentedCrossEntropy(Function):
    """`augmented_cross_entropy`, its gradient computed together with its value.

    With p = softmax(z) and e_y the one-hot target, for one token

        d = p - e_y + gamma (q - t)        dh = W^T d        dW = d h^T        db = d

    since the gradient of KL(t || q) by z is (q - t) / T.
    """

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        targets: Tensor,
        embeddings: Tensor,
        gamma: float,
        temperature: float,
        with_gradient: bool,
    ) -> tuple[Tensor, Tensor]:
        """Sum both losses chunk by chunk, and keep the gradients of the whole."""
        tokens, vocabulary = len(hidden), len(weight)
        dtype = torch.promote_types(hidden.dtype, torch.float32)
        summed, divergence = (hidden.new_zeros((), dtype=dtype) for _ in range(2))
        gradients = None
        if with_gradient and any(ctx.needs_input_grad):
            gradients = LayerGradients(hidden, weight, bias)
        rows = min(tokens, largest_chunk(vocabulary))
        logits, similarities = (
            ChunkLogits(matrix, vector, dtype, rows)
            for matrix, vector in ((weight, bias), (embeddings, None))
        )
        for chunk in token_chunks(tokens, vocabulary):
            h, y = hidden[chunk], targets[chunk].unsqueeze(-1)  # (rows, size), (rows, 1)
            counted = y != IGNORED
            y = y.where(counted, 0)
            z = logits.of(h)  # (rows, vocabulary), as all that follow
            log_t = similarities.of(embeddings[y.squeeze(-1)]).div_(temperature)
            log_t = torch.log_softmax(log_t, dim=-1, out=log_t)
            log_q = torch.log_softmax(z / temperature, dim=-1)
            t = log_t.exp()
            apart = log_t.sub_(log_q).mul_(t).sum(-1, keepdim=True)  # (rows, 1)
            divergence += apart.masked_fill(~counted, 0).sum()
            log_p, d = softmax_in_place(z, y)
            summed -= log_p.masked_fill(~counted, 0).sum()
            if gradients is None:
                continue
            d.add_(log_q.exp_().sub_(t), alpha=gamma)
            d.scatter_add_(-1, y, d.new_full((), -1).expand_as(y))
            gradients.enter(chunk, logits.rounded(d), counted)
        ctx.save_for_backward(*saved_gradients(gradients))
        ctx.mark_non_differentiable(summed)
        return summed + gamma * temperature * divergence, summed

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        """Scale the kept gradients by the gradient of whatever the loss went into."""
        kept = (None if g is None else g * grad for g in ctx.saved_tensors)
        return *kept, None, None, None, None, None

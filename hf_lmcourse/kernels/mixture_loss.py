"""Cross-entropy of a mixture of softmaxes, and of adversarial training, without their logits.

The plain case is in softmax_loss.py.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from .logit_chunks import ChunkLogits, largest_chunk, token_chunks
from .softmax_loss import IGNORED, softmax_in_place


def adversarial_cross_entropy(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    targets: Tensor,
    epsilon: float,
    log_prior: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Compute the cross-entropy at the worst output embedding near the target's own.

    A perturbation of length at most epsilon ||w_y|| is added to w_y, the row of W of the target y:

        loss = max over ||delta|| <= epsilon ||w_y|| of
               - log [ exp((w_y + delta) h + b_y) / (exp((w_y + delta) h + b_y) + rest) ]

    with rest = sum over j != y of exp(w_j h + b_j). The loss falls as the logit of y rises, so the
    worst delta makes delta h as small as it can be. By Cauchy and Schwarz delta h >= -||delta||
    ||h||, with equality at

        delta = - epsilon ||w_y|| h / ||h||

    so the maximum has a closed form: the logit of the target is lowered by epsilon ||w_y|| ||h||,
    and the cost is that of the norms. The radius counts as a constant: no gradient goes through
    ||w_y||, else the model would make its rows short. For training only.

    Args:
        hidden: The vectors h; of a mixture of softmaxes those of every component.
        weight: W.
        bias: b, or `None`.
        targets: Token ids; `-100` is not counted.
        epsilon: The radius as a share of the norm of the target's row; 0 for the plain loss.
        log_prior: Log pi of a mixture, see `mixture_of_softmaxes`. Each component has the worst
            delta of its own, which bounds the worst common one from above.

    Returns:
        The sum in nats, in float32 or better; and, without a gradient, the sum at the unperturbed
        embedding, which is the cross-entropy.

    Shape:
        hidden: (tokens, size), or (tokens, components, size) with log_prior (tokens, components);
        weight: (vocabulary, size); bias: (vocabulary,); targets: (tokens,); results: ().

    Reference:
        Wang, Gong and Liu 2019, Improving Neural Language Modeling via Adversarial Training. Their
        published code spares targets at an obtuse angle to h; the bound holds for these as well.
    """
    bias = None if bias is None else bias.to(hidden.dtype)
    if hidden.ndim == 2:
        hidden = hidden.unsqueeze(1)
    return _MixtureCrossEntropy.apply(
        hidden,
        log_prior,
        weight.to(hidden.dtype),
        bias,
        targets,
        epsilon,
        torch.is_grad_enabled(),
    )


class _MixtureCrossEntropy(Function):
    """Sum of -log sum_k pi_k softmax(W h_k + b)[y], its gradient computed together with its value.

    With p_k = softmax(W h_k + b), e_y the one-hot target and r_k = pi_k p_k[y] / sum_j pi_j p_j[y]
    the share of component k in what the target gets, for one token

        d/d logits_k = r_k (p_k - e_y) = g_k         d/d log pi_k = -r_k
        d/dh_k = W^T g_k                             dW = sum_k g_k h_k^T

    which needs the logits only while their chunk is in memory. The margin of adversarial training,
    d_k = epsilon ||w_y|| ||h_k||, is subtracted from the logit of the target before all this and
    adds -g_k[y] epsilon ||w_y|| h_k / ||h_k|| to d/dh_k.

    Shape:
        hidden: (tokens, components, size); log_prior: (tokens, components), or None for zeros.
    """

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        log_prior: Tensor | None,
        weight: Tensor,
        bias: Tensor | None,
        targets: Tensor,
        epsilon: float,
        with_gradient: bool,
    ) -> tuple[Tensor, Tensor]:
        """Sum the losses with and without the margin; keep the gradients of the former."""
        tokens, components, size = hidden.shape
        dtype = torch.promote_types(hidden.dtype, torch.float32)
        prior = (
            hidden.new_zeros(tokens, components, dtype=dtype) if log_prior is None else log_prior
        )
        with_gradient = with_gradient and any(ctx.needs_input_grad)
        grads = [
            torch.zeros(t.shape, dtype=t.dtype, device=t.device)
            if with_gradient and t is not None
            else None
            for t in (hidden, prior, weight, bias)
        ]
        total, cross_entropy = (hidden.new_zeros((), dtype=dtype) for _ in range(2))
        entries = components * weight.shape[0]
        rows = components * min(tokens, largest_chunk(entries))
        logits = ChunkLogits(weight, bias, dtype, rows)
        for chunk in token_chunks(tokens, entries):
            h = hidden[chunk].reshape(-1, size)
            ignored = targets[chunk] == IGNORED
            index = targets[chunk].masked_fill(ignored, 0)
            index = index.repeat_interleave(components).unsqueeze(-1)
            scores = logits.of(h)
            slope, margin = _margin(h, weight, index, epsilon)
            if margin is not None:
                scores.scatter_add_(-1, index, -margin)
            log_p, p = softmax_in_place(scores, index)
            log_p = log_p.view(-1, components)
            joint = log_p + prior[chunk]
            total -= torch.logsumexp(joint, dim=-1).masked_fill(ignored, 0).sum()
            if margin is not None:
                given_back = joint + _growth(log_p, margin.view_as(log_p))
                log_q = torch.logsumexp(given_back, dim=-1)
                cross_entropy -= log_q.masked_fill(ignored, 0).sum()
            if with_gradient:
                share = torch.softmax(joint, dim=-1).masked_fill(ignored.unsqueeze(-1), 0)
                p.scatter_add_(-1, index, p.new_full((), -1).expand_as(index))
                _add_gradients(grads, chunk, logits.rounded(p), h, weight, index, slope, share)
        if epsilon == 0:
            cross_entropy = total.clone()
        ctx.has_prior = log_prior is not None
        ctx.save_for_backward(*grads)
        ctx.mark_non_differentiable(cross_entropy)
        return total, cross_entropy

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        """Scale the kept gradients by the gradient of whatever the loss went into."""
        d_hidden, d_prior, d_weight, d_bias = (
            None if g is None else g * grad for g in ctx.saved_tensors
        )
        return d_hidden, d_prior if ctx.has_prior else None, d_weight, d_bias, None, None, None


def _margin(
    h: Tensor, weight: Tensor, index: Tensor, epsilon: float
) -> tuple[Tensor | None, Tensor | None]:
    """The gradient epsilon ||w_y|| h / ||h|| of the margin, and the margin."""
    if epsilon == 0:
        return None, None
    dtype = torch.promote_types(h.dtype, torch.float32)
    radius = epsilon * weight[index.squeeze(-1)].to(dtype).norm(dim=-1, keepdim=True)
    length = h.to(dtype).norm(dim=-1, keepdim=True)
    return radius * h / length.clamp(min=torch.finfo(dtype).tiny), radius * length


def _growth(log_p: Tensor, margin: Tensor) -> Tensor:
    """What log p[y] grows by if the margin d is given back: -log(e^-d + p[y] (1 - e^-d))."""
    return -torch.logaddexp(-margin, log_p + torch.log(-torch.expm1(-margin)))


def _add_gradients(
    grads: list[Tensor | None],
    chunk: slice,
    d: Tensor,
    h: Tensor,
    weight: Tensor,
    index: Tensor,
    slope: Tensor | None,
    share: Tensor,
) -> None:
    """Enter a chunk into the gradients of hidden, prior, weight and bias, with d = p - e_y.

    The share multiplies the vectors of the network's width rather than d, which is much wider.
    """
    d_hidden, d_prior, d_weight, d_bias = grads
    assert d_hidden is not None and d_prior is not None and d_weight is not None
    d_prior[chunk] = -share
    share = share.view(-1, 1)
    d_h = torch.mm(d, weight, out=d_hidden[chunk].view_as(h))
    if slope is not None:
        d_h -= d.gather(-1, index) * slope
    d_h *= share
    share = share.to(h.dtype)
    d_weight.addmm_(d.t(), h * share)
    if d_bias is not None:
        d_bias.addmv_(d.t(), share.squeeze(-1))

"""The rank of a model's log-probabilities: what a softmax over narrow vectors cannot exceed."""

import copy
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache

from ..kernels.softmax_loss import IGNORED
from ..models.causal_lm import LanguageModelForCausalLM

__all__ = ["log_probability_matrix", "numerical_rank", "rank_bound"]


@torch.no_grad()
def log_probability_matrix(
    model: LanguageModelForCausalLM, batches: Iterable[dict[str, Tensor]], contexts: int
) -> Tensor:
    """A[t, w] = log p(w | context t) for the first contexts of a text.

    In float64, where rounding is far below what tells ranks apart.

    Args:
        model: in evaluation mode; it is copied.
        batches: of `scoring_data`.
        contexts: how many rows.

    Shape:
        result: (contexts, vocab_size).
    """
    double: Any = copy.deepcopy(model).double()
    state: Cache | None = None
    rows, count = [], 0
    for batch in batches:
        inputs = batch["input_ids"].to(model.device)
        outputs = double.model(input_ids=inputs, past_key_values=state, use_cache=True)
        state = outputs.past_key_values if model.carries_state else None
        kept = outputs.last_hidden_state[batch["shift_labels"].to(model.device) != IGNORED]
        rows.append(torch.log_softmax(double.logits(kept[: contexts - count]), dim=-1))
        count += len(rows[-1])
        if count >= contexts:
            break
    return torch.cat(rows)


def numerical_rank(matrix: Tensor, tolerance: float | None = None) -> int:
    """How many singular values are above what rounding makes of a zero.

        rank = #{ i : s_i > tolerance * s_1 }

    Args:
        matrix: in float64.
        tolerance: by default max(rows, columns) times the machine's epsilon.

    Shape:
        matrix: (rows, columns).
    """
    values = torch.linalg.svdvals(matrix)
    if tolerance is None:
        tolerance = max(matrix.shape) * torch.finfo(matrix.dtype).eps
    return int((values > tolerance * values[0]).sum())


def rank_bound(model: LanguageModelForCausalLM) -> int | None:
    """The greatest rank that log-probabilities of a full or tied softmax can have.

        log p(w | t) = h_t W_w + b_w - log Z_t        rank at most d + 2

    with d the number of columns of W: the product has rank d at most, the biases are one more row
    and the normalisers one more column. A mixture or an adaptive softmax has no such bound.

    Reference:
        Yang, Dai, Salakhutdinov and Cohen 2018, Breaking the Softmax Bottleneck.
    """
    config: Any = model.config
    if config.output_layer == "adaptive" or config.num_softmaxes > 1:
        return None
    head: Any = model.lm_head
    return head.weight.shape[1] + 2

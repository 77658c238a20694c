"""Rank of the log-probabilities of a model: the softmax bottleneck."""

import copy
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader
from transformers import PreTrainedTokenizerBase
from transformers.cache_utils import Cache

from ..data.corpus import Corpus
from ..data.encoding import encode_split
from ..data.streams import context_tokens
from ..evaluation.corpus_scores import scoring_data
from ..kernels.softmax_loss import IGNORED
from ..models.causal_lm import LanguageModelForCausalLM


def log_probability_rank(
    model: LanguageModelForCausalLM,
    tokenizer: PreTrainedTokenizerBase,
    corpus: Corpus,
    split: str,
    contexts: int,
    cache_dir: str | Path | None = None,
) -> tuple[int, tuple[int, ...]]:
    """Compute the numerical rank of `log_probability_matrix` on a split.

        rank = #{ i : s_i > max(rows, columns) * eps * s_1 },    s the singular values

    Args:
        model: The model, in evaluation mode.
        tokenizer: Its tokenizer.
        corpus: The corpus.
        split: "train", "validation" or "test".
        contexts: Number of contexts.
        cache_dir: Folder of tokenized text.

    Returns:
        The rank, and the shape of the matrix.

    Raises:
        LmcourseError: The corpus has no such split.
    """
    tokens = encode_split(corpus, split, tokenizer, cache_dir).tokens
    data = scoring_data(model, tokens, 1, **context_tokens(tokenizer))
    matrix = log_probability_matrix(model, DataLoader(data, batch_size=1), contexts)
    return int(torch.linalg.matrix_rank(matrix)), tuple(matrix.shape)


@torch.no_grad()
def log_probability_matrix(
    model: LanguageModelForCausalLM, batches: Iterable[dict[str, Tensor]], contexts: int
) -> Tensor:
    """Compute A[t, w] = log p(w | context t) in float64 for the first contexts of a text.

    Args:
        model: The model, in evaluation mode; it is copied.
        batches: Batches of `scoring_data`.
        contexts: Number of rows.

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


def rank_bound(model: LanguageModelForCausalLM) -> int | None:
    """Return the upper bound of the rank for a full or tied softmax.

        log p(w | t) = h_t W_w + b_w - log Z_t        rank at most d + 2

    with d the number of columns of W: the product has rank d at most, the biases are one more row
    and the normalisers one more column.

    Returns:
        d + 2, or `None` for a mixture or an adaptive softmax, which have no such bound.

    Reference:
        Yang, Dai, Salakhutdinov and Cohen 2018, Breaking the Softmax Bottleneck.
    """
    config: Any = model.config
    if config.output_layer == "adaptive" or config.num_softmaxes > 1:
        return None
    columns = config.embedding_size if config.output_layer == "tied" else config.output_size
    return int(columns) + 2

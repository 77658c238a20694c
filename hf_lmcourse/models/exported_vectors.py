"""The word vectors that a model has learned."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ..data.word_vectors import WordVectors
from ..errors import LmcourseError
from ..kernels.readable_weights import linear_map, readable


def model_vectors(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, layer: str = "input"
) -> WordVectors:
    """The embeddings of a model's tokens, in the order of their ids.

    Args:
        model: Any model, of this package or not.
        tokenizer: Its own.
        layer: "input", the embeddings; or "output", the rows of the matrix that makes the logits.

    Raises:
        LmcourseError: The model has no such matrix, as one with an adaptive softmax or a
            classifier, or does not say which it is.
    """
    embeddings: Any
    if layer == "input":
        embeddings = input_embeddings(model)
    else:
        embeddings = model.get_output_embeddings()
        if embeddings is None:
            raise LmcourseError(
                f"a {type(model).__name__} like this has no output matrix with a row for each "
                "token: take its input embeddings"
            )
    by_id = sorted((index, word) for word, index in tokenizer.get_vocab().items())
    with torch.no_grad():
        matrix = _rows(embeddings, layer, model).float().cpu().numpy()
    rows = np.array([index for index, _ in by_id], dtype=np.int64)
    return WordVectors([word for _, word in by_id], matrix[rows])


def input_embeddings(model: Any) -> nn.Module:
    """The embeddings of a model's tokens.

    Raises:
        LmcourseError: It does not say which they are, as a module of one's own in a
            `ModuleForCausalLM`.
    """
    try:
        return model.get_input_embeddings()
    except NotImplementedError:
        raise LmcourseError(
            f"a {type(model).__name__} does not say which of its weights are word vectors: define "
            "get_input_embeddings"
        ) from None


def _rows(embeddings: Any, layer: str, model: PreTrainedModel) -> Tensor:
    """The row of each token, with the effect of an adapter. Shape: (vocab_size, size)."""
    if layer == "input":
        return embeddings(torch.arange(model.config.vocab_size, device=model.device))
    if readable(embeddings):
        return embeddings.weight
    like = torch.empty(0, dtype=model.dtype, device=model.device)
    return linear_map(embeddings, like, embeddings.in_features)[0]

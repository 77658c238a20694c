"""From token ids to vectors: embeddings, and what is masked."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..layers.dropout import drop_words


class WordEmbedding(nn.Embedding):
    """Embeddings of which pretrained ones may be frozen.

    Args:
        config: Settings of the model, of which `vocab_size`, `embedding_size`, `sparse_gradients`
            and `freeze_vectors` are read. With the last those of `set_vectors` get no gradient; the
            others are trained.
    """

    has_vector: Tensor

    def __init__(self, config: Any) -> None:
        sparse = config.sparse_gradients
        super().__init__(config.vocab_size, config.embedding_size, sparse=sparse)
        self.freeze_vectors = config.freeze_vectors
        if self.freeze_vectors:
            self.register_buffer("has_vector", torch.zeros(config.vocab_size, dtype=torch.bool))

    @torch.no_grad()
    def set_vectors(self, ids: Tensor, vectors: Tensor) -> None:
        """Replace the vectors of some tokens by pretrained ones.

        Args:
            ids: Of the tokens.
            vectors: Theirs.

        Shape:
            ids: (tokens,); vectors: (tokens, embedding_size).
        """
        self.weight[ids] = vectors.to(self.weight)
        if self.freeze_vectors:
            self.has_vector[ids] = True

    def forward(self, input: Tensor) -> Tensor:
        """The embedding of each token. Shape: (...) in, (..., embedding_size) out."""
        if not self.freeze_vectors:
            return super().forward(input)
        return embedding_rows(self.weight, input, sparse=self.sparse, frozen=self.has_vector)


def embedding_rows(weight: Tensor, ids: Tensor, *, sparse: bool, frozen: Tensor | None) -> Tensor:
    """Rows of an embedding matrix; those of frozen words get no gradient.

    Shape:
        weight: (vocabulary, size); ids: (ids,); frozen: (vocabulary,), boolean;
        result: (ids, size).
    """
    rows = functional.embedding(ids, weight, sparse=sparse)
    if frozen is None:
        return rows
    return torch.where(frozen[ids].unsqueeze(-1), rows.detach(), rows)


def resized(old: Tensor, size: int, fill: float = 0) -> Tensor:
    """What is known of each token of a vocabulary, for one of another size.

    Args:
        old: Of the tokens there were.
        size: How many there are now.
        fill: For the new ones.

    Shape:
        old: (tokens,); result: (size,).
    """
    new = old.new_full((size,), fill)
    kept = min(len(old), size)
    new[:kept] = old[:kept]
    return new


def input_embeddings(
    embed_tokens: nn.Module,
    vocab_size: int,
    input_ids: Tensor | None,
    inputs_embeds: Tensor | None,
    word_dropout: float = 0.0,
) -> Tensor:
    """The embeddings, looked up if ids are given.

    Args:
        embed_tokens: The embeddings of tokens, which may be wrapped.
        vocab_size: Number of tokens.
        input_ids: Token ids; exactly one of these and `inputs_embeds`.
        inputs_embeds: Embeddings, returned as they are.
        word_dropout: Probability that a word is dropped in training, see `drop_words`.

    Raises:
        ValueError: Both or neither of `input_ids` and `inputs_embeds`.
        IndexError: A token id outside the vocabulary.

    Shape:
        input_ids: (batch, length); inputs_embeds, result: (batch, length, embedding_size).
    """
    if inputs_embeds is not None and input_ids is None:
        return inputs_embeds
    if input_ids is None or inputs_embeds is not None:
        raise ValueError("give exactly one of input_ids and inputs_embeds")
    try:
        embeddings = embed_tokens(input_ids)
    except IndexError:
        low, high = input_ids.min().item(), input_ids.max().item()
        raise IndexError(
            f"token ids from {low} to {high} are not all in the vocabulary of "
            f"{vocab_size}: is this the model's own tokenizer?"
        ) from None
    if word_dropout > 0 and embed_tokens.training:
        embeddings = drop_words(embeddings, input_ids, vocab_size, word_dropout)
    return embeddings


def mask_of_new_tokens(attention_mask: Tensor | None, length: int) -> Tensor | None:
    """The part of a mask that is about the new tokens; `None` if nothing is masked.

    The host's `create_recurrent_attention_mask` lets a single masked token through; here a stream
    with padding may be fed token by token too.

    Raises:
        ValueError: A mask of another shape, such as one of queries and keys.

    Shape:
        attention_mask: (batch, seen + length); result: (batch, length).
    """
    if attention_mask is None:
        return None
    if attention_mask.ndim != 2:
        raise ValueError(
            "attention_mask must be (batch, length), 0 at padding, not of shape "
            f"{tuple(attention_mask.shape)}"
        )
    mask = attention_mask[:, -length:]
    if torch.compiler.is_compiling():
        return mask  # a graph cannot ask what is in a tensor
    return None if bool((mask != 0).all()) else mask

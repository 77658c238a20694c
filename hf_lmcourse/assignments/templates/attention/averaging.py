"""The deep averaging network, and the dropout of whole words."""

import torch
from torch import Tensor


def word_dropout(ids: Tensor, E: Tensor, keep: Tensor, p: float) -> Tensor:
    """Return keep[w] E[w] / (1 - p) for every word w of the texts.

    keep is drawn for you, with 0 for a word that is dropped wherever it occurs.

    Shape:
        ids: (texts, length), integers; E: (words, embedding_size); keep: (words,), integers;
        result: (texts, length, embedding_size).
    """
    # BEGIN SOLUTION
    vectors = E * keep.unsqueeze(1) / (1 - p)
    # END SOLUTION
    return vectors[ids]


def dan_forward(
    ids: Tensor, mask: Tensor, E: Tensor, W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor
) -> Tensor:
    """Return the logits of each text.

    With z the mean of E[w] over the words of a text, those whose mask is 1, and 0 without a word,

        hidden = tanh(W1 z + b1)      logits = W2 hidden + b2

    Shape:
        ids, mask: (texts, length), integers; E: (words, embedding_size);
        W1: (hidden_size, embedding_size); b1: (hidden_size,); W2: (classes, hidden_size);
        b2: (classes,); logits: (texts, classes).
    """
    # padding is no word, and a text may have none
    # BEGIN SOLUTION
    total = (E[ids] * mask.unsqueeze(-1)).sum(1)
    z = total / mask.sum(1, keepdim=True).clamp(min=1)
    # END SOLUTION
    hidden = torch.tanh(z @ W1.T + b1)  # SOLUTION
    return hidden @ W2.T + b2  # SOLUTION

"""How much each word and n-gram tells of the class of a text, counted before the training.

With n_c(w) the number of texts of class c that hold w, for each class against the others together

    p = 1 + n_c        q = 1 + sum over the other classes of n        both over all w
    r_c(w) = log( (p(w) / sum of p) / (q(w) / sum of q) )

and the weight of w is the largest |r_c(w)| over the classes: of two classes, which have ratios of
opposite signs, the one that NB-SVM multiplies its features by. The sign is left to the vectors.

Source: Wang and Manning 2012, Baselines and bigrams: simple, good sentiment and topic
classification.
"""

from typing import Any

import torch
from torch import Tensor

from ..data.ragged import RaggedTexts, ragged_batch
from ..kernels.bags import text_of_word
from ..models.dan.modeling_dan import DANModel

__all__ = ["initialise_ratios", "log_count_ratios"]

_TEXTS = 1_000
"""How many are counted in one go."""


def log_count_ratios(counts: Tensor) -> Tensor:
    """The weights of the module docstring.

    Args:
        counts: n_c(w).

    Shape:
        counts: (classes, entries); result: (entries,).
    """
    counts = counts.double()
    inside, others = 1 + counts, 1 + counts.sum(0) - counts
    shares = [(part / part.sum(-1, keepdim=True)).log() for part in (inside, others)]
    return (shares[0] - shares[1]).abs().amax(0)


def initialise_ratios(body: Any, texts: RaggedTexts, classes: int) -> None:
    """Count the training texts, and give a new model its weights.

    Args:
        body: a `DANModel`; nothing happens unless its configuration asks for the ratios.
        texts: to train on.
        classes: how many there are.
    """
    if not (isinstance(body, DANModel) and body.config.log_count_ratios):
        return
    words = torch.zeros(classes, body.config.vocab_size)
    ngrams = torch.zeros(classes, body.config.ngram_buckets)
    for start in range(0, len(texts), _TEXTS):
        rows = [texts[place] for place in range(start, min(start + _TEXTS, len(texts)))]
        batch = ragged_batch(rows)
        ids, lengths = batch["input_ids"], batch["lengths"]
        _count(words, ids, text_of_word(lengths), batch["labels"])
        if found := body.hashed_ngrams(ids, lengths):
            buckets, places = map(torch.cat, zip(*found, strict=True))
            _count(ngrams, buckets, places, batch["labels"])
    body.word_ratios.copy_(log_count_ratios(words))
    body.ngram_ratios.copy_(log_count_ratios(ngrams))


def _count(counts: Tensor, ids: Tensor, text: Tensor, labels: Tensor) -> None:
    """Count each entry once for each text that it stands in."""
    entries = counts.shape[1]
    pairs = torch.unique(text * entries + ids)
    places = labels[pairs // entries] * entries + pairs % entries
    counts.view(-1).index_add_(0, places, torch.ones(len(places)))

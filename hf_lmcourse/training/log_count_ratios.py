"""Log-count ratios: how strongly each word and n-gram indicates a class, from training counts.

With n_c(w) the number of texts of class c that contain w, for each class against the others

    p = alpha + n_c        q = alpha + sum over the other classes of n        both over all w
    r_c(w) = log( (p(w) / sum of p) / (q(w) / sum of q) )

and the weight of w is the largest |r_c(w)| over the classes. For two classes, whose ratios have
opposite signs, this is the weight of NB-SVM; the sign is left to the word vectors. The smoothing
count alpha is 1 there. A larger one trusts rare words less: a word of one text has the ratio
log((alpha + 1) / alpha), 0.69 with alpha = 1 and 0.10 with alpha = 10.

Source: Wang and Manning 2012, Baselines and bigrams: simple, good sentiment and topic
classification.
"""

from typing import Any

import torch
from torch import Tensor

from ..data.ragged import RaggedTexts, ragged_batch
from ..kernels.bags import text_of_word
from ..models.dan.modeling_dan import DANModel

_TEXTS = 1_000
"""Texts per batch of counting."""


def log_count_ratios(counts: Tensor, smoothing: float = 1.0) -> Tensor:
    """Compute the weights of the module docstring.

    Args:
        counts: n_c(w).
        smoothing: alpha, above 0.

    Shape:
        counts: (classes, entries); result: (entries,).
    """
    counts = counts.double()
    inside, others = smoothing + counts, smoothing + counts.sum(0) - counts
    shares = [(part / part.sum(-1, keepdim=True)).log() for part in (inside, others)]
    return (shares[0] - shares[1]).abs().amax(0)


def initialise_ratios(base: Any, texts: RaggedTexts, classes: int) -> None:
    """Count the training texts, and set the weights of a new model.

    Args:
        base: A `DANModel`; nothing happens unless its config sets `log_count_ratios`.
        texts: The training texts.
        classes: Number of classes.
    """
    if not (isinstance(base, DANModel) and base.config.log_count_ratios):
        return
    words = torch.zeros(classes, base.config.vocab_size)
    ngrams = torch.zeros(classes, base.config.ngram_buckets)
    for start in range(0, len(texts), _TEXTS):
        rows = [texts[place] for place in range(start, min(start + _TEXTS, len(texts)))]
        batch = ragged_batch(rows)
        ids, lengths = batch["input_ids"], batch["lengths"]
        _count(words, ids, text_of_word(lengths), batch["labels"])
        if found := base.hashed_ngrams(ids, lengths):
            buckets, places = map(torch.cat, zip(*found, strict=True))
            _count(ngrams, buckets, places, batch["labels"])
    smoothing = base.config.ratio_smoothing
    base.word_ratios.copy_(log_count_ratios(words, smoothing))
    base.ngram_ratios.copy_(log_count_ratios(ngrams, smoothing))


def _count(counts: Tensor, ids: Tensor, text: Tensor, labels: Tensor) -> None:
    """Count each entry once for each text that contains it."""
    entries = counts.shape[1]
    pairs = torch.unique(text * entries + ids)
    places = labels[pairs // entries] * entries + pairs % entries
    counts.view(-1).index_add_(0, places, torch.ones(len(places)))

"""Log-count ratios: how strongly each word and n-gram indicates a class, from training counts.

With n_c(w) the number of texts of class c that contain w, for each class against the others

    p = alpha + n_c        q = alpha + sum over the other classes of n        both over all w
    r_c(w) = log( (p(w) / sum of p) / (q(w) / sum of q) )

and the weight of w is the largest |r_c(w)| over the classes. For two classes, whose ratios have
opposite signs, this is the weight of NB-SVM; the sign is left to the word vectors. The smoothing
count alpha is 1 there. A larger one trusts rare words less: a word of one text has the ratio
log((alpha + 1) / alpha), 0.69 with alpha = 1 and 0.10 with alpha = 10.

A model without hidden layers can start as a naive Bayes classifier, whose logits are the sums of
r_c(w) over the words of a text, and learn to deviate from it.

Source: Wang and Manning 2012, Baselines and bigrams: simple, good sentiment and topic
classification.
"""

import torch
from torch import Tensor
from transformers import PreTrainedModel

from ..data.ragged import RaggedTexts, ragged_batch
from ..errors import LmcourseError
from ..kernels.bags import text_of_word
from ..models.dan.modeling_dan import DANForSequenceClassification, DANModel

_TEXTS = 1_000
"""Texts per batch of counting."""


def signed_ratios(counts: Tensor, smoothing: float = 1.0) -> Tensor:
    """Compute r_c(w) of the module docstring.

    Args:
        counts: n_c(w).
        smoothing: alpha, above 0.

    Shape:
        counts, result: (classes, entries).
    """
    counts = counts.double()
    inside, others = smoothing + counts, smoothing + counts.sum(0) - counts
    shares = [(part / part.sum(-1, keepdim=True)).log() for part in (inside, others)]
    return shares[0] - shares[1]


@torch.no_grad()
def initialise_ratios(model: PreTrainedModel, texts: RaggedTexts) -> None:
    """Count the training texts, and set the weights of a new model.

    With `naive_bayes_start` s also the first C entries of the vectors and of the classifier, as

        v_w = s (r_1(w), ..., r_C(w)) / r_w        W = I - 1/C

    Args:
        model: A `DANForSequenceClassification`; nothing happens to others, or unless its config
            sets `log_count_ratios`.
        texts: The training texts.

    Raises:
        LmcourseError: `naive_bayes_start` with vectors of fewer entries than there are classes.
    """
    if not (isinstance(model, DANForSequenceClassification) and model.config.log_count_ratios):
        return
    base, start = model.model, model.config.naive_bayes_start
    classes = model.classifier.out_features
    if start and model.config.embedding_size < classes:
        raise LmcourseError(
            f"naive_bayes_start needs an embedding_size of at least the {classes} classes, not "
            f"{model.config.embedding_size}"
        )
    words, ngrams = _counts(base, texts, classes)
    tables = [(base.embed_tokens, base.word_ratios, words)]
    if base.config.ngram_buckets:
        tables.append((base.embed_ngrams, base.ngram_ratios, ngrams))
    for embedding, weights, counts in tables:
        ratios = signed_ratios(counts, base.config.ratio_smoothing)  # (classes, entries)
        largest = ratios.abs().amax(0)  # r_w
        weights.copy_(largest)
        if start:
            shares = ratios / torch.where(largest > 0, largest, 1.0)  # 0 if all ratios are
            embedding.weight[:, :classes] = (start * shares).T.to(embedding.weight)
    if start:
        model.classifier.weight[:, :classes] = torch.eye(classes) - 1 / classes


def _counts(base: DANModel, texts: RaggedTexts, classes: int) -> tuple[Tensor, Tensor]:
    """Count the texts of each class with each word and with each n-gram.

    Shape:
        results: (classes, vocab_size), (classes, ngram_buckets).
    """
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
    return words, ngrams


def _count(counts: Tensor, ids: Tensor, text: Tensor, labels: Tensor) -> None:
    """Count each entry once for each text that contains it."""
    entries = counts.shape[1]
    pairs = torch.unique(text * entries + ids)
    places = labels[pairs // entries] * entries + pairs % entries
    counts.view(-1).index_add_(0, places, torch.ones(len(places)))

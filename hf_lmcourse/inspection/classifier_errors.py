"""Errors of a classifier: confusion, calibration, groups of texts, contributions of words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..models.dan import DANForSequenceClassification

NEGATIONS = frozenset(
    "not no never n't nor neither nothing nobody none nowhere without hardly barely scarcely "
    "cannot".split()
)
"""The words that count as negation."""

_TEXTS_AT_ONCE = 200


@dataclass(frozen=True)
class Group:
    """Accuracy and confidence on a group of texts.

    Attributes:
        name: What the texts have in common.
        texts: Number of texts.
        accuracy: Share that is classified correctly; NaN without texts.
        confidence: Mean probability of the predicted class.
    """

    name: str
    texts: int
    accuracy: float
    confidence: float


@dataclass(frozen=True)
class Contributions:
    """Contribution of each word of a text to the log-odds of the predicted class.

    Attributes:
        gradient_times_input: Share of each word in the mean, times the gradient.
        leave_one_out: Decrease of the log-odds without the word.

    Shape:
        both: (words,), in nats.
    """

    gradient_times_input: Tensor
    leave_one_out: Tensor


def log_odds(logits: Tensor, predicted: int | Tensor) -> Tensor:
    """Compute log(p / (1 - p)) with p the probability of the predicted class, in nats.

    A probability near 1 says nothing of what changes it; log-odds do, and are not rounded to 1.

    Args:
        logits: Or log-probabilities.
        predicted: A class, for all texts or for each of them.

    Shape:
        logits: (texts, classes), of at least two classes; result: (texts,).
    """
    chosen = torch.as_tensor(predicted, device=logits.device).expand(len(logits)).unsqueeze(-1)
    others = logits.scatter(-1, chosen, -torch.inf)
    return logits.gather(-1, chosen).squeeze(-1) - others.logsumexp(-1)


def word_contributions(model: DANForSequenceClassification, words: Tensor) -> Contributions:
    """Attribute the predicted class of one text to its words.

    With z the sum of the n vectors v_w of words and n-grams over n^a, where a is the model's
    `length_exponent`, and s(z) the log-odds of the predicted class,

        gradient x input    v_w . ds/dz / n^a,  of an n-gram shared out equally to its words
        leave one out       s(text) - s(text without the word)

    If only distinct words count, the occurrences of a word share its contribution, and all of them
    are left out together.

    Args:
        model: The model, in evaluation mode.
        words: Token ids of the text, at least one.

    Shape:
        words: (words,).
    """
    whole = torch.tensor([len(words)], device=words.device)
    mean = model.model.mean(words, whole).detach().requires_grad_()
    logits = model.classifier(model.model.transform(mean))
    predicted = int(logits.argmax())
    (score,) = log_odds(logits, predicted)
    (gradient,) = torch.autograd.grad(score, mean)
    return Contributions(
        _shares(model, words, gradient[0]),
        score.detach() - log_odds(_without_each(model, words), predicted),
    )


@torch.no_grad()
def _shares(model: DANForSequenceClassification, words: Tensor, gradient: Tensor) -> Tensor:
    """Compute r_w v_w . gradient / n^a for each word, with its part of the n-grams around it."""
    base, distinct = model.model, model.config.distinct_words
    weights = _weights(words, distinct)
    shares = base.scaled_vectors(base.embed_tokens, words) @ gradient * weights
    count = weights.sum()
    whole = torch.tensor([len(words)], device=words.device)
    ngrams = [ids for ids, _ in base.hashed_ngrams(words, whole)]
    # weighted together: a pair and a triple may share a bucket
    weights = _weights(torch.cat([words[:0], *ngrams]), distinct)
    count += weights.sum()
    for n, ids in enumerate(ngrams, start=2):
        here, weights = weights[: len(ids)], weights[len(ids) :]
        part = base.scaled_vectors(base.embed_ngrams, ids) @ gradient * here / n
        for offset in range(n):
            shares[offset : offset + len(ids)] += part
    return shares / count**model.config.length_exponent


def _weights(ids: Tensor, distinct: bool) -> Tensor:
    """Return the weight of each position: 1, or 1 / occurrences of its word."""
    if not distinct:
        return torch.ones(len(ids), device=ids.device)
    _, word, times = ids.unique(return_inverse=True, return_counts=True)
    return 1 / times[word]


@torch.no_grad()
def _without_each(model: DANForSequenceClassification, words: Tensor) -> Tensor:
    """Compute the logits without the first word, without the second, and so on.

    Shape:
        result: (words, classes).
    """
    places, parts = torch.arange(len(words), device=words.device), []
    names = words if model.config.distinct_words else places
    for some in places.split(_TEXTS_AT_ONCE):
        kept = names != names[some].unsqueeze(1)
        ids = words.expand(len(some), -1)[kept]
        parts.append(model(ids, lengths=kept.sum(-1)).logits)
    return torch.cat(parts)


def confusion_matrix(
    predicted: NDArray[np.integer], labels: NDArray[np.integer], classes: int
) -> NDArray[np.int64]:
    """Count the texts by true class (row) and predicted class (column).

    Shape:
        predicted, labels: (texts,); result: (classes, classes).
    """
    return np.bincount(labels * classes + predicted, minlength=classes**2).reshape(classes, classes)


def calibration(
    p: NDArray[np.float64], labels: NDArray[np.integer], bins: int = 10
) -> tuple[list[Group], float]:
    """Compute accuracy by confidence, and the expected calibration error.

        error = sum over bins of texts in it / texts * |accuracy - confidence|

    Args:
        p: Probabilities of the classes.
        labels: True classes.
        bins: Number of bins of equal width.

    Shape:
        p: (texts, classes); labels: (texts,).

    Reference:
        Guo et al. 2017, On calibration of modern neural networks.
    """
    confidence = p.max(-1)
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    groups = [
        _group(f"{b / bins:.0%} to {(b + 1) / bins:.0%}", place == b, p, labels)
        for b in range(bins)
        if (place == b).any()
    ]
    error = sum(g.texts * abs(g.accuracy - g.confidence) for g in groups) / len(p)
    return groups, error


def accuracy_by_length(
    p: NDArray[np.float64],
    labels: NDArray[np.integer],
    lengths: NDArray[np.integer],
    parts: int = 5,
) -> list[Group]:
    """Compute accuracy by length, in groups of about the same number of texts.

    Shape:
        p: (texts, classes); labels, lengths: (texts,), in words.
    """
    borders = np.unique(np.quantile(lengths, np.linspace(0, 1, parts + 1), method="lower"))
    groups = []
    for low, high in zip(borders, borders[1:], strict=False):
        longest = high if high == borders[-1] else high - 1
        name = f"{low} words" if low == longest else f"{low} to {longest} words"
        groups.append(_group(name, (lengths >= low) & (lengths <= longest), p, labels))
    return groups or [_group(f"{borders[0]} words", lengths >= 0, p, labels)]


def accuracy_by_negation(
    p: NDArray[np.float64], labels: NDArray[np.integer], texts: Sequence[Sequence[str]]
) -> list[Group]:
    """Compute accuracy of texts without a word of `NEGATIONS`, with one, and with several.

    Args:
        p: Probabilities of the classes.
        labels: True classes.
        texts: Words of each text.

    Shape:
        p: (texts, classes); labels: (texts,).
    """
    negations = np.array([sum(word in NEGATIONS for word in text) for text in texts])
    return [
        _group("no negation", negations == 0, p, labels),
        _group("one negation", negations == 1, p, labels),
        _group("several negations", negations > 1, p, labels),
    ]


def _group(
    name: str, chosen: NDArray[np.bool_], p: NDArray[np.float64], labels: NDArray[np.integer]
) -> Group:
    some: Any = p[chosen]
    if not len(some):
        return Group(name, 0, float("nan"), float("nan"))
    hits = some.argmax(-1) == labels[chosen]
    return Group(name, len(some), float(hits.mean()), float(some.max(-1).mean()))

"""Class probabilities and metrics of a text classifier."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from ..data.ragged import RaggedTexts, ragged_batch
from ..errors import LmcourseError
from ..metrics import load_metric
from ..models.dan import DANForSequenceClassification

_TEXTS_AT_ONCE = 200


def probabilities(model: DANForSequenceClassification, texts: RaggedTexts) -> NDArray[np.float64]:
    """Compute p(class | text) of every text; see `log_probabilities`.

    Shape:
        result: (texts, classes).
    """
    return np.exp(log_probabilities(model, texts))


@torch.no_grad()
def log_probabilities(
    model: DANForSequenceClassification, texts: RaggedTexts
) -> NDArray[np.float64]:
    """Compute log p(class | text) of every text, in nats.

    Args:
        model: The model, in evaluation mode.
        texts: Texts encoded with its tokenizer.

    Shape:
        result: (texts, classes).

    Raises:
        LmcourseError: A logit is NaN or infinite, because the training diverged.
    """
    parts = []
    for batch in DataLoader(texts, batch_size=_TEXTS_AT_ONCE, collate_fn=ragged_batch):
        inputs = {name: batch[name].to(model.device) for name in ("input_ids", "lengths")}
        logits = model(**inputs).logits.double()
        if not torch.isfinite(logits).all():
            raise LmcourseError(
                "the model gives a text logits that are NaN or infinite: its training diverged, "
                "train it with a lower learning_rate"
            )
        parts.append(logits.log_softmax(-1).cpu())
    return torch.cat(parts).numpy()


def classification_metrics(
    model: DANForSequenceClassification, texts: RaggedTexts
) -> dict[str, float]:
    """Compute the accuracy, and the mean of -log p(true class | text) in nats.

    Args:
        model: The model, in evaluation mode.
        texts: Texts encoded with its tokenizer, at least one.

    Returns:
        `accuracy`, `texts` (their number) and `cross_entropy`.

    Raises:
        LmcourseError: As `log_probabilities`.
    """
    return metrics_of(log_probabilities(model, texts), np.asarray(texts.labels))


def metrics_of(log_p: NDArray[np.float64], labels: NDArray[np.integer]) -> dict[str, float]:
    """The metrics of `classification_metrics` from what `log_probabilities` gives.

    Shape:
        log_p: (texts, classes); labels: (texts,).
    """
    predicted = log_p.argmax(-1)
    accuracy = load_metric("label_accuracy").compute(predictions=predicted, references=labels)
    assert accuracy is not None
    nats = -log_p[np.arange(len(labels)), labels].mean()
    return {**accuracy, "cross_entropy": float(nats)}

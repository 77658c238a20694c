"""Class probabilities and metrics of a text classifier."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from ..data.ragged import RaggedTexts, ragged_batch
from ..metrics import load_metric
from ..models.dan import DANForSequenceClassification

_TEXTS_AT_ONCE = 200


@torch.no_grad()
def probabilities(model: DANForSequenceClassification, texts: RaggedTexts) -> NDArray[np.float64]:
    """Compute p(class | text) of every text.

    Args:
        model: The model, in evaluation mode.
        texts: Texts encoded with its tokenizer.

    Shape:
        result: (texts, classes).
    """
    parts = []
    for batch in DataLoader(texts, batch_size=_TEXTS_AT_ONCE, collate_fn=ragged_batch):
        inputs = {name: batch[name].to(model.device) for name in ("input_ids", "lengths")}
        parts.append(model(**inputs).logits.double().softmax(-1).cpu())
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
    """
    p, labels = probabilities(model, texts), np.asarray(texts.labels)
    accuracy = load_metric("label_accuracy").compute(predictions=p.argmax(-1), references=labels)
    assert accuracy is not None
    nats = -np.log(p[np.arange(len(labels)), labels]).mean()
    return {**accuracy, "cross_entropy": float(nats)}

"""Weights of the classes in the loss, by which each counts as much as the others.

With n texts of C classes and n_c of class c, a text of class c has the weight

    w_c = n / (C n_c)

so that the weights of a class add up to n / C. The classifier learns the classes as if they were
equally frequent, which they may be where it is used.

Source: King and Zeng 2001, Logistic Regression in Rare Events Data, section 4.
"""

import torch
from torch import Tensor
from transformers import PreTrainedModel

from ..data.ragged import RaggedTexts
from ..models.dan.modeling_dan import DANForSequenceClassification


def balanced_weights(labels: Tensor, classes: int) -> Tensor:
    """Compute w_c of the module docstring; 0 for a class without a text.

    Args:
        labels: The class of each text.
        classes: C.

    Shape:
        labels: (texts,); result: (classes,).
    """
    counts = torch.bincount(labels, minlength=classes)
    weights = len(labels) / (classes * counts.clamp(min=1))
    return torch.where(counts > 0, weights, 0.0)


@torch.no_grad()
def initialise_class_weights(model: PreTrainedModel, texts: RaggedTexts) -> None:
    """Count the classes of the training texts, and set the weights of a new model.

    Args:
        model: A `DANForSequenceClassification`; nothing happens to others, or unless its config
            sets `balance_classes`.
        texts: The training texts.
    """
    if isinstance(model, DANForSequenceClassification) and model.config.balance_classes:
        weights = model.class_weights
        weights.copy_(balanced_weights(torch.as_tensor(texts.labels), len(weights)))

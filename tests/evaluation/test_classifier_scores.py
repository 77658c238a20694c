"""The metrics of a classifier against sums by hand."""

import math

import pytest
import torch

from hf_lmcourse import DANConfig, DANForSequenceClassification, LmcourseError
from hf_lmcourse.data.ragged import RaggedTexts
from hf_lmcourse.evaluation.classifier_scores import classification_metrics, probabilities

LENGTHS = (3, 1, 4, 2)


def texts() -> RaggedTexts:
    ids = torch.randint(2, 9, (sum(LENGTHS),), generator=torch.Generator().manual_seed(1))
    borders = torch.tensor([0, *LENGTHS]).cumsum(0)
    return RaggedTexts(ids.int().numpy(), borders.numpy(), [0, 1, 2, 1])


def tiny() -> DANForSequenceClassification:
    torch.manual_seed(0)
    config = DANConfig(vocab_size=9, embedding_size=6, hidden_size=5, num_labels=3)
    return DANForSequenceClassification(config).double().eval()


def test_accuracy_and_cross_entropy_are_those_of_each_text_by_itself() -> None:
    model, right, nats = tiny(), 0, 0.0
    for row in texts():
        words = torch.as_tensor(row["input_ids"])[None].long()
        with torch.no_grad():
            p = model(input_ids=words, attention_mask=torch.ones_like(words)).logits[0].softmax(-1)
        right += int(p.argmax()) == row["labels"]
        nats -= math.log(p[row["labels"]])
    figures = classification_metrics(model, texts())
    assert (figures["accuracy"], figures["texts"]) == (right / 4, 4)
    assert figures["cross_entropy"] == pytest.approx(nats / 4, rel=1e-12)


def test_each_text_has_a_distribution_over_the_classes() -> None:
    p = probabilities(tiny(), texts())
    assert p.shape == (4, 3)
    assert p.sum(-1) == pytest.approx([1.0] * 4)


def test_a_class_that_a_model_rules_out_costs_finitely_many_nats() -> None:
    model = tiny()
    with torch.no_grad():
        model.classifier.weight.zero_()
        model.classifier.bias.copy_(torch.tensor([0.0, 2_000.0, 0.0]))
    figures = classification_metrics(model, texts())
    assert figures["cross_entropy"] == pytest.approx(2_000 * 2 / 4)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_model_that_diverged_has_no_metrics(value: float) -> None:
    model = tiny()
    with torch.no_grad():
        model.classifier.bias[1] = value
    with pytest.raises(LmcourseError, match="NaN or infinite"):
        classification_metrics(model, texts())

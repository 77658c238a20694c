"""Share of correctly classified texts, as an `evaluate` metric."""

import datasets
import evaluate

_DESCRIPTION = """\
Share of texts whose predicted class is the true one: correct texts / texts.
"""

_KWARGS_DESCRIPTION = """
Args:
    predictions (list of int): predicted class of each text.
    references (list of int): true class of each text.
Returns:
    accuracy (float): share of texts where both agree, between 0 and 1.
    texts (int): number of texts.
Examples:
    >>> metric = evaluate.load("label_accuracy")
    >>> metric.compute(predictions=[0, 1, 1], references=[0, 1, 0])
    {'accuracy': 0.6666666666666666, 'texts': 3}
"""

_CITATION = ""


@evaluate.utils.file_utils.add_start_docstrings(_DESCRIPTION, _KWARGS_DESCRIPTION)
class LabelAccuracy(evaluate.Metric):
    """Accuracy = correct texts / texts, over all processes."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation=_CITATION,
            inputs_description=_KWARGS_DESCRIPTION,
            features=datasets.Features(
                {"predictions": datasets.Value("int64"), "references": datasets.Value("int64")}
            ),
        )

    def _compute(self, predictions: list[int], references: list[int]) -> dict[str, float]:
        pairs = list(zip(predictions, references, strict=True))
        return {
            "accuracy": sum(predicted == true for predicted, true in pairs) / len(pairs),
            "texts": len(pairs),
        }

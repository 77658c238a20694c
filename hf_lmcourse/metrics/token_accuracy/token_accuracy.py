"""Share of correctly predicted tokens, from counts, as an `evaluate` metric."""

import datasets
import evaluate

_DESCRIPTION = """\
Share of tokens that a model predicts correctly: sum of correct tokens / sum of tokens, over the
whole corpus. Records carry counts and no predictions, so an evaluation never has to keep logits.
"""

_KWARGS_DESCRIPTION = """
Args:
    predictions (list of int): number of correctly predicted tokens of each record.
    references (list of int): number of predicted tokens of each record.
Returns:
    accuracy (float): sum of predictions / sum of references, between 0 and 1.
    tokens (int): number of predicted tokens.
Examples:
    >>> metric = evaluate.load("token_accuracy")
    >>> metric.compute(predictions=[3, 0], references=[5, 1])
    {'accuracy': 0.5, 'tokens': 6}
"""

_CITATION = ""


@evaluate.utils.file_utils.add_start_docstrings(_DESCRIPTION, _KWARGS_DESCRIPTION)
class TokenAccuracy(evaluate.Metric):
    """Accuracy = correct tokens / tokens, over all records of all processes."""

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
        for correct, tokens in zip(predictions, references, strict=True):
            if not 0 <= correct <= tokens:
                raise ValueError(
                    f"token_accuracy: a record has {correct} correct out of {tokens} tokens; pass"
                    " the number of correct tokens in `predictions`, of all tokens in `references`."
                )
        total = sum(references)
        if total == 0:
            raise ValueError(
                f"token_accuracy: the {len(references)} records add up to no tokens; pass in"
                " `references` how many tokens each record predicted, at least one in all."
            )
        return {"accuracy": sum(predictions) / total, "tokens": total}

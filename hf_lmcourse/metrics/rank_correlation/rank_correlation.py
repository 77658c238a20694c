"""Spearman's rank correlation with its p-value, as an `evaluate` metric."""

import math

import datasets
import evaluate
from scipy import stats

_DESCRIPTION = """\
Spearman's rank correlation between the scores of a model and those of people for the same pairs:
the correlation of the ranks, equal values sharing the mean of their ranks. It measures
whether both rank the pairs in the same order, whatever the scales are.
"""

_KWARGS_DESCRIPTION = """
Args:
    predictions (list of float): scores of the model, such as the cosine of two word vectors.
    references (list of float): scores of people, such as a mean score of similarity.
Returns:
    spearman (float): rank correlation, between -1 and 1; nan if all values of a side are equal.
    p_value (float): two-sided probability of a correlation at least as far from 0 by chance.
    pairs (int): number of pairs.
Examples:
    >>> metric = evaluate.load("rank_correlation")
    >>> result = metric.compute(predictions=[0.1, 0.2, 0.7, 0.3], references=[1.0, 2.0, 9.0, 8.0])
    >>> round(result["spearman"], 6), result["pairs"]
    (1.0, 4)
"""

_CITATION = """\
@article{spearman1904proof,
  title={The Proof and Measurement of Association between Two Things},
  author={Spearman, Charles},
  journal={The American Journal of Psychology},
  volume={15},
  number={1},
  pages={72--101},
  year={1904}
}
"""


@evaluate.utils.file_utils.add_start_docstrings(_DESCRIPTION, _KWARGS_DESCRIPTION)
class RankCorrelation(evaluate.Metric):
    """Spearman's rho = Pearson's r of the ranks, over all processes."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation=_CITATION,
            inputs_description=_KWARGS_DESCRIPTION,
            features=datasets.Features(
                {"predictions": datasets.Value("float64"), "references": datasets.Value("float64")}
            ),
        )

    def _compute(self, predictions: list[float], references: list[float]) -> dict[str, float]:
        if len(predictions) < 3:
            raise ValueError(
                f"rank_correlation: {len(predictions)} pairs have no order to compare; pass at"
                " least 3."
            )
        if not all(map(math.isfinite, [*predictions, *references])):
            raise ValueError(
                "rank_correlation: a value is infinite or NaN and has no rank; leave its pair out."
            )
        results: dict[str, float] = {"pairs": len(predictions)}
        if min(len(set(predictions)), len(set(references))) == 1:  # there is no order at all
            return results | {"spearman": math.nan, "p_value": math.nan}
        rho, p_value = stats.spearmanr(predictions, references)
        return results | {"spearman": float(rho), "p_value": float(p_value)}

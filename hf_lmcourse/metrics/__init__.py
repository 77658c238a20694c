"""Metrics of language models as `evaluate` modules that need no network.

Each is a self-contained folder with its card, which can be given to `evaluate.load` or shared.
"""

from pathlib import Path
from typing import Any

import evaluate

from ..errors import LmcourseError

__all__ = ["METRIC_NAMES", "load_metric"]

METRIC_NAMES = ("corpus_perplexity", "label_accuracy", "rank_correlation", "token_accuracy")


def load_metric(name: str, **kwargs: Any) -> evaluate.Metric:
    """Load a metric of this package from the installed files, without the network.

    Args:
        name: One of `METRIC_NAMES`.
        **kwargs: Arguments of `evaluate.load`, such as `num_process`, `process_id`, `experiment_id`
            and `cache_dir` for an evaluation in several processes.

    Returns:
        The metric, with `add`, `add_batch` and `compute`.

    Raises:
        LmcourseError: If there is no metric of that name.
    """
    if name not in METRIC_NAMES:
        raise LmcourseError(
            f"There is no metric {name!r}; the metrics are {', '.join(METRIC_NAMES)}."
        )
    return evaluate.load(str(Path(__file__).parent / name), **kwargs)

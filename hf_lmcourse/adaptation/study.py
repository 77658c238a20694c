"""What adaptation at test time gains for a saved model, as a study."""

from pathlib import Path
from typing import Any

from ..evaluation.evaluate import Evaluation
from ..report.scoring_study import ScoredVariant, ScoringStudy


def adaptation_study(scored: Evaluation, columns: dict[str, dict[str, Any]]) -> ScoringStudy:
    """The metrics with each adaptation, and without one, as the study adaptation_<model>.

    Args:
        scored: The model without adaptation.
        columns: The metrics of each adaptation, with its `seconds` (tuning included) and
            `settings`.
    """
    parameters = scored.model.num_parameters()
    variants = {"no adaptation": ScoredVariant(scored, scored.seconds, parameters)}
    for name, column in columns.items():
        metrics = {k: v for k, v in column.items() if k not in ("settings", "seconds")}
        variants[name.replace("_", " ")] = ScoredVariant(
            metrics, column["seconds"], parameters, column["settings"]
        )
    return ScoringStudy(
        f"adaptation_{Path(scored.name).name}",
        "adaptation",
        scored.model.config.model_type,
        scored.corpus.name,
        scored.split,
        scored.model.device,
        variants,
    )

"""What adaptation at test time gains for a saved model, as the file of a study."""

from pathlib import Path
from typing import Any

from ..evaluation.evaluate import Evaluation
from ..report.json_files import write_json
from ..report.results import provenance


def save_adaptation_study(
    scored: Evaluation,
    columns: dict[str, dict[str, Any]],
    words: list[str],
    folder: str | Path,
) -> None:
    """Write the metrics with each adaptation, and without one, to adaptation_<model>.json.

    The file is a study whose factor is the adaptation, with one point per way to score.

    Args:
        scored: The model without adaptation.
        columns: The metrics of each adaptation, with its `seconds` (tuning included) and
            `settings`.
        words: The command line that repeats the study.
        folder: Where to write.

    Raises:
        LmcourseError: The file cannot be written.
    """
    about = provenance(words, scored.model.device)
    points = []
    for name, column in {
        "no adaptation": {**scored, "seconds": scored.seconds},
        **{name.replace("_", " "): column for name, column in columns.items()},
    }.items():
        metrics = {k: v for k, v in column.items() if k not in ("settings", "seconds")}
        points.append(
            {
                "variant": name,
                "settings": column.get("settings", {}),
                "seed": None,
                "metrics": {scored.split: metrics},
                "seconds": column["seconds"],
                "parameters": scored.model.num_parameters(),
                **{key: about[key] for key in ("device", "threads", "commit")},
            }
        )
    study = {
        "name": f"adaptation_{Path(scored.name).name}",
        "config": "",
        "command": about["command"],
        "factors": {"adaptation": [point["variant"] for point in points]},
        "metric": "perplexity",
        "model_type": scored.model.config.model_type,
        "corpus": scored.corpus.name,
        "versions": about["versions"],
        "points": points,
    }
    write_json(Path(folder, f"{study['name']}.json"), study)

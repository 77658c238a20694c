"""What adaptation at test time was worth to a saved model, as the file of a study."""

import json
from pathlib import Path
from typing import Any

from ..report.json_files import write_text
from ..report.results import provenance

__all__ = ["adaptation_study", "save_adaptation_study"]

_NONE = "no adaptation"


def adaptation_study(
    model: Any,
    name: str,
    corpus: str,
    split: str,
    words: list[str],
    columns: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    """The figures of each way to adapt beside those of none, in the form of a study.

    Args:
        model: the saved model.
        name: of its run.
        corpus: what was scored.
        split: of the corpus.
        words: the command line that repeats it.
        columns: figures by name, each with its `seconds` (tuning included); "" for none. Those of
            an adaptation also hold its `settings`.

    Returns:
        A study whose factor is the adaptation, with one point for each column.
    """
    about = provenance(words, model.device)
    points = []
    for column, figures in columns.items():
        metrics = {k: v for k, v in figures.items() if k not in ("settings", "seconds")}
        points.append(
            {
                "variant": column.replace("_", " ") or _NONE,
                "settings": figures.get("settings", {}),
                "seed": None,
                "metrics": {split: metrics},
                "seconds": figures["seconds"],
                "parameters": model.num_parameters(),
                **{key: about[key] for key in ("device", "threads", "commit")},
            }
        )
    return {
        "name": f"adaptation_{name}",
        "config": "",
        "command": about["command"],
        "factors": {"adaptation": [point["variant"] for point in points]},
        "metric": "perplexity",
        "model_type": model.config.model_type,
        "corpus": corpus,
        "versions": about["versions"],
        "points": points,
    }


def save_adaptation_study(study: dict[str, Any], folder: str | Path) -> Path:
    """Write it to <name>.json in a folder.

    Raises:
        LmcourseError: the file cannot be written.
    """
    path = Path(folder, f"{study['name']}.json")
    write_text(path, json.dumps(study, indent=2) + "\n")
    return path

"""What adaptation at test time was worth to a saved model, as the file of a study."""

import json
from pathlib import Path
from typing import Any

import torch

from ..errors import LmcourseError
from .results import device_name, environment_versions, git_commit
from .shareable import make_shareable

__all__ = ["adaptation_study", "save_adaptation_study"]

_NONE = "no adaptation"


def adaptation_study(
    model: Any, name: str, corpus: str, split: str, command: str, columns: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """The figures of each way to adapt beside those of none, in the form of a study.

    Args:
        model: the saved model.
        name: of its run.
        corpus: what was scored.
        split: of the corpus.
        command: that repeats it.
        columns: figures by name; "" for none. Those of an adaptation also hold its `settings`.

    Returns:
        A study whose factor is the adaptation, with one point for each column.
    """
    points = []
    for column, figures in columns.items():
        metrics = {key: value for key, value in figures.items() if key != "settings"}
        points.append(
            {
                "variant": column.replace("_", " ") or _NONE,
                "settings": figures.get("settings", {}),
                "seed": None,
                "metrics": {split: metrics},
                "parameters": model.num_parameters(),
                "device": device_name(model.device),
                "threads": torch.get_num_threads(),
                "commit": git_commit(),
            }
        )
    return {
        "name": f"adaptation_{name}",
        "config": "",
        "command": make_shareable(command),
        "factors": {"adaptation": [point["variant"] for point in points]},
        "metric": "perplexity",
        "model_type": model.config.model_type,
        "corpus": corpus,
        "versions": environment_versions(),
        "points": points,
    }


def save_adaptation_study(study: dict[str, Any], folder: str | Path) -> Path:
    """Write it to <name>.json in a folder.

    Raises:
        LmcourseError: the file cannot be written.
    """
    path = Path(folder, f"{study['name']}.json")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(study, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise LmcourseError(f"cannot write {path}: {error.strerror}") from error
    return path

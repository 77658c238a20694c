"""The files of a saved model, read with suspicion: anybody may have written them."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from transformers import PreTrainedModel

from ..errors import LmcourseError, reason

WEIGHTS = "model.safetensors"
"""The name of a file with all weights of a model."""


_JSON_FILES = ("generation_config.json", "tokenizer_config.json", "special_tokens_map.json")
"""Files that a saved model may have next to its config; some libraries ignore a damaged one."""


def read_config(folder: Path) -> dict[str, Any]:
    """Read the config of a saved model.

    Raises:
        LmcourseError: It is missing, not JSON, or not the config of a model.
    """
    path = folder / "config.json"
    if not path.exists():
        raise LmcourseError(f"{folder} has no config.json, so it is not a saved model")
    config = _read_object(path)
    if not isinstance(config.get("model_type", ""), str):
        raise LmcourseError(f"{path} is not the config of a model")
    return config


def check_json_files(folder: Path, names: Iterable[str] = _JSON_FILES) -> None:
    """Refuse a folder with a file that is damaged, or holds something else than settings.

    Raises:
        LmcourseError: With the file.
    """
    for path in [folder / name for name in names]:
        if path.exists():
            _read_object(path)


def _read_object(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LmcourseError(f"cannot read {path}: {reason(error)}") from error
    except (ValueError, RecursionError) as error:
        raise LmcourseError(f"{path} is not a valid JSON file ({error})") from error
    if not isinstance(content, dict):
        raise LmcourseError(f"{path} must hold an object, as it was saved: get the file again")
    return content


def check_readable(folder: Path) -> None:
    """Refuse a folder with a file that may not be read: the libraries would call it missing.

    Raises:
        LmcourseError: With the file and the reason.
    """
    try:
        for path in sorted(folder.iterdir()):
            if path.is_file():
                path.open("rb").close()
    except OSError as error:
        raise LmcourseError(f"cannot read {error.filename}: {reason(error)}") from error


def weight_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The shapes of the weights by name, of which only the header is read.

    Raises:
        LmcourseError: The file is missing or damaged.
    """
    try:
        path.open("rb").close()  # safetensors calls missing what may not be read
        with safe_open(path, framework="pt") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}
    except (OSError, SafetensorError) as error:
        raise LmcourseError(f"the weights {path} are damaged or missing ({error})") from error


def first_difference(model: PreTrainedModel, saved: dict[str, tuple[int, ...]]) -> str | None:
    """The first weight that is missing, unexpected or of another shape than saved."""
    tied = getattr(model, "all_tied_weights_keys", None) or {}
    wanted = {name: tuple(t.shape) for name, t in model.state_dict().items() if name not in tied}
    different = sorted(name for name in wanted if saved.get(name) != wanted[name])
    return next(iter([*different, *sorted(saved.keys() - wanted.keys())]), None)


def check_finite_weights(model: PreTrainedModel, where: str) -> None:
    """Refuse weights that are NaN or infinite, as a training leaves them that diverged.

    Raises:
        LmcourseError: With the name of the first such weight.
    """
    for name, weight in model.named_parameters():
        if weight.is_floating_point() and not weight.isfinite().all():
            raise LmcourseError(
                f"the weights of {where} hold NaN or infinity ({name}), so that it computes "
                "nothing: take an earlier checkpoint, or train again with a lower learning_rate"
            )

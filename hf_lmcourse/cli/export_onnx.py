"""`lmcourse export-onnx`: write a saved model as ONNX files."""

import argparse

from transformers import PreTrainedConfig

from ..errors import LmcourseError
from ..export.onnx import export_onnx
from ..models.families import is_classifier
from ..models.loading import load_classifier, load_language_model

__all__ = ["run"]


def run(arguments: list[str]) -> int:
    """Write the graphs of a model and its tokenizer, and name the files.

    Args:
        arguments: see `lmcourse export-onnx --help`.

    Returns:
        The exit status.
    """
    options = _parser().parse_args(arguments)
    load = load_classifier if _is_classifier(options.model) else load_language_model
    model, tokenizer = load(options.model)
    try:
        paths = export_onnx(model, options.output)
        tokenizer.save_pretrained(options.output)
    except OSError as error:
        raise LmcourseError(f"cannot write to {options.output}: {error.strerror}") from error
    for path in paths:
        print(path)
    return 0


def _is_classifier(name_or_path: str) -> bool:
    try:
        settings, _ = PreTrainedConfig.get_config_dict(name_or_path)
    except (OSError, ValueError):
        return False  # whoever loads it tells what is wrong
    return is_classifier(settings.get("model_type"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("lmcourse export-onnx", description=__doc__)
    parser.add_argument("model", help="run folder, saved model or id on the Hub")
    parser.add_argument(
        "--output",
        required=True,
        help="folder that gets model.onnx, step.onnx (not for a classifier) and the tokenizer",
    )
    return parser

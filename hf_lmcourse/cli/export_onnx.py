"""`lmcourse export-onnx`: export a saved model to ONNX files."""

import argparse

from ..errors import LmcourseError, reason
from ..export.onnx import export_onnx
from ..models.loading import load_model


def run(arguments: list[str]) -> int:
    """Write the graphs of a model and its tokenizer, and print the names of the graphs."""
    options = _parser().parse_args(arguments)
    model, tokenizer = load_model(options.model)
    try:
        paths = export_onnx(model, options.output)
        tokenizer.save_pretrained(options.output)
    except OSError as error:
        raise LmcourseError(f"cannot write to {options.output}: {reason(error)}") from error
    for path in paths:
        print(path)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("lmcourse export-onnx", description=__doc__)
    add = parser.add_argument
    add("model", help="Run folder, saved model or id on the Hub.")
    add(
        "--output",
        required=True,
        help="Folder for model.onnx, step.onnx (not for a classifier) and the tokenizer.",
    )
    return parser

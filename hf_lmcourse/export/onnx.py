"""Export a model to ONNX files, which onnxruntime runs without torch; needs the extra `onnx`."""

import copy
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim
from transformers import PreTrainedModel

from ..errors import LmcourseError
from ..layers.recurrence import DenseRecurrence
from ..models.causal_lm import LanguageModelForCausalLM
from ..models.dan import DANForSequenceClassification
from .graphs import ClassifierGraph, SequenceGraph, StepGraph

MODEL_FILE = "model.onnx"
"""The graph of whole texts."""

STEP_FILE = "step.onnx"
"""The graph of new tokens after a state."""

_BATCH, _LENGTH, _SEEN = 3, 5, 7
_ANY_BATCH, _ANY_LENGTH, _ANY_SEEN = Dim("batch"), Dim("length"), Dim("seen")
"""The dynamic dimensions; the exporter traces with sizes that differ and are neither 0 nor 1."""


@torch.no_grad()
def export_onnx(model: PreTrainedModel, folder: str | Path) -> list[Path]:
    """Export the graphs of a model in float32, with dynamic batch size and length.

    `model.onnx` maps `input_ids` to `logits`; a classifier's also takes an `attention_mask`. A
    causal language model has `step.onnx` too: `input_ids`, and `past.X` for every part X of the
    state, to `logits` and `present.X`. The first past is zeros, or keys and values of length 0.

    Args:
        model: A model of this package.
        folder: The output folder, created if missing.

    Returns:
        The paths of the files.

    Raises:
        LmcourseError: The model is not one of this package or has no causal mask, or the extra is
            not installed.
    """
    if not isinstance(model, LanguageModelForCausalLM | DANForSequenceClassification):
        raise LmcourseError(f"{type(model).__name__} is not one of this package's models")
    if not getattr(model.config, "is_causal", True):
        raise LmcourseError("without a causal mask a model has no state to take a step from")
    if not (find_spec("onnx") and find_spec("onnxscript")):
        raise LmcourseError("ONNX files need onnx and onnxscript: pip install 'hf-lmcourse[onnx]'")
    copied: Any = copy.deepcopy(model).float().cpu().eval()
    for layer in copied.modules():
        if isinstance(layer, DenseRecurrence):
            layer.backend = "native"  # the kernels of torch.nn have no graph with dynamic length
    Path(folder).mkdir(parents=True, exist_ok=True)
    whole = Path(folder, MODEL_FILE)
    tokens, axes = torch.zeros(_BATCH, _LENGTH, dtype=torch.long), {0: _ANY_BATCH, 1: _ANY_LENGTH}
    if isinstance(copied, DANForSequenceClassification):
        texts, names = (tokens, torch.ones_like(tokens)), ["input_ids", "attention_mask"]
        return [_write(whole, ClassifierGraph(copied), texts, (axes, axes), names, ["logits"])]
    graph = SequenceGraph(copied)
    return [
        _write(whole, graph, (tokens,), (axes,), ["input_ids"], ["logits"]),
        _write_step(Path(folder, STEP_FILE), StepGraph(copied), tokens, axes),
    ]


def _write_step(path: Path, graph: StepGraph, tokens: Tensor, axes: dict[int, Any]) -> Path:
    """Export a graph whose arguments are the tokens and the state, if there is one."""
    arguments: tuple[Any, ...] = (tokens,)
    all_axes: tuple[Any, ...] = (axes,)
    if graph.parts:
        arguments += (tuple(part.start(_BATCH, _SEEN) for part in graph.parts),)
        all_axes += (
            tuple(
                {0: _ANY_BATCH} | {i: _ANY_SEEN for i, n in enumerate(part.shape, 1) if n is None}
                for part in graph.parts
            ),
        )
    inputs = ["input_ids", *(f"past.{part.name}" for part in graph.parts)]
    outputs = ["logits", *(f"present.{part.name}" for part in graph.parts)]
    return _write(path, graph, arguments, all_axes, inputs, outputs)


def _write(
    path: Path,
    graph: nn.Module,
    arguments: tuple[Any, ...],
    axes: tuple[Any, ...],
    inputs: list[str],
    outputs: list[str],
) -> Path:
    """Trace a graph with example arguments, save it, and return the path.

    Args:
        path: The file.
        graph: The module to trace.
        arguments: Tensors, and tuples of tensors.
        axes: The dynamic dimensions of each tensor.
        inputs: The names of the input tensors.
        outputs: The names of the output tensors.
    """
    with _quiet():
        program = torch.onnx.export(
            graph.eval(),
            arguments,
            dynamo=True,
            dynamic_shapes=axes,
            input_names=inputs,
            output_names=outputs,
            verbose=False,
        )
        assert program is not None
        program.save(path)
    return path


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence warnings on operators that no model here has, and on torch's own code."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)

"""The weights of a model as a page has them: rounded, and written in base64.

With W a row of a matrix:

    float16    each weight to the nearest float16
    int8       s round(W / s), s = max |W| / 127, a float32 per row; vectors as float16
    float32    as they are
"""

import base64
import copy
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel

from ..errors import LmcourseError

Rounding = Literal["float16", "int8", "float32"]
ROUNDINGS: tuple[Rounding, ...] = ("float16", "int8", "float32")
_LARGEST_INT8 = 127


def written_weights(model: PreTrainedModel, rounding: Rounding) -> dict[str, dict[str, Any]]:
    """Every weight that the model computes with, by its name in the saved file.

    Args:
        model: A model of the package.
        rounding: How the weights are rounded.

    Returns:
        For each tensor its shape, its dtype and base64 of its little-endian values; with int8 also
        the scales of its rows.

    Raises:
        LmcourseError: A weight is too large for float16.
    """
    return {name: _written(name, tensor, rounding) for name, tensor in _weights(model).items()}


@torch.no_grad()
def rounded_model(model: PreTrainedModel, rounding: Rounding) -> PreTrainedModel:
    """A copy of a model in float32 on the CPU, with the weights that `written_weights` writes.

    Raises:
        LmcourseError: A weight is too large for float16.
    """
    rounded = copy.deepcopy(model).float().cpu().eval()
    for name, tensor in _weights(rounded).items():
        values = _restored(_rounded(name, tensor.numpy(), rounding))
        tensor.copy_(torch.from_numpy(values).view_as(tensor))
    return rounded


def _weights(model: PreTrainedModel) -> dict[str, torch.Tensor]:
    """Tensors by name, a tied one once; no flags of training."""
    state = model.state_dict()
    if getattr(model.config, "tie_word_embeddings", False):
        state.pop("lm_head.weight", None)
    return {name: tensor for name, tensor in state.items() if tensor.is_floating_point()}


def _rounded(
    name: str, values: NDArray[np.float32], rounding: Rounding
) -> tuple[NDArray[Any], NDArray[np.float32] | None]:
    """The values in their dtype, rows of a matrix end to end, and the scales of int8."""
    if rounding == "float32":
        return values.astype(np.float32), None
    if rounding == "int8" and values.ndim > 1:
        rows = values.reshape(len(values), -1)  # (rows, columns)
        largest = np.abs(rows).max(axis=1, keepdims=True)
        scales = np.where(largest == 0, 1, largest / _LARGEST_INT8).astype(np.float32)
        return np.rint(rows / scales).astype(np.int8), scales
    with np.errstate(over="ignore"):
        halves = values.astype(np.float16)
    if not np.isfinite(halves).all():
        raise LmcourseError(
            f"{name} has a weight of {np.abs(values).max():.3g}, which float16 cannot hold: write "
            "the page with --float32"
        )
    return halves, None


def _restored(rounded: tuple[NDArray[Any], NDArray[np.float32] | None]) -> NDArray[np.float32]:
    values, scales = rounded
    restored = values.astype(np.float32)
    return restored if scales is None else restored * scales


def _written(name: str, tensor: torch.Tensor, rounding: Rounding) -> dict[str, Any]:
    values, scales = _rounded(name, tensor.float().cpu().numpy(), rounding)
    written = {"shape": list(tensor.shape), "dtype": str(values.dtype), "data": _base64(values)}
    return written if scales is None else {**written, "scales": _base64(scales)}


def _base64(values: NDArray[Any]) -> str:
    little_endian = values.astype(values.dtype.newbyteorder("<"))
    return base64.b64encode(little_endian.tobytes()).decode("ascii")

"""Weights are rounded as the page says, and nothing else of the model is changed."""

import base64

import numpy as np
import pytest
import torch

from hf_lmcourse.browser.weight_rounding import rounded_model, written_weights
from hf_lmcourse.errors import LmcourseError

from ..models.families import FAMILIES, OUTPUT_LAYERS

LSTM = FAMILIES[1]


def test_int8_is_within_half_a_step_of_its_row() -> None:
    model = LSTM.random(std=0.3).float()
    rounded = rounded_model(model, "int8").state_dict()
    for name, tensor in model.state_dict().items():
        if tensor.ndim < 2:
            continue
        step = tensor.abs().amax(1, keepdim=True) / 127
        assert ((tensor - rounded[name]).abs() <= step * 0.5001).all()
        assert (tensor != rounded[name]).any()


def test_rounding_changes_a_copy_and_twice_is_once() -> None:
    model = LSTM.random(std=0.3).float()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    once = rounded_model(model, "float16")
    assert written_weights(once, "float16") == written_weights(model, "float16")
    torch.testing.assert_close(model.state_dict(), before, rtol=0, atol=0)


def test_tied_weights_are_written_once_and_stay_tied() -> None:
    model = LSTM.random(**OUTPUT_LAYERS["tied"]).float()
    assert "lm_head.weight" not in written_weights(model, "float16")
    rounded = rounded_model(model, "int8")
    torch.testing.assert_close(
        rounded.get_input_embeddings().weight, rounded.get_output_embeddings().weight
    )


def test_a_row_of_zeros_stays_zero() -> None:
    model = LSTM.random().float()
    with torch.no_grad():
        model.lm_head.weight[3] = 0
    written = written_weights(model, "int8")["lm_head.weight"]
    scales = np.frombuffer(base64.b64decode(written["scales"]), "<f4")
    assert np.isfinite(scales).all() and (scales > 0).all()
    assert not rounded_model(model, "int8").lm_head.weight[3].any()


@pytest.mark.parametrize("rounding", ["float16", "int8"])
def test_a_weight_that_float16_cannot_hold_is_refused(rounding: str) -> None:
    model = LSTM.random().float()
    with torch.no_grad():
        model.lm_head.bias[0] = 1e5
    with pytest.raises(LmcourseError, match="lm_head.bias .*--float32"):
        written_weights(model, rounding)
    assert written_weights(model, "float32")

"""A student's own names, orders and layouts are not mistakes, and mistakes stay mistakes."""

from pathlib import Path

import pytest

from hf_lmcourse import LmcourseError
from hf_lmcourse.checking import Verdict, check_file
from hf_lmcourse.checking.adapters import read_adapters

pytestmark = pytest.mark.usefixtures("forked_checks")

ADAPTERS = """\
ADAPTERS = {
    "lstm_step": {
        "function": "my_cell",
        "arguments": ("W", "U", "b", "x", "h", "c"),
        "outputs": ["c'", "h'"],
        "blocks": ["i", "f", "o", "g"],
        "layouts": {"W": "transposed", "U": "transposed", "b": "row"},
    },
    "gru_step": {
        "arguments": ["x", "h", "W.z", "W.r", "W.n", "U.z", "U.r", "U.n", "b", "b_h"],
        "layouts": {"x": "transposed", "h": "transposed", "h'": "transposed"},
    },
    "elman_step": {"attributes": {"W": "input.weight", "b": "input.bias", "U": "recurrent"}},
    "one_hidden_layer": {
        "layouts": {"b1": "row", "b2": "row", "d_b1": "row", "d_b2": "column", "x": "transposed"},
    },
}
"""

MINE = """\
import torch
from torch import nn


def my_cell(W, U, b, x, h, c):
    i, f, o, g = (x @ W + h @ U + b).chunk(4, dim=1)
    assert b.shape[0] == 1
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return c, torch.sigmoid(o) * torch.tanh(c)


def gru_step(x, h, W_z, W_r, W_n, U_z, U_r, U_n, b, b_h):  # columns of a matrix are texts
    b_r, b_z, b_n = b.reshape(-1, 1).chunk(3)
    c_r, c_z, c_n = b_h.reshape(-1, 1).chunk(3)
    r = torch.sigmoid(W_r @ x + b_r + U_r @ h + c_r)
    z = torch.sigmoid(W_z @ x + b_z + U_z @ h + c_z)
    n = torch.tanh(W_n @ x + b_n + r * (U_n @ h + c_n))
    return (1 - z) * n + z * h


class ElmanStep(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.input = nn.Linear(input_size, hidden_size)
        self.recurrent = nn.Parameter(torch.zeros(hidden_size, hidden_size))

    def forward(self, x, h):
        return torch.tanh(self.input(x) + h @ self.recurrent.T)


def one_hidden_layer(x, y, W1, b1, W2, b2):
    x = x.T
    h = torch.sigmoid(x @ W1 + b1)
    log_yhat = torch.log_softmax(h @ W2 + b2, dim=1)
    delta2 = (log_yhat.exp() - y) / len(x)
    delta1 = (delta2 @ W2.T) * h * (1 - h)
    biases = delta1.sum(0, keepdim=True), delta2.sum(0).reshape(-1, 1)
    loss = -(y * log_yhat).sum() / len(x)
    return loss, delta1 @ W1.T, x.T @ delta1, biases[0], h.T @ delta2, biases[1]
"""


def checked(folder: Path, source: str, adapters: str = ADAPTERS) -> dict[str, Verdict]:
    (folder / "adapters.py").write_text(adapters, encoding="utf-8")
    (folder / "mine.py").write_text(source, encoding="utf-8")
    return {verdict.task: verdict for verdict in check_file(folder / "mine.py")}


def test_what_is_right_in_another_layout_agrees_with_gradients(tmp_path: Path) -> None:
    found = checked(tmp_path, MINE)
    assert set(found) == {"lstm_step", "gru_step", "elman_step", "one_hidden_layer"}
    for verdict in found.values():
        assert (verdict.agrees, verdict.message) == (True, ""), verdict
    assert {f"dJ/d{name}" for name in "WUbxhc"} <= {
        difference.quantity for difference in found["lstm_step"].differences
    }


def test_a_mistake_in_another_layout_is_the_same_mistake(tmp_path: Path) -> None:
    source = MINE.replace("f) * c + torch.sigmoid(i)", "i) * c + torch.sigmoid(f)")
    source = source.replace("(1 - z) * n + z * h", "z * n + (1 - z) * h")
    found = checked(tmp_path, source)
    assert list(found["lstm_step"].likely) == ["the gates i and f are swapped"]
    (mistake,) = found["gru_step"].likely
    assert mistake.startswith("the update gate is reversed")
    assert found["elman_step"].agrees


def test_arrays_of_numpy_are_laid_out_too(tmp_path: Path) -> None:
    source = (
        "import numpy as np\n\n\ndef elman_step(x, h, W, U, b):\n"
        "    return np.tanh(W @ x + U @ h + b)\n"
    )
    layouts = {"x": "transposed", "h": "transposed", "h'": "transposed", "b": "column"}
    found = checked(tmp_path, source, f"ADAPTERS = {{'elman_step': {{'layouts': {layouts}}}}}")
    assert found["elman_step"].agrees


@pytest.mark.parametrize(
    ("adapters", "message"),
    [
        ("ADAPTERS = {'lstm_stp': {}}", "did you mean lstm_step"),
        ("ADAPTERS = {'lstm_step': {'argumnts': []}}", "did you mean arguments"),
        ("ADAPTERS = {'lstm_step': {'arguments': ['x', 'h']}}", "in arguments, each once: x, h, c"),
        ("ADAPTERS = {'gru_step': {'arguments': ['W.r', 'W.z']}}", "in arguments, each once"),
        ("ADAPTERS = {'lstm_step': {'outputs': ['c']}}", "in outputs, each once: h', c'"),
        ("ADAPTERS = {'lstm_step': {'blocks': ['i', 'f', 'o']}}", "in blocks, each once: i, f"),
        ("ADAPTERS = {'perplexity': {'blocks': ['i']}}", "its rows are no blocks"),
        ("ADAPTERS = {'lstm_step': {'layouts': {'W': 'turned'}}}", "the layout 'turned' for W"),
        ("ADAPTERS = {'lstm_step': {'layouts': {'V': 'row'}}}", "'V', which is no argument"),
        ("ADAPTERS = {'lstm_step': {'attributes': {'x': 'a'}}}", "'x', which is no parameter"),
        ("ADAPTERS = {'lstm_step': {'function': 3}}", "function that must be a str"),
        ("ADAPTERS = {'lstm_step': 3}", "must be a dictionary"),
        ("\nADAPTERS = open('x')", "line 2 of"),
        ("ADAPTERS = {", "has a syntax error"),
    ],
)
def test_an_adapter_that_does_not_fit_is_refused(
    tmp_path: Path, adapters: str, message: str
) -> None:
    path = tmp_path / "adapters.py"
    path.write_text(adapters)
    with pytest.raises(LmcourseError, match="lstm_stp|adapters.py") as caught:
        read_adapters(path)
    assert message in str(caught.value) and len(str(caught.value)) < 300 + len(str(path))


def test_a_function_that_an_adapter_names_must_exist(tmp_path: Path) -> None:
    with pytest.raises(LmcourseError, match="my_cell, which the adapter of lstm_step names"):
        checked(tmp_path, MINE.replace("def my_cell", "def cell"))
    (tmp_path / "other.py").write_text("x = 1\n")
    with pytest.raises(LmcourseError, match="other.py assigns no ADAPTERS"):
        check_file(tmp_path / "mine.py", adapters=tmp_path / "other.py")


IN_SINGLE = """\
import torch


def elman_step(x, h, W, U, b):
    out = torch.zeros(len(x), len(b), dtype=torch.float32)
    return torch.tanh(torch.addmm(out, x, W.T) + h @ U.T + b)


def lstm_step(x, h, c, W, U, b):
    i, f, g, o = (x.float() @ W.float().T + h.float() @ U.float().T + b.float()).chunk(4, dim=1)
    c = torch.sigmoid(f) * c.float() + torch.sigmoid(i) * torch.tanh(g)
    return o * torch.tanh(c), c


def softmax_gradient(z, W, y):
    z, W, y = z.float(), W.float(), y.float()
    d_theta = (torch.softmax(z @ W.T, dim=1) - y) / len(z)
    return d_theta, d_theta.T @ z, d_theta @ W
"""


def test_work_in_float32_is_recognised_and_its_mistakes_too(tmp_path: Path) -> None:
    found = checked(tmp_path, IN_SINGLE, "")
    for name in ("elman_step", "softmax_gradient"):
        assert found[name].agrees, found[name]
        assert "computed in float32" in found[name].message
    assert list(found["lstm_step"].likely) == ["the gate o has no sigmoid"]

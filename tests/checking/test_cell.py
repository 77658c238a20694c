"""A student's step in the place of ours: the same values and gradients, or a sentence."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.checkpoint import checkpoint

from hf_lmcourse import LmcourseError
from hf_lmcourse.checking import cell as cell_module
from hf_lmcourse.checking.cell import load_cell
from hf_lmcourse.checking.compare import Difference, Verdict
from hf_lmcourse.layers.elman import ElmanLayer
from hf_lmcourse.layers.gru import GRULayer
from hf_lmcourse.layers.lstm import LSTMLayer
from hf_lmcourse.layers.recurrence import DenseRecurrence
from hf_lmcourse.models.carried_states import detach_state
from hf_lmcourse.models.char_rnn import CharRNNConfig, CharRNNForCausalLM
from hf_lmcourse.models.gru import GRUConfig, GRUForCausalLM
from hf_lmcourse.models.lstm import LSTMConfig, LSTMForCausalLM
from hf_lmcourse.models.transformer import TransformerConfig

from .solutions import IMPORTS, SOLUTIONS

STEPS: dict[str, Any] = {
    "elman_step": (ElmanLayer, CharRNNConfig()),
    "lstm_step": (LSTMLayer, LSTMConfig()),
    "gru_step": (GRULayer, GRUConfig()),
}

AS_CLASS = """\
class MyLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.x_part = nn.Linear(input_size, 4 * hidden_size)
        self.U = nn.Parameter(torch.randn(4 * hidden_size, hidden_size))

    def forward(self, x, h, c):
        i, f, g, o = (self.x_part(x) + h @ self.U.T).chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c
"""
ATTRIBUTES = {"attributes": {"W": "x_part.weight", "b": "x_part.bias"}}

SWAPPED = """\
def my_lstm(W, U, b, x, c, h):
    a_f, a_i, a_o, a_g = (x @ W + h @ U.T + b).chunk(4, dim=1)
    c = torch.sigmoid(a_f) * c + torch.sigmoid(a_i) * torch.tanh(a_g)
    return c, torch.sigmoid(a_o) * torch.tanh(c)
"""
ORDERS = {
    "arguments": ["W", "U", "b", "x", "c", "h"],
    "outputs": ["c'", "h'"],
    "blocks": ["f", "i", "o", "g"],
    "layouts": {"W": "transposed"},
}


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the check, which takes a process of its own: what a cell computes is tested here."""
    right = Verdict("lstm_step", True, differences=[Difference("dJ/dW", 0.0, "")])
    monkeypatch.setattr(cell_module, "check_file", lambda *_, **__: [right])


def written(folder: Path, source: str, task: str = "", adapter: Any = None) -> Path:
    path = folder / "mine.py"
    path.write_text("import dataclasses\n" + IMPORTS + source)
    if adapter:
        (folder / "adapters.py").write_text(f"ADAPTERS = { ({task: adapter})!r}\n")
    return path


def layers(kind: type[DenseRecurrence], cell: Any) -> tuple[DenseRecurrence, DenseRecurrence]:
    """The same layer twice, once with the cell."""
    torch.manual_seed(3)
    ours = kind(3, 4, backend="native")
    ours.reset_parameters()
    torch.nn.init.normal_(ours.input_projection.bias)
    theirs = copy.deepcopy(ours)
    theirs.cell = cell
    return ours, theirs


def assert_same(kind: type[DenseRecurrence], cell: Any) -> None:
    """Outputs, states and gradients are those of our layer, with a state and with padding."""
    ours, theirs = layers(kind, cell)
    x, mask = torch.randn(2, 5, 3), torch.tensor([[1, 1, 1, 1, 1], [0, 0, 1, 1, 1]])
    state = tuple(torch.randn(2, *shape) for shape in ours.state_shapes)
    for given in ({}, {"state": state, "mask": mask, "every_step": True}):
        grads = []
        for layer in (ours, theirs):
            layer.zero_grad()
            output, after = layer(x, **given)
            (output.sum() + sum(part.square().sum() for part in after)).backward()
            grads.append([output, *after, *(p.grad for p in layer.parameters())])
        torch.testing.assert_close(grads[1], grads[0])


@pytest.mark.parametrize("task", STEPS)
@pytest.mark.usefixtures("unchecked")
def test_a_solution_computes_what_our_layer_computes(task: str, tmp_path: Path) -> None:
    kind, config = STEPS[task]
    path = written(tmp_path, SOLUTIONS[task])
    assert_same(kind, load_cell(f"{path}:{task}", config))


@pytest.mark.parametrize(
    ("source", "name", "adapter"), [(AS_CLASS, "MyLSTM", ATTRIBUTES), (SWAPPED, "my_lstm", ORDERS)]
)
@pytest.mark.usefixtures("unchecked")
def test_classes_and_other_layouts_compute_the_same(
    source: str, name: str, adapter: Any, tmp_path: Path
) -> None:
    path = written(tmp_path, source, "lstm_step", adapter)
    before = torch.get_rng_state()
    cell = load_cell(f"{path}:{name}", LSTMConfig())
    assert torch.equal(torch.get_rng_state(), before)
    assert_same(LSTMLayer, cell)


@pytest.mark.usefixtures("unchecked")
def test_weight_drop_reaches_the_cell_and_a_copy_of_the_layer_computes_the_same(
    tmp_path: Path,
) -> None:
    path = written(tmp_path, AS_CLASS, "lstm_step", ATTRIBUTES)
    ours, theirs = layers(LSTMLayer, load_cell(f"{path}:MyLSTM", LSTMConfig()))
    x, outputs = torch.randn(2, 5, 3), []
    for layer in (ours, theirs, copy.deepcopy(theirs)):
        layer.recurrent_dropout = 0.5
        torch.manual_seed(5)
        outputs.append(layer(x)[0])
        assert set(layer.state_dict()) == set(ours.state_dict())
    torch.testing.assert_close(outputs[1], outputs[0])
    assert torch.equal(outputs[2], outputs[1])
    theirs.recurrent_dropout = 0.0
    assert not torch.allclose(theirs(x)[0], outputs[1])


MODELS: dict[str, Any] = {
    "elman_step": (CharRNNForCausalLM, CharRNNConfig),
    "lstm_step": (LSTMForCausalLM, LSTMConfig),
    "gru_step": (GRUForCausalLM, GRUConfig),
}


@pytest.mark.parametrize("backend", ["native", "torch"])
@pytest.mark.parametrize("task", MODELS)
@pytest.mark.usefixtures("unchecked")
def test_a_solution_trains_to_our_weights(task: str, backend: str, tmp_path: Path) -> None:
    """Two layers, dropout of both kinds, and a state that is carried from block to block."""
    model_class, config_class = MODELS[task]
    dropouts = {"output_dropout": 0.2, "recurrent_dropout": 0.3, "backend": backend}
    config = config_class(vocab_size=9, hidden_size=6, num_hidden_layers=2, **dropouts)
    cell = load_cell(f"{written(tmp_path, SOLUTIONS[task])}:{task}", config)
    text = torch.randint(9, (4, 41), generator=torch.Generator().manual_seed(1))
    losses, weights = [], []
    for own in (False, True):
        torch.manual_seed(2)
        model = model_class(config).train()
        for layer in model.model.layers:
            layer.cell = cell if own else None
        optimizer, cache = torch.optim.Adam(model.parameters(), 0.02), None
        for start in range(0, 40, 8):
            block = {"input_ids": text[:, start : start + 8]}
            block["shift_labels"] = text[:, start + 1 : start + 9]
            outputs = model(**block, past_key_values=cache, use_cache=True)
            outputs.loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            losses.append(outputs.loss.item())
            cache = detach_state(outputs.past_key_values)
        weights.append(model.state_dict())
    assert losses[5:] == pytest.approx(losses[:5], rel=1e-5)
    assert len(set(losses[:5])) == 5
    torch.testing.assert_close(weights[1], weights[0], rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("unchecked")
def test_what_a_file_changes_in_torch_is_undone(tmp_path: Path) -> None:
    source = "torch.manual_seed(0)\ntorch.set_default_dtype(torch.float64)\n"
    source += "@dataclasses.dataclass\nclass Sizes:\n    rows: 'int' = 1\n\n\n"
    path = written(tmp_path, source + SOLUTIONS["lstm_step"])
    before = torch.get_rng_state()
    load_cell(f"{path}:lstm_step", LSTMConfig())
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_default_dtype() == torch.float32


@pytest.mark.usefixtures("unchecked")
def test_the_origin_changes_with_the_file_and_with_its_adapter_and_not_with_its_place(
    tmp_path: Path,
) -> None:
    origins = []
    places = [("a", AS_CLASS, ATTRIBUTES), ("b", AS_CLASS, ATTRIBUTES)]
    places += [("c", AS_CLASS + "# changed\n", ATTRIBUTES), ("d", AS_CLASS, {})]
    for folder, source, adapter in places:
        (tmp_path / folder).mkdir()
        path = written(tmp_path / folder, source, "lstm_step", adapter)
        origins.append(load_cell(f"{path}:MyLSTM", LSTMConfig()).origin)
    assert origins[0] == origins[1]
    assert len(set(origins)) == 3


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("x @ W.T", "x[:6] @ W.T if len(x) > 6 else x @ W.T"),
        ("n = h.shape[1]", "n = min(4, h.shape[1])"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_a_cell_that_is_right_for_small_sizes_alone_is_refused(
    old: str, new: str, tmp_path: Path
) -> None:
    path = written(tmp_path, SOLUTIONS["lstm_step"].replace(old, new))
    cell = load_cell(f"{path}:lstm_step", LSTMConfig())
    cell.demand_agreement(LSTMLayer(3, 4), rows=2)
    with pytest.raises(LmcourseError, match="something else for batches|raised RuntimeError"):
        cell.demand_agreement(LSTMLayer(3, 8), rows=9)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("relative", [False, True])
def test_what_the_file_raises_in_the_training_is_a_sentence(
    relative: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, "def mine(x, h, c, W, U, b):\n    return {}[len(x)]\n")
    monkeypatch.chdir(tmp_path)
    cell = load_cell(f"{path.name if relative else path}:mine", LSTMConfig())
    _, layer = layers(LSTMLayer, cell)
    words = "mine of .*mine.py raised KeyError at line 10: 2"
    with pytest.raises(LmcourseError, match=words), cell.naming_errors():
        layer(torch.randn(2, 5, 3))
    with pytest.raises(LmcourseError, match=words):
        cell.demand_agreement(layer, 2)
    with pytest.raises(KeyError), cell.naming_errors():
        raise KeyError("of the trainer, not of the file")


@pytest.mark.usefixtures("unchecked")
def test_a_layer_with_a_cell_can_be_computed_again_in_the_backward_pass(tmp_path: Path) -> None:
    path = written(tmp_path, SOLUTIONS["lstm_step"])
    _, layer = layers(LSTMLayer, load_cell(f"{path}:lstm_step", LSTMConfig()))
    x, grads = torch.randn(2, 5, 3), []
    for again in (False, True):
        layer.zero_grad()
        output = checkpoint(layer, x, use_reentrant=False) if again else layer(x)
        output[0].sum().backward()
        grads.append([parameter.grad.clone() for parameter in layer.parameters()])
    torch.testing.assert_close(grads[1], grads[0])


@pytest.mark.parametrize(
    ("named", "config", "words"),
    [
        ("mine.py", LSTMConfig(), "FILE.py:NAME"),
        ("mine.txt:f", LSTMConfig(), "FILE.py:NAME"),
        ("mine.py:not a name", LSTMConfig(), "FILE.py:NAME"),
        ("mine.py:f", TransformerConfig(), "lmcourse_lstm"),
        ("mine.py:f", CharRNNConfig(hidden_act="relu"), "hidden_act"),
        ("nowhere.py:f", LSTMConfig(), "nowhere.py"),
    ],
)
def test_what_names_no_cell_is_refused(named: str, config: Any, words: str) -> None:
    with pytest.raises(LmcourseError, match=words):
        load_cell(named, config)


@pytest.mark.usefixtures("forked_checks")
def test_a_cell_with_a_mistake_is_refused_by_its_name(tmp_path: Path) -> None:
    source = SOLUTIONS["lstm_step"].replace("2 * n : 3 * n", "3 * n : 4 * n", 1)
    source = source.replace(
        "o = torch.sigmoid(a[:, 3 * n : 4 * n])", "o = torch.sigmoid(a[:, 2 * n : 3 * n])"
    )
    path = written(tmp_path, source)
    with pytest.raises(LmcourseError, match="gates o and g are swapped|gates g and o are swapped"):
        load_cell(f"{path}:lstm_step", LSTMConfig())


@pytest.mark.parametrize(
    ("agrees", "differences", "words"),
    [(True, [Difference("h'", 0.0, "")], "torch"), (None, [], "does not pass")],
)
def test_a_cell_without_gradients_or_not_compared_is_refused(
    agrees: bool | None,
    differences: list[Difference],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    verdict = Verdict("lstm_step", agrees, differences=differences, message="not run")
    monkeypatch.setattr(cell_module, "check_file", lambda *_, **__: [verdict])
    with pytest.raises(LmcourseError, match=words):
        load_cell(f"{written(tmp_path, AS_CLASS)}:MyLSTM", LSTMConfig())

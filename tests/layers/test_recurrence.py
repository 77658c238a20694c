"""The fast sequences equal the step-by-step equations and the library's kernels."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from huggingface_hub.errors import StrictDataclassError
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from hf_lmcourse import LSTMConfig
from hf_lmcourse.kernels import dispatch
from hf_lmcourse.layers import recurrence
from hf_lmcourse.layers.elman import ElmanLayer, elman_step
from hf_lmcourse.layers.gru import GRULayer, gru_step
from hf_lmcourse.layers.lstm import LSTMLayer, lstm_step
from hf_lmcourse.layers.recurrence import RecurrentLayer

LAYERS: dict[str, Callable[..., RecurrentLayer]] = {
    "elman_tanh": partial(ElmanLayer, activation="tanh"),
    "elman_sigmoid": partial(ElmanLayer, activation="sigmoid"),
    "elman_relu": partial(ElmanLayer, activation="relu"),
    "lstm": LSTMLayer,
    "lstm_capped": partial(LSTMLayer, capped_input_gate=True),
    "gru": GRULayer,
}
LIBRARY: dict[str, Callable[..., nn.RNNBase]] = {
    "elman_tanh": nn.RNN,
    "elman_relu": partial(nn.RNN, nonlinearity="relu"),
    "lstm": nn.LSTM,
    "gru": nn.GRU,
}
every_layer = pytest.mark.parametrize("name", LAYERS)
every_library_layer = pytest.mark.parametrize("name", LIBRARY)


def build(name: str, input_size: int = 3, hidden_size: int = 4, **options: Any) -> RecurrentLayer:
    layer = LAYERS[name](input_size, hidden_size, **options).double()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_(std=0.5, generator=generator)
    return layer


def inputs(layer: RecurrentLayer, batch: int, length: int) -> tuple[Tensor, tuple[Tensor, ...]]:
    generator = torch.Generator().manual_seed(1)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64, requires_grad=True)

    x = draw(batch, length, layer.input_size)
    return x, tuple(draw(batch, layer.hidden_size) for _ in range(layer.components))


def weighted_sum(tensors: tuple[Tensor, ...]) -> Tensor:
    """A scalar that depends on every entry differently, so that no error cancels."""
    generator = torch.Generator().manual_seed(2)
    terms = (t * torch.randn(t.shape, generator=generator, dtype=t.dtype) for t in tensors)
    return torch.stack([term.sum() for term in terms]).sum()


def assert_close(actual: Any, expected: Any) -> None:
    torch.testing.assert_close(actual, expected, rtol=1e-10, atol=1e-10)


def sequence_inputs(
    layer: RecurrentLayer, batch: int, length: int
) -> tuple[Tensor, tuple[Tensor, ...], Tensor]:
    x, state = inputs(layer, batch, length)
    projected = layer.input_projection(x.transpose(0, 1)).detach().requires_grad_()
    return projected, state, layer.recurrent_projection.weight


def assert_fast_equals_reference(layer: RecurrentLayer, batch: int, mask: Tensor) -> None:
    projected, state, weight = sequence_inputs(layer, batch, mask.shape[0])
    leaves = [projected, *state, *layer.recurrent_projection.parameters()]
    results = []
    for sequence in (layer.fast_sequence, layer.reference_sequence):
        history = sequence(projected, state, weight, mask)
        results.append((history, torch.autograd.grad(weighted_sum(history), leaves)))
    assert_close(*results)


@every_layer
@settings(max_examples=15, deadline=None)
@given(shape=st.data())
def test_the_fast_sequence_equals_the_equations_for_every_shape_and_mask(
    name: str, shape: st.DataObject
) -> None:
    batch, length = shape.draw(st.integers(1, 3)), shape.draw(st.integers(1, 9))
    sizes = shape.draw(st.integers(1, 5)), shape.draw(st.integers(1, 5))
    cells = st.lists(st.booleans(), min_size=batch * length, max_size=batch * length)
    mask = torch.tensor(shape.draw(cells)).view(length, batch, 1)
    assert_fast_equals_reference(build(name, *sizes), batch, mask)


@every_layer
@pytest.mark.parametrize("masked", [False, True])
def test_gradcheck_accepts_the_handwritten_backward(name: str, masked: bool) -> None:
    layer = build(name, input_size=2, hidden_size=2)
    mask = torch.tensor([[1, 0], [0, 1], [1, 1]]).bool().unsqueeze(-1) if masked else None
    projected, state, weight = sequence_inputs(layer, batch=2, length=3)
    biases = [p for key, p in layer.recurrent_projection.named_parameters() if key == "bias"]

    def run(projected: Tensor, weight: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        return layer.fast_sequence(projected, rest[: len(state)], weight, mask)

    assert torch.autograd.gradcheck(run, (projected, weight, *state, *biases))


@pytest.mark.parametrize("component", [0, 1])
def test_the_gradient_through_one_component_alone_is_right(component: int) -> None:
    layer = build("lstm")
    projected, state, weight = sequence_inputs(layer, batch=2, length=4)
    grads = [
        torch.autograd.grad(
            weighted_sum((sequence(projected, state, weight, None)[component],)),
            [projected, *state, weight],
        )
        for sequence in (layer.fast_sequence, layer.reference_sequence)
    ]
    assert_close(*grads)


@every_library_layer
@pytest.mark.parametrize("backend", ["native", "torch"])
def test_the_layer_equals_the_library_with_copied_weights(name: str, backend: str) -> None:
    layer = build(name, backend=backend)
    library: Any = LIBRARY[name](3, 4, batch_first=True).double()
    with torch.no_grad():
        library.weight_ih_l0.copy_(layer.input_projection.weight)
        library.weight_hh_l0.copy_(layer.recurrent_projection.weight)
        library.bias_ih_l0.copy_(layer.input_projection.bias)
        library.bias_hh_l0.zero_()
        if layer.recurrent_bias:
            library.bias_hh_l0.copy_(layer.recurrent_projection.bias)
    x, state = inputs(layer, batch=3, length=7)
    output, last = layer(x, state)
    start = tuple(s.unsqueeze(0) for s in state)
    expected, end = library(x, start if layer.components == 2 else start[0])
    end = end if layer.components == 2 else (end,)
    assert_close(output, expected)
    assert_close(tuple(s[:, 0] for s in last), tuple(s[0] for s in end))

    ours, theirs = dict(layer.named_parameters()), dict(library.named_parameters())
    pairs = {
        "input_projection.weight": "weight_ih_l0",
        "recurrent_projection.weight": "weight_hh_l0",
        "input_projection.bias": "bias_ih_l0",
        "recurrent_projection.bias": "bias_hh_l0",
    }
    pairs = {mine: other for mine, other in pairs.items() if mine in ours}
    assert pairs.keys() == ours.keys()
    grads = torch.autograd.grad(
        weighted_sum((output, *(s[:, 0] for s in last))),
        [x, *state, *(ours[mine] for mine in pairs)],
    )
    reference_grads = torch.autograd.grad(
        weighted_sum((expected, *(s[0] for s in end))),
        [x, *state, *(theirs[other] for other in pairs.values())],
    )
    assert_close(grads, reference_grads)


@every_library_layer
def test_the_library_backend_takes_masks_and_every_step(name: str) -> None:
    native, library = build(name), build(name, backend="torch")
    x, state = inputs(native, batch=2, length=5)
    mask = torch.tensor([[0, 0, 1, 1, 1], [1, 1, 1, 1, 0]])
    for options in ({"mask": mask}, {"every_step": True}, {"mask": mask, "every_step": True}):
        results = [layer(x, state, **options) for layer in (native, library)]
        assert_close(*results)
        grads = [
            torch.autograd.grad(weighted_sum((output, *last)), [x, *state, *layer.parameters()])
            for layer, (output, last) in zip((native, library), results, strict=True)
        ]
        assert_close(*grads)


@every_library_layer
@pytest.mark.parametrize("faster", [True, False])
def test_the_library_computes_what_it_is_faster_at(
    name: str, faster: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recurrence, "library_takes", lambda *_: faster)
    layer, native = build(name), build(name, backend="native")
    called: list[Any] = []
    run = layer.library_sequence
    monkeypatch.setattr(layer, "library_sequence", lambda *a: called.append(a) or run(*a))
    x, state = inputs(layer, batch=2, length=5)
    assert_close(layer(x, state), native(x, state))
    assert len(called) == faster


def test_what_the_library_lacks_is_computed_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recurrence, "library_takes", lambda *_: True)
    layer = build("elman_sigmoid")
    x, state = inputs(layer, batch=2, length=5)
    assert layer(x, state)[0].shape == (2, 5, 4)


@every_library_layer
@pytest.mark.parametrize("shape", [(2, 0), (0, 3), (0, 12), (0, 0)])
@pytest.mark.parametrize("bf16", [False, True])
def test_no_step_and_no_sequence_are_computed_too(
    name: str, shape: tuple[int, int], bf16: bool
) -> None:
    layer = build(name).float()
    x = torch.zeros(*shape, layer.input_size)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        output, _ = layer(x)
    assert output.shape == (*shape, layer.hidden_size)


@every_library_layer
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("carried", [torch.float32, torch.bfloat16])
def test_both_backends_give_the_same_values_in_either_precision(
    name: str, dtype: torch.dtype, carried: torch.dtype
) -> None:
    native, library = (build(name, backend=backend).float() for backend in ("native", "torch"))
    x, state = inputs(native, batch=9, length=12)
    x, state = x.detach().float(), tuple(s.detach().to(carried) for s in state)
    results = []
    for layer in (native, library):
        with torch.no_grad(), torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
            output, last = layer(x, state)
        assert {t.dtype for t in (output, *last)} == {dtype}
        results.append([t.float() for t in (output, *last)])
    tolerance = 1e-5 if dtype == torch.float32 else 0.05
    torch.testing.assert_close(*results, rtol=tolerance, atol=tolerance)


@every_library_layer
@pytest.mark.parametrize("gradient", [False, True])
def test_the_library_computes_bfloat16_in_float32_where_it_is_not_multiplied(
    name: str, gradient: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "multiplies_bfloat16", lambda: False)
    layer = build(name, backend="torch").float()
    x, state = inputs(layer, batch=9, length=12)
    x, state = x.detach().float(), tuple(s.detach().float() for s in state)
    with torch.set_grad_enabled(gradient):
        exact, *_ = layer(x, state)
        with torch.autocast("cpu", torch.bfloat16):
            rounded, last = layer(x, state)
        stored, _ = layer.bfloat16()(x.bfloat16(), state)
    assert {t.dtype for t in (rounded, stored, *last)} == {torch.bfloat16}
    assert torch.equal(rounded, exact.bfloat16())
    torch.testing.assert_close(stored.float(), exact, rtol=0.05, atol=0.05)
    assert rounded.requires_grad == gradient


@every_layer
def test_the_state_is_held_where_the_mask_is_zero(name: str) -> None:
    layer = build(name)
    x, state = inputs(layer, batch=1, length=6)
    mask = torch.tensor([[0, 1, 0, 1, 1, 0]])
    output, last = layer(x, state, mask)
    real = [1, 3, 4]
    expected, expected_last = layer(x[:, real], state)
    assert_close(output[:, real], expected)
    assert_close(last, expected_last)
    assert_close(output[:, [0, 2, 5]], torch.stack([state[0], output[:, 1], output[:, 4]], 1))


@every_layer
def test_every_step_returns_each_state_of_the_way(name: str) -> None:
    layer = build(name)
    x, state = inputs(layer, batch=2, length=5)
    output, history = layer(x, state, every_step=True)
    assert len(history) == layer.components
    assert_close(history[0], output)
    for t in range(5):
        assert_close(tuple(h[:, t : t + 1] for h in history), layer(x[:, : t + 1], state)[1])


@every_layer
def test_no_state_means_zeros(name: str) -> None:
    layer = build(name)
    x, state = inputs(layer, batch=2, length=3)
    assert_close(layer(x), layer(x, tuple(torch.zeros_like(s) for s in state)))


def test_one_step_is_the_equation_of_the_paper() -> None:
    a, h, c = (torch.tensor([[v]], dtype=torch.float64) for v in (0.3, -0.2, 0.7))
    u = torch.tensor([[0.5]], dtype=torch.float64)
    assert_close(elman_step(a, u * h, "tanh"), torch.tanh(0.3 + 0.5 * h))
    assert_close(elman_step(a, u * h, "sigmoid"), torch.sigmoid(0.3 + 0.5 * h))
    assert_close(elman_step(a - 1, u * h, "relu"), torch.zeros_like(h))
    gate = torch.sigmoid(a + u * h)
    new_c = gate * c + gate * torch.tanh(a + u * h)
    new = lstm_step(a.repeat(1, 4), (u * h).repeat(1, 4), c)
    assert_close(new, (gate * torch.tanh(new_c), new_c))
    r = z = torch.sigmoid(a + u * h + 0.1)
    n = torch.tanh(a + r * (u * h + 0.1))
    assert_close(gru_step(a.repeat(1, 3), (u * h + 0.1).repeat(1, 3), h), (1 - z) * n + z * h)


@given(
    a=st.lists(st.floats(-9, 9), min_size=4, max_size=4),
    c=st.floats(-1, 1),
)
def test_a_capped_input_gate_is_at_most_what_is_forgotten(a: list[float], c: float) -> None:
    a_x = torch.tensor([a], dtype=torch.float64)
    before = torch.tensor([[c]], dtype=torch.float64)
    h, after = lstm_step(a_x, torch.zeros_like(a_x), before, capped=True)
    i, f, o = torch.sigmoid(a_x[:, [0, 1, 3]]).split(1, dim=1)
    assert_close(after, f * before + min(i, 1 - f) * torch.tanh(a_x[:, [2]]))
    assert_close(h, o * torch.tanh(after))
    assert after.abs() <= 1 + 1e-12
    if i <= 1 - f:
        assert_close((h, after), lstm_step(a_x, torch.zeros_like(a_x), before))


def test_the_library_has_no_capped_input_gate() -> None:
    with pytest.raises(ValueError, match="native"):
        LSTMLayer(2, 2, capped_input_gate=True, backend="torch")
    with pytest.raises(StrictDataclassError, match="native"):
        LSTMConfig(vocab_size=5, capped_input_gate=True, backend="torch")


@every_layer
def test_recurrent_dropout_changes_training_passes_and_no_others(name: str) -> None:
    layer = build(name, recurrent_dropout=0.5)
    x, state = inputs(layer, batch=2, length=4)
    torch.manual_seed(0)
    layer.train()
    assert not torch.equal(layer(x, state)[0], layer(x, state)[0])
    layer.eval()
    assert torch.equal(layer(x, state)[0], build(name)(x, state)[0])


@every_layer
def test_recurrent_dropout_drops_the_same_entries_at_every_step(name: str) -> None:
    layer = build(name, recurrent_dropout=0.5).train()
    x, state = inputs(layer, batch=2, length=4)
    torch.manual_seed(0)
    whole = layer(x, state)
    torch.manual_seed(0)
    dropped = nn.functional.dropout(layer.recurrent_projection.weight, 0.5, True)
    plain = build(name)
    with torch.no_grad():
        plain.recurrent_projection.weight.copy_(dropped)
    assert_close(whole, plain(x, state))


def test_an_unknown_activation_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'swish' is none of"):
        ElmanLayer(2, 2, activation="swish")


def test_the_library_has_no_sigmoid_recurrence() -> None:
    with pytest.raises(ValueError, match="native"):
        ElmanLayer(2, 2, activation="sigmoid", backend="torch")


@every_layer
def test_the_layer_says_its_settings(name: str) -> None:
    assert "recurrent_dropout=0.25, backend='auto'" in repr(build(name, recurrent_dropout=0.25))


@pytest.mark.parametrize(
    ("name", "masked"),
    [("elman_tanh", False), ("gru", False), ("lstm", True), ("lstm_capped", False)],
)
def test_an_exported_layer_takes_any_batch_and_length(name: str, masked: bool) -> None:
    layer = build(name).eval()
    sizes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("length")}

    def arguments(batch: int, length: int) -> tuple[Any, ...]:
        x, state = inputs(layer, batch, length)
        mask = torch.ones(batch, length)
        mask[0, : length // 2] = 0
        return x.detach(), tuple(h.detach() for h in state), mask if masked else None

    axes = (sizes, tuple({0: sizes[0]} for _ in range(layer.components)), sizes if masked else None)
    with torch.no_grad():
        exported = torch.export.export(layer, arguments(2, 3), dynamic_shapes=axes).module()
        for batch, length in ((1, 1), (3, 8)):
            expected = layer(*arguments(batch, length))
            torch.testing.assert_close(exported(*arguments(batch, length)), expected)

"""When weights may be read past their module."""

from functools import partial
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook
from torch.nn.utils import parametrizations

from hf_lmcourse.kernels.readable_weights import linear_map, readable


class Doubled(nn.Linear):
    """Another class, whatever it computes."""

    def forward(self, input: Any) -> Any:
        """Twice the product."""
        return 2 * super().forward(input)


def with_replaced_forward(module: nn.Linear) -> nn.Linear:
    module.forward = partial(torch.mul, other=2)  # type: ignore[assignment]
    return module


def test_a_plain_layer_is_readable() -> None:
    layers = (nn.Linear(2, 3), nn.Linear(2, 3, bias=False), nn.Conv1d(2, 3, 2), nn.Embedding(4, 2))
    assert readable(*layers)
    assert not readable(*layers, Doubled(2, 3))
    assert not readable(nn.Embedding(4, 2, max_norm=1.0))


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.register_forward_hook(lambda *_: None),
        lambda m: m.register_forward_pre_hook(lambda *_: None),
        lambda m: m.register_full_backward_hook(lambda *_: None),
        lambda m: m.register_full_backward_pre_hook(lambda *_: None),
        with_replaced_forward,
        parametrizations.weight_norm,
        lambda m: m.to("meta"),
    ],
    ids=["hook", "pre_hook", "backward", "backward_pre", "forward", "parametrised", "meta"],
)
def test_what_changes_or_sees_a_call_makes_it_unreadable(change: Any) -> None:
    module = nn.Linear(2, 3)
    change(module)
    assert not readable(module)


def test_hooks_on_every_module_count() -> None:
    handle = register_module_forward_hook(lambda *_: None)
    try:
        assert not readable(nn.Linear(2, 3))
    finally:
        handle.remove()
    assert readable(nn.Linear(2, 3))


def test_a_replaced_forward_of_a_class_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nn.Linear, "forward", lambda self, x: x)
    assert not readable(nn.Linear(2, 3))


def test_a_linear_map_is_read_through_its_call() -> None:
    torch.manual_seed(0)
    module = Doubled(3, 2).double()
    W, b = linear_map(module, torch.empty(0, dtype=torch.float64), 3)
    torch.testing.assert_close(W, 2 * module.weight)
    torch.testing.assert_close(b, 2 * module.bias)
    (gradient,) = torch.autograd.grad(W.sum(), module.weight)
    assert gradient.tolist() == [[2.0] * 3] * 2

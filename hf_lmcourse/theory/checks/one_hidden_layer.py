"""Check of the gradients of the network with one hidden layer."""

import torch
from torch import Tensor
from torch.nn import functional

from .. import one_hidden_layer
from ..check_result import CheckResult, same
from .references import autograd, central_differences, normal, seeded


def check() -> CheckResult:
    """Check the gradients with respect to the input and all parameters."""
    generator = seeded()
    shapes = [(6, 8), (8,), (8, 5), (5,)]
    network = one_hidden_layer.Network(*(normal(generator, *shape) for shape in shapes))
    x = normal(generator, 3, 6)
    labels = torch.tensor([4, 0, 2])
    y = functional.one_hot(labels, 5).double()

    def plain(x: Tensor, W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor) -> Tensor:
        logits = torch.sigmoid(x @ W1 + b1) @ W2 + b2
        return functional.cross_entropy(logits, labels, reduction="sum")

    ours = one_hidden_layer.gradients(network, x, y)
    references = autograd(plain, x, *network)
    differences = central_differences(lambda x: one_hidden_layer.loss(network, x, y), x)
    rows = [same("CE", one_hidden_layer.loss(network, x, y), plain(x, *network))]
    rows += [
        same(f"d CE / d{name}", mine, theirs)
        for name, mine, theirs in zip(ours._fields, ours, references, strict=True)
    ]
    rows.append(same("d CE / dx by differences", ours.x, differences, 1e-8))
    return CheckResult(rows)

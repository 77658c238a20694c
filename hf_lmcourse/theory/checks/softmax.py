"""Check of the softmax and cross-entropy gradients."""

import torch
from torch import Tensor
from torch.nn import functional

from .. import softmax
from ..check_result import CheckResult, Row, same
from .references import autograd, central_differences, normal, seeded


def check() -> CheckResult:
    """Check the gradients of logits, weights and input, for one-hot and for soft targets."""
    generator = seeded()
    W, z = normal(generator, 7, 4), normal(generator, 5, 4)
    theta = z @ W.t()
    large = 1000 * theta / theta.abs().max()
    jacobian = torch.autograd.functional.jacobian(lambda t: torch.softmax(t, -1), theta[0])
    classes = torch.tensor([0, 6, 3, 3, 1])
    one_hot = functional.one_hot(classes, 7).double()
    by_cases = softmax.logit_gradient_by_cases(theta, classes)
    return CheckResult(
        [
            same("yhat", softmax.softmax(theta), torch.softmax(theta, -1)),
            same("yhat of logits up to 1,000", softmax.softmax(large), torch.softmax(large, -1)),
            same("d yhat / d theta", softmax.softmax_jacobian(theta[0]), jacobian),
            same("d CE / d theta by cases", by_cases, softmax.logit_gradient(theta, one_hot)),
            *_gradient_rows("one-hot", W, z, one_hot),
            *_gradient_rows("soft", W, z, torch.softmax(normal(generator, 5, 7), dim=-1)),
        ]
    )


def _gradient_rows(name: str, W: Tensor, z: Tensor, y: Tensor) -> list[Row]:
    """Check the loss and its gradients for targets y."""
    theta = z @ W.t()

    def plain(theta: Tensor) -> Tensor:
        return functional.cross_entropy(theta, y, reduction="sum")

    def of_layer(W: Tensor, z: Tensor) -> Tensor:
        return plain(z @ W.t())

    def ours_summed(theta: Tensor) -> Tensor:
        return softmax.cross_entropy(theta, y).sum()

    d_W, d_z = autograd(of_layer, W, z)
    ours = softmax.logit_gradient(theta, y)
    through = softmax.logit_gradient_through_yhat(theta, y)
    differences = central_differences(ours_summed, theta)
    return [
        same(f"CE, y {name}", ours_summed(theta), plain(theta)),
        same(f"d CE / d theta, y {name}", ours, autograd(plain, theta)[0]),
        same(f"d CE / d theta, y {name}, by differences", ours, differences, 1e-8),
        same(f"d CE / d theta, y {name}, through d yhat / d theta", through, ours),
        same(f"d CE / d W, y {name}", softmax.weight_gradient(theta, y, z), d_W),
        same(f"d CE / d z, y {name}", softmax.input_gradient(theta, y, W), d_z),
    ]

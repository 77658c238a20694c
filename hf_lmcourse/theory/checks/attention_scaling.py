"""Check of the division by the square root of d: variance, entropy and gradient, measured."""

import math

import torch
from torch import Tensor

from .. import attention_scaling as scaling
from ..check_result import CheckResult, Row, Table, same, simulated
from ..softmax import softmax_jacobian
from .references import autograd, normal, seeded

SIZES = (4, 16, 64, 256, 1024)
KEYS, _DRAWS = 64, 300


def check() -> CheckResult:
    """Check derivatives with autograd, variance and entropy with simulation; tabulate over d."""
    points = {d: measure(d) for d in SIZES}
    tables = [
        _table("Without the division", {d: plain for d, (plain, _) in points.items()}),
        _table("Divided by sqrt d", {d: scaled for d, (_, scaled) in points.items()}),
    ]
    return CheckResult([*_derivative_rows(), *_simulated_rows()], tables)


def measure(d: int) -> tuple[scaling.ScalingPoint, scaling.ScalingPoint]:
    """Measure the same random queries, keys and values without and with the division by sqrt d."""
    drawn = scaling.draw_attention(d, KEYS, _DRAWS, seeded())
    return scaling.scaling_point(*drawn, 1.0), scaling.scaling_point(*drawn, d**-0.5)


def _table(name: str, points: dict[int, scaling.ScalingPoint]) -> Table:
    title = f"{name}: {KEYS} keys (ln {KEYS} = {math.log(KEYS):.2f} nats), {_DRAWS} queries"
    columns = ("d", "Var logit", "mean S", "mean 1 - sum p^2", "median |dJ/dq|", "mean |dJ/dq|")
    rows = [
        (
            d,
            point.logits.square().mean().item(),
            point.entropy.mean().item(),
            point.passed.mean().item(),
            point.gradient.median().item(),
            point.gradient.mean().item(),
        )
        for d, point in points.items()
    ]
    return Table(title, columns, rows)


def _derivative_rows() -> list[Row]:
    generator = seeded(1)
    q, K, V, g = (normal(generator, *shape) for shape in ((3, 5), (3, 7, 5), (3, 7, 4), (3, 4)))
    o, scale = normal(generator, 7), torch.tensor(1.3, dtype=torch.float64)

    def loss(q: Tensor) -> Tensor:
        p = torch.softmax(0.4 * (K @ q.unsqueeze(-1)), dim=1)
        return (p.transpose(1, 2) @ V).squeeze(1).mul(g).sum()

    def entropy(s: Tensor) -> Tensor:
        return torch.distributions.Categorical(logits=s * o).entropy()

    p = torch.softmax(o, -1)
    trace = softmax_jacobian(o).trace()
    return [
        same("dJ/dq", scaling.query_gradient(q, K, V, g, 0.4), autograd(loss, q)[0]),
        same("entropy S", scaling.entropy(p), torch.distributions.Categorical(p).entropy()),
        same("dS/ds", scaling.entropy_slope(o, 1.3), autograd(entropy, scale)[0]),
        same("trace of the softmax's Jacobian", 1 - p.square().sum(), trace),
    ]


def _simulated_rows(draws: int = 4000) -> list[Row]:
    """Check products of independent q and k, and the entropy over many keys."""
    generator, rows = seeded(2), []
    for d in SIZES:
        products = (normal(generator, draws, d) * normal(generator, draws, d)).sum(-1)
        for name, scale in (("q.k", 1.0), ("q.k/sqrt d", d**-0.5)):
            variance = scaling.logit_variance(d, scale)
            rows.append(simulated(f"Var {name}, d = {d}", variance, (scale * products).square()))
    keys, d = 2048, 256
    many = scaling.scaling_point(*scaling.draw_attention(d, keys, 40, generator), d**-0.5)
    formula = math.log(keys) - 0.5
    rows.append(same(f"S, scaled, n = {keys:,}: ln n - 1/2", formula, many.entropy.mean(), 0.05))
    return rows

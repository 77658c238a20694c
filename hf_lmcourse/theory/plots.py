"""Plots of the theory: its formulas and simulations."""

import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from ..layers.sampled_softmax import inclusion_probabilities
from ..report.figures import page_figure, save_figure
from ..report.palette import BLUE, GREY, LOOKS, VERMILION, Look
from . import noisy_keys, softmax_cost
from .checks import attention_scaling as scaling_check
from .checks import noisy_keys as keys_check
from .checks import softmax_cost as cost_check

_DRAWS = 4000
_HISTOGRAM_BETA = 20.0
_LEAST_VARIANCE = 1e-7
"""Smaller variances are not drawn."""


def plot_noisy_keys(path: Path) -> None:
    """Plot the weight of v_a for one head and two, and the variance for longer queries."""
    means, V = keys_check.orthonormal_setting()
    figure = page_figure(7.6, "One head and two, if keys are noisy")
    above, below = figure.subplots(2)
    _draw_weights(above, means, V)
    for model, stretched, looks in (
        ("key of uncertain length", keys_check.A, (("o", "-"), ("s", "--"))),
        (rf"small noise, $\alpha$ = {keys_check.ALPHA:.5f}", None, (("^", "-."), ("D", ":"))),
    ):
        heads = (("1 head", 0, VERMILION), ("2 heads", 1, BLUE))
        for (name, index, colour), (marker, style) in zip(heads, looks, strict=True):
            betas = torch.logspace(0, 2, 41).tolist()
            queries = [keys_check.heads(means, beta)[index] for beta in betas]
            formula = [_closed_form(q, means, V, stretched) for q in queries]
            below.plot(betas, formula, style, color=colour, label=f"{name},\n{model}")
            simulated = [
                keys_check.squared_deviations(q, means, V, stretched, _DRAWS).mean().item()
                for q in queries[::5]
            ]
            below.plot(betas[::5], simulated, marker, color=colour, markersize=4, linestyle="none")
    below.set(xscale="log", yscale="log", ylim=(_LEAST_VARIANCE, 3))
    below.set_xlabel(r"$\beta$, the length of the query")
    below.set_ylabel("tr Cov c (the values have length 1)")
    below.set_title("Variance of the output (lines: formula, markers: simulation)", fontsize=11)
    _legend_beside(below)
    _save(figure, path)


def _closed_form(queries: Tensor, means: Tensor, V: Tensor, stretched: int | None) -> float:
    if stretched is None:
        return noisy_keys.variance_of_small_noise(queries, means, V, keys_check.ALPHA)
    return noisy_keys.moments_of_uncertain_length(queries, means, V, stretched)[1]


def _draw_weights(axes: Axes, means: Tensor, V: Tensor) -> None:
    """Draw a histogram of the weight of v_a when its key has an uncertain length."""
    generator = torch.Generator().manual_seed(0)
    keys = noisy_keys.draw_keys(means, keys_check.ALPHA, 10 * _DRAWS, generator, keys_check.A)
    one, two = (
        noisy_keys.attend_heads(queries, keys, V)[:, keys_check.A]  # the values are unit vectors
        for queries in keys_check.heads(means, _HISTOGRAM_BETA)
    )
    names = (
        "1 head:\n" r"$q = \beta (\mu_a + \mu_b)$",
        "2 heads:\n" r"$q_1 = \beta \mu_a, q_2 = \beta \mu_b$",
    )
    axes.hist(
        [one.numpy(), two.numpy()],
        bins=21,  # an odd number, so that the target weight is in the middle of a bin
        range=(0, 1),
        weights=[torch.full_like(one, 1 / len(one)).numpy()] * 2,
        color=[VERMILION, BLUE],
        label=names,
    )
    for bar in axes.containers[0]:
        bar.set_hatch("///")
    axes.axvline(0.5, color=GREY, linestyle="--", linewidth=1, zorder=0, label="target")
    axes.set(ylim=(0, 1), xlabel=r"weight of $v_a$ in the output", ylabel="share of draws")
    axes.set_title(rf"A key of uncertain length, $\beta$ = {_HISTOGRAM_BETA:g}", fontsize=11)
    _legend_beside(axes)


def plot_attention_scaling(path: Path) -> None:
    """Plot what dividing logits by sqrt d does to their variance, the entropy and the gradient."""
    sizes = [2**exponent for exponent in range(2, 11)]
    measured = [scaling_check.measure(d) for d in sizes]
    figure = page_figure(8.4, "Logits divided by the square root of d, and not")
    variance, entropy, gradient = figure.subplots(3, sharex=True)
    looks = (("logits q.k", Look(VERMILION, "s", "--")), ("logits q.k / sqrt d", LOOKS[0]))
    for (name, look), points in zip(looks, zip(*measured, strict=True), strict=True):
        curves = (
            (variance, [point.logits.square().mean().item() for point in points], name),
            (entropy, [point.entropy.mean().item() for point in points], name),
            (gradient, [point.gradient.median().item() for point in points], f"{name},\nmedian"),
        )
        for axes, values, label in curves:
            axes.plot(sizes, values, markersize=4, label=label, **look.as_line())
        means = [point.gradient.mean().item() for point in points]
        gradient.plot(sizes, means, ":", color=look.colour, label=f"{name},\nmean")
    largest = math.log(scaling_check.KEYS)
    label = f"ln {scaling_check.KEYS}, the largest"
    entropy.axhline(largest, color=GREY, linestyle=":", linewidth=1, label=label)
    _label(variance, "Variance of a logit", "variance", log=True)
    _label(entropy, f"Entropy of the softmax over {scaling_check.KEYS} keys", "nats", log=False)
    _label(gradient, "Gradient of the query", "length of dJ/dq, for |dJ/dc| = 1", log=True)
    gradient.set_xlabel("d, the size of queries and keys")
    _save(figure, path)


def plot_softmax_cost(path: Path) -> None:
    """Plot the output layer's share of a feed-forward model, and what three output layers cost.

    The words are distributed by Zipf's law, p_j proportional to 1 / (j + 1).
    """
    context, embedding, units = cost_check.CONTEXT, cost_check.EMBEDDING, cost_check.UNITS
    figure = page_figure(7.6, "What the output layer costs")
    share, cost = figure.subplots(2, sharex=True)
    sizes = [round(10 ** (exponent / 8)) for exponent in range(16, 49)]
    pairs = [softmax_cost.feed_forward_multiply_adds(V, context, embedding, units) for V in sizes]
    shares = [output / (hidden + output) for hidden, output in pairs]
    share.plot(sizes, shares, color=BLUE, label="output layer")
    share.set(xscale="log", ylim=(0, 1.02), ylabel="share of the multiply-adds")
    share.set_title(f"Bengio's network: {context} words of {embedding} read", fontsize=11)
    _legend_beside(share)
    large = [V for V in sizes if V > 2 * cost_check.CUTOFFS[-1]]
    costs = zip(*map(_output_costs, large), strict=True)
    names = ("full", "adaptive", f"sampled,\n{cost_check.SAMPLED} words drawn")
    for name, look, values in zip(names, LOOKS, costs, strict=False):
        cost.plot(large, values, markersize=4, label=name, **look.as_line())
    cost.set(xscale="log", yscale="log", xlabel="V, the size of the vocabulary")
    cost.set_ylabel("multiply-adds per token")
    cost.set_title(f"Output layers over D = {cost_check.HIDDEN}", fontsize=11)
    _legend_beside(cost)
    _save(figure, path)


def _output_costs(vocabulary: int) -> tuple[float, float, float]:
    """Return the multiply-adds per token of a full, an adaptive and a sampled softmax."""
    hidden, cutoffs, sampled = cost_check.HIDDEN, cost_check.CUTOFFS, cost_check.SAMPLED
    zipf = 1 / torch.arange(1, vocabulary + 1, dtype=torch.float64)
    p = zipf / zipf.sum()
    shares = [p[a:b].sum().item() for a, b in pairwise([*cutoffs, vocabulary])]
    drawn = inclusion_probabilities(vocabulary, sampled)
    words = softmax_cost.expected_words(drawn, p, cost_check.BATCH)
    return (
        softmax_cost.full_multiply_adds(hidden, vocabulary),
        softmax_cost.adaptive_multiply_adds(hidden, vocabulary, cutoffs, shares),
        softmax_cost.full_multiply_adds(hidden, words),
    )


def _label(axes: Axes, title: str, quantity: str, log: bool) -> None:
    axes.set_title(title, fontsize=11)
    axes.set_ylabel(quantity)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(lambda d, _: f"{d:g}")
    if log:
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
    _legend_beside(axes)


def _legend_beside(axes: Axes) -> None:
    axes.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1, 1))


def _save(figure: Figure, path: Path) -> None:
    for axes in figure.axes:
        axes.grid(alpha=0.3)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    save_figure(figure, path, formulas=True)


PLOTS: dict[str, Callable[[Path], None]] = {
    "noisy_keys": plot_noisy_keys,
    "attention_scaling": plot_attention_scaling,
    "softmax_cost": plot_softmax_cost,
}
"""The function that plots an item to a file, whose suffix is the format."""

"""Check of what full, adaptive and sampled softmax cost, on the words of cpython-docs."""

import time
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from ...data.encoding import encode_text
from ...kernels.logit_chunks import size_multiple
from ...kernels.softmax_loss import linear_cross_entropy
from ...layers.adaptive_softmax import AdaptiveOutput
from ...layers.sampled_softmax import inclusion_probabilities, sampled_cross_entropy
from ...tokenization import WordTokenizer
from .. import softmax_cost as costs
from ..check_result import CheckResult, Row, Table, same, simulated
from .references import corpus_text, seeded

HIDDEN, BATCH, SAMPLED = 128, 512, 500
CUTOFFS = (800, 3200)
CONTEXT, EMBEDDING, UNITS = 4, 60, 100
"""The sizes n - 1, m and h of the network in the paper."""


def check() -> CheckResult:
    """Check multiply-adds with a counter, and measure the time of a training step."""
    tokenizer = WordTokenizer.train(corpus_text("train"))
    ids = torch.from_numpy(encode_text(corpus_text("train"), tokenizer).astype("int64"))
    V = len(tokenizer)
    rows, table = _output_layers(ids[-BATCH:], V)
    title = (
        f"An output layer for {V:,} words over D = {HIDDEN}; a step is {BATCH} consecutive"
        " tokens, forward and backward in float32, median of five"
    )
    columns = (
        "output layer",
        "parameters",
        "words scored",
        "multiply-adds per token",
        "ms per step",
    )
    return CheckResult(
        [*_feed_forward_rows(V), *rows, _expected_words_row(ids, V)],
        [_share_table(), Table(title, columns, table)],
    )


def _count(function: Callable[[], object]) -> float:
    """Count the multiply-adds of the matrix products in a call; each is two operations."""
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        function()
    return counter.get_total_flops() / 2


def _milliseconds(loss: Callable[[], Tensor]) -> float:
    """Measure the median time of five training steps, after a warm-up step."""
    times = []
    for _ in range(6):
        start = time.perf_counter()
        loss().backward()
        times.append(1000 * (time.perf_counter() - start))
    return sorted(times[1:])[2]


def _share_table() -> Table:
    title = (
        f"The output layer's share of Bengio's network: {CONTEXT} words of {EMBEDDING} read,"
        f" {UNITS} hidden units; multiply-adds per token"
    )
    rows = [
        (V, hidden, output, output / (hidden + output))
        for V in (100, 1_000, 10_000, 100_000)
        for hidden, output in [costs.feed_forward_multiply_adds(V, CONTEXT, EMBEDDING, UNITS)]
    ]
    return Table(title, ("vocabulary", "hidden layer", "output layer", "share"), rows)


def _feed_forward_rows(V: int) -> list[Row]:
    """Count the products of Bengio's network on the meta device, without computing them."""
    inputs = CONTEXT * EMBEDDING
    with torch.device("meta"):
        first, second = nn.Linear(inputs, UNITS), nn.Linear(UNITS, V)
        shortcut, x = nn.Linear(inputs, V, bias=False), torch.empty(1, inputs)
    sizes = (V, CONTEXT, EMBEDDING, UNITS)
    plain, direct = (sum(costs.feed_forward_multiply_adds(*sizes, d)) for d in (False, True))
    counted = _count(lambda: second(first(x)))
    counted_direct = counted + _count(lambda: shortcut(x))
    return [
        same("feed-forward: multiply-adds per token", plain, counted),
        same("... with direct connections", direct, counted_direct),
    ]


def _output_layers(targets: Tensor, V: int) -> tuple[list[Row], list[tuple[str | float, ...]]]:
    """Compare full, adaptive and sampled softmax on one batch of text."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        full, adaptive = nn.Linear(HIDDEN, V), AdaptiveOutput(HIDDEN, V, list(CUTOFFS))
        hidden = torch.randn(BATCH, HIDDEN, requires_grad=True)
        losses: tuple[Callable[[], Tensor], ...] = (
            lambda: linear_cross_entropy(hidden, full.weight, full.bias, targets),
            lambda: adaptive.loss(hidden, targets),
            lambda: sampled_cross_entropy(hidden, full.weight, full.bias, targets, SAMPLED),
        )
        milliseconds = [_milliseconds(loss) for loss in losses]
        for tensor in (hidden, *full.parameters(), *adaptive.parameters()):
            tensor.requires_grad_(False)  # else the hand-written losses compute gradients at once
        products = [_count(loss) / BATCH for loss in losses[:2]]
        torch.manual_seed(1)
        products.append(_count(losses[2]) / BATCH)
        torch.manual_seed(1)
        words = _words_scored(targets, V)
    sizes = (HIDDEN, V, CUTOFFS)
    formulas = (
        costs.full_multiply_adds(HIDDEN, V),
        costs.adaptive_multiply_adds(*sizes, _cluster_shares(targets, V)),
        costs.full_multiply_adds(HIDDEN, words),
    )
    names = ("full", "adaptive", "sampled")
    parameters = [V * (HIDDEN + 1), costs.adaptive_parameters(*sizes), V * (HIDDEN + 1)]
    counted = sum(parameter.numel() for parameter in adaptive.parameters())
    rows = [same("adaptive: parameters", parameters[1], counted)]
    rows += [
        same(f"{name}: multiply-adds per token", ours, reference, 1e-6)
        for name, ours, reference in zip(names, formulas, products, strict=True)
    ]
    scored: tuple[str | float, ...] = (V, "-", words)
    return rows, list(zip(names, parameters, scored, formulas, milliseconds, strict=True))


def _cluster_shares(targets: Tensor, V: int) -> list[float]:
    """Return P_i, the share of the targets in each cluster, rounded up."""
    inside = [int(((targets >= a) & (targets < b)).sum()) for a, b in pairwise([*CUTOFFS, V])]
    return [_rounded_up(count, len(targets)) / len(targets) for count in inside]


def _words_scored(targets: Tensor, V: int) -> int:
    """Return W of one draw: the words drawn, the targets and word 0, rounded up."""
    drawn = torch.rand(V, dtype=torch.float64) < inclusion_probabilities(V, SAMPLED)
    drawn[targets] = True
    drawn[0] = True
    return _rounded_up(int(drawn.sum()), SAMPLED)


def _rounded_up(count: int, expected: int) -> int:
    multiple = size_multiple(expected)
    return -(-count // multiple) * multiple


def _expected_words_row(ids: Tensor, V: int, draws: int = 300) -> Row:
    """Check E W for targets drawn independently from the words of the corpus."""
    generator = seeded()
    p = torch.bincount(ids, minlength=V).double() / len(ids)
    pi = inclusion_probabilities(V, SAMPLED).clone()
    pi[0] = 1
    scored = torch.rand(draws, V, generator=generator, dtype=torch.float64) < pi
    targets = torch.multinomial(p.expand(draws, V), BATCH, replacement=True, generator=generator)
    scored.scatter_(1, targets, True)
    expected = costs.expected_words(pi, p, BATCH)
    return simulated("sampled: E W, independent targets", expected, scored.sum(1).double())

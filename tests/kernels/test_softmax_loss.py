"""The losses that never hold all logits equal the plain ones, in value and in gradient."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from hf_lmcourse.kernels import logit_chunks, softmax_loss
from hf_lmcourse.kernels.scoring import right_tokens, token_losses
from hf_lmcourse.kernels.softmax_loss import IGNORED, linear_cross_entropy
from hf_lmcourse.layers import adaptive_softmax
from hf_lmcourse.layers.adaptive_softmax import AdaptiveOutput
from hf_lmcourse.layers.sampled_softmax import sampled_cross_entropy

CUTOFFS = [4, 8]
VOCABULARY = 11


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few tokens a chunk, so that a handful of tokens needs several chunks."""
    monkeypatch.setattr(logit_chunks, "_CHUNK_ELEMENTS", 2 * VOCABULARY)
    monkeypatch.setattr(logit_chunks, "_LEAST_CHUNK", 1)


def draw(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64, requires_grad=True)


def some_targets(tokens: int, vocabulary: int = VOCABULARY) -> Tensor:
    targets = torch.randint(vocabulary, (tokens,), generator=torch.Generator().manual_seed(3))
    targets[::3] = -100
    return targets


def adaptive(vocabulary: int = VOCABULARY) -> AdaptiveOutput:
    torch.manual_seed(0)
    return AdaptiveOutput(16, vocabulary, CUTOFFS).double()


@settings(max_examples=25, deadline=None)
@given(
    tokens=st.integers(1, 9),
    size=st.integers(1, 5),
    vocabulary=st.integers(1, 12),
    with_bias=st.booleans(),
    chunk=st.integers(1, 40),
)
def test_the_chunked_loss_equals_plain_cross_entropy(
    tokens: int, size: int, vocabulary: int, with_bias: bool, chunk: int
) -> None:
    leaves = [draw(tokens, size), draw(vocabulary, size, seed=1)]
    leaves += [draw(vocabulary, seed=2)] if with_bias else []
    hidden, weight, bias = (*leaves, None)[:3]
    assert hidden is not None and weight is not None
    targets = some_targets(tokens, vocabulary)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logit_chunks, "_CHUNK_ELEMENTS", chunk)
        patch.setattr(logit_chunks, "_LEAST_CHUNK", 1)
        loss = linear_cross_entropy(hidden, weight, bias, targets)
    plain = functional.cross_entropy(
        functional.linear(hidden, weight, bias), targets, reduction="sum"
    )
    torch.testing.assert_close(loss, plain, rtol=1e-10, atol=1e-10)
    grads = torch.autograd.grad(loss * 0.7, leaves)
    plain_grads = torch.autograd.grad(plain * 0.7, leaves)
    torch.testing.assert_close(grads, plain_grads, rtol=1e-10, atol=1e-10)


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("with_bias", [False, True])
def test_gradcheck_accepts_the_loss(with_bias: bool) -> None:
    targets = some_targets(5)
    leaves: tuple[Tensor, ...] = (draw(5, 3), draw(VOCABULARY, 3, seed=1))
    leaves += (draw(VOCABULARY, seed=2),) if with_bias else ()

    def loss(hidden: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        return linear_cross_entropy(hidden, weight, bias, targets)

    assert torch.autograd.gradcheck(loss, leaves)


def test_frozen_parts_get_no_gradient_and_change_none() -> None:
    hidden, weight = draw(5, 3), draw(VOCABULARY, 3, seed=1)
    loss = linear_cross_entropy(hidden, weight.detach(), None, some_targets(5))
    plain = functional.cross_entropy(hidden @ weight.detach().t(), some_targets(5), reduction="sum")
    grads = (torch.autograd.grad(value, hidden) for value in (loss, plain))
    torch.testing.assert_close(*grads, rtol=1e-10, atol=1e-10)


def test_the_loss_of_low_precision_vectors_is_summed_in_float32() -> None:
    hidden = draw(6, 3).detach().bfloat16()
    loss = linear_cross_entropy(hidden, draw(VOCABULARY, 3).detach(), None, some_targets(6))
    assert loss.dtype == torch.float32


def test_the_loss_survives_large_logits() -> None:
    hidden, weight = 1e4 * draw(4, 3).detach(), draw(VOCABULARY, 3).detach()
    assert linear_cross_entropy(hidden, weight, None, some_targets(4)).isfinite()


def test_nothing_to_predict_is_a_loss_of_zero() -> None:
    ignored = torch.full((3,), -100)
    hidden = draw(3, 16)
    assert linear_cross_entropy(hidden, draw(VOCABULARY, 16), None, ignored).item() == 0
    assert adaptive().loss(hidden, ignored).item() == 0
    assert adaptive().loss(hidden[:0], ignored[:0]).item() == 0


@pytest.mark.parametrize("target", [-1, -99, VOCABULARY])
@pytest.mark.parametrize("kind", ["full", "adaptive", "sampled", "token losses"])
def test_a_target_outside_the_vocabulary_is_refused(kind: str, target: int) -> None:
    hidden, weight = draw(3, 16), draw(VOCABULARY, 16, seed=1)
    targets = torch.tensor([2, target, IGNORED])
    losses: dict[str, Callable[[], object]] = {
        "full": lambda: linear_cross_entropy(hidden, weight, None, targets),
        "adaptive": lambda: adaptive().loss(hidden, targets),
        "sampled": lambda: sampled_cross_entropy(hidden, weight, None, targets, 3),
        "token losses": lambda: token_losses(lambda h: h @ weight.t(), hidden, targets, VOCABULARY),
    }
    with pytest.raises((IndexError, RuntimeError), match="out of bounds"):
        losses[kind]()


def test_adaptive_log_probabilities_are_normalised() -> None:
    log_probabilities = adaptive()(draw(2, 3, 16))
    assert log_probabilities.shape == (2, 3, VOCABULARY)
    total = log_probabilities.exp().sum(-1)
    torch.testing.assert_close(total, torch.ones_like(total), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("highest", [3, 8, VOCABULARY])
def test_the_adaptive_loss_is_that_of_its_log_probabilities(highest: int) -> None:
    head, hidden, targets = adaptive(), draw(9, 16), some_targets(9, highest)
    loss = head.loss(hidden, targets)
    plain = functional.nll_loss(head(hidden), targets, reduction="sum")
    leaves = [hidden, *head.parameters()]
    torch.testing.assert_close(loss, plain, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(
        torch.autograd.grad(loss, leaves),
        torch.autograd.grad(plain, leaves),
        rtol=1e-10,
        atol=1e-10,
    )


def test_clusters_differ_in_content_and_seldom_in_size(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = set()

    def note(hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor) -> Tensor:
        sizes.add((len(hidden), len(weight)))
        return linear_cross_entropy(hidden, weight, bias, targets)

    monkeypatch.setattr(adaptive_softmax, "linear_cross_entropy", note)
    head, chance = adaptive(), torch.Generator().manual_seed(0)
    for _ in range(20):
        head.loss(draw(100, 16), torch.randint(VOCABULARY, (100,), generator=chance))
    assert sizes == {(100, 6), (64, 4), (64, 3)}, "the head, and a cluster of 4 words, one of 3"


def test_tokens_that_fill_up_a_cluster_get_no_gradient() -> None:
    hidden, targets = draw(3, 16), torch.tensor([IGNORED, CUTOFFS[1], 0])
    (gradient,) = torch.autograd.grad(adaptive().loss(hidden, targets), hidden)
    assert (gradient.abs().sum(-1) > 0).tolist() == [False, True, True]


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("kind", ["linear", "adaptive"])
def test_token_losses_add_up_to_the_loss_and_count_the_hits(kind: str) -> None:
    head = nn.Linear(16, VOCABULARY).double() if kind == "linear" else adaptive()
    hidden, targets = draw(9, 16).detach(), some_targets(9)
    losses, hits = token_losses(head, hidden, targets, VOCABULARY)
    logits = head(hidden)
    assert losses.dtype == torch.float64
    assert not losses.requires_grad
    plain = functional.cross_entropy(logits, targets, reduction="none")
    torch.testing.assert_close(losses, plain.detach(), rtol=1e-10, atol=1e-10)
    assert torch.equal(hits, logits.argmax(-1) == targets)
    assert not hits[targets == -100].any()


def test_without_gradients_none_are_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("no gradient was asked for")

    monkeypatch.setattr(logit_chunks.ChunkLogits, "rounded", refuse)
    leaves = [draw(5, 3).requires_grad_(), draw(VOCABULARY, 3, seed=1).requires_grad_()]
    targets = some_targets(5, VOCABULARY)
    with torch.no_grad():
        loss = linear_cross_entropy(*leaves, None, targets)
    expected = functional.cross_entropy(leaves[0] @ leaves[1].t(), targets, reduction="sum")
    assert loss.item() == pytest.approx(expected.item(), rel=1e-12)


@given(st.lists(st.lists(st.integers(0, 2), min_size=4, max_size=4), min_size=1, max_size=6))
def test_the_first_of_the_likeliest_tokens_is_the_right_one(rows: list[list[int]]) -> None:
    logits = torch.tensor(rows, dtype=torch.float64)
    for target in (*range(4), IGNORED):
        targets = torch.full((len(rows),), target)
        assert torch.equal(right_tokens(logits, targets), logits.argmax(-1) == targets)


def loss_and_gradients(
    hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor
) -> list[Tensor]:
    leaves = [x.detach().requires_grad_() for x in (hidden, weight, bias) if x is not None]
    loss = linear_cross_entropy(leaves[0], leaves[1], (*leaves, None)[2], targets)
    return [loss.detach(), *torch.autograd.grad(loss, leaves)]


@settings(max_examples=40, deadline=None)
@given(
    tokens=st.integers(1, 9),
    vocabulary=st.sampled_from([1, 15, 16, 17, 40, 131]),
    with_bias=st.booleans(),
    scale=st.sampled_from([0.1, 1.0, 30.0]),
)
def test_the_compiled_errors_are_those_of_torch_to_a_unit_in_the_last_place(
    tokens: int, vocabulary: int, with_bias: bool, scale: float
) -> None:
    hidden, weight = draw(tokens, 4).bfloat16(), (scale * draw(vocabulary, 4, seed=1)).bfloat16()
    bias = draw(vocabulary, seed=2).bfloat16() if with_bias else None
    targets = some_targets(tokens, vocabulary)
    compiled = loss_and_gradients(hidden, weight, bias, targets)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(softmax_loss, "kernel_function", lambda *_: None)
        plain = loss_and_gradients(hidden, weight, bias, targets)
    torch.testing.assert_close(compiled[0], plain[0], rtol=1e-5, atol=1e-5)
    for ours, of_torch in zip(compiled[1:], plain[1:], strict=True):
        assert (ours - of_torch).abs().max() <= 0.01 * of_torch.abs().max() + 1e-30


def test_a_word_that_cannot_be_has_no_error_and_a_nan_is_not_hidden() -> None:
    hidden, weight = draw(3, 4).bfloat16(), draw(20, 4, seed=1).bfloat16()
    targets = torch.tensor([4, 2, 11])
    bias = torch.zeros(20, dtype=torch.bfloat16)
    bias[7] = -torch.inf
    loss, _, d_weight, d_bias = loss_and_gradients(hidden, weight, bias, targets)
    assert loss.isfinite()
    assert not d_weight[7].any() and not d_bias[7].any()
    bias[7] = torch.nan
    assert loss_and_gradients(hidden, weight, bias, targets)[0].isnan()


def test_the_logits_of_a_chunk_are_multiplied_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    products = logit_chunks.ChunkLogits.products

    def counted(logits: logit_chunks.ChunkLogits, h: Tensor) -> Tensor:
        calls.append(len(h))
        return products(logits, h)

    monkeypatch.setattr(logit_chunks.ChunkLogits, "products", counted)
    monkeypatch.setattr(softmax_loss, "kernel_function", lambda *_: None)
    hidden, weight = draw(6, 4).bfloat16(), draw(20, 4, seed=1).bfloat16()
    loss_and_gradients(hidden, weight, None, some_targets(6, 20))
    assert calls == [6]

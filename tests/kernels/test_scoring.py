"""The compiled losses of a text equal those in torch, in float64."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from hf_lmcourse import LSTMConfig, LSTMForCausalLM
from hf_lmcourse.kernels import build, scoring
from hf_lmcourse.kernels.dispatch import has_amx
from hf_lmcourse.kernels.scoring import can_score, compiled_token_losses, token_losses
from hf_lmcourse.kernels.softmax_loss import IGNORED
from hf_lmcourse.models import output_layer

from .roads import compiled_for, road, tiles_or_vectors
from .threads import num_threads

__all__ = ["road"]

needs_compiler = pytest.mark.skipif(
    build.kernel("scoring_kernel") is None, reason="there is no C++ compiler"
)


def draw(
    tokens: int, size: int, vocabulary: int, bias: bool = True
) -> tuple[Tensor, Tensor, Tensor | None, Tensor]:
    """Vectors, an output layer, and targets of which some are not to be scored."""
    generator = torch.Generator().manual_seed(tokens + 1000 * size + 100_000 * vocabulary)
    hidden = torch.randn(tokens, size, generator=generator)
    weight = torch.randn(vocabulary, size, generator=generator)
    targets = torch.randint(-1, vocabulary, (tokens,), generator=generator)
    offsets = torch.randn(vocabulary, generator=generator) if bias else None
    return hidden, weight, offsets, targets.where(targets >= 0, IGNORED)


def reference(
    hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor
) -> tuple[Tensor, Tensor]:
    head = nn.Linear(*weight.t().shape, bias=bias is not None).double()
    with torch.no_grad():
        head.weight.copy_(weight)
        if bias is not None:
            head.bias.copy_(bias)
    return token_losses(head, hidden.double(), targets, len(weight))


@tiles_or_vectors
@needs_compiler
@settings(max_examples=40, deadline=None)
@given(
    tokens=st.integers(64, 90),
    size=st.integers(1, 70),
    vocabulary=st.integers(2, 300),
    bias=st.booleans(),
    threads=st.integers(1, 3),
)
def test_losses_and_hits_are_those_of_torch_in_float64(
    road: str, tokens: int, size: int, vocabulary: int, bias: bool, threads: int
) -> None:
    arguments = draw(tokens, size, vocabulary, bias)
    with num_threads(threads):
        losses, hits = compiled_token_losses(*arguments)
    expected, right = reference(*arguments)
    torch.testing.assert_close(losses, expected, rtol=1e-5, atol=1e-5)
    assert torch.equal(hits, right)


@needs_compiler
def test_a_long_text_is_scored_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = draw(130, 9, 40)
    losses, hits = compiled_token_losses(*arguments)
    monkeypatch.setattr(scoring, "_MOST_TOKENS", 50)
    in_parts = compiled_token_losses(*arguments)
    assert torch.equal(in_parts[0], losses)
    assert torch.equal(in_parts[1], hits)


@tiles_or_vectors
@needs_compiler
def test_bfloat16_is_exact_but_for_the_rounding_of_what_is_multiplied(road: str) -> None:
    hidden, weight, bias, targets = draw(64, 40, 200)
    hidden = hidden.bfloat16()
    if not can_score(hidden):
        pytest.skip("this processor does not multiply bfloat16")
    losses, hits = compiled_token_losses(hidden, weight, bias, targets)
    expected, right = reference(hidden, weight.bfloat16(), bias, targets)
    torch.testing.assert_close(losses, expected, rtol=1e-5, atol=1e-5)
    assert torch.equal(hits, right)


@tiles_or_vectors
@needs_compiler
@given(st.lists(st.integers(-2, 2), min_size=2, max_size=40), st.integers(0, 39))
def test_of_several_likeliest_tokens_the_first_is_the_right_one(
    road: str, logits: list[int], target: int
) -> None:
    weight = torch.tensor(logits, dtype=torch.float32).unsqueeze(1)
    targets = torch.full((64,), target % len(logits))
    _, hits = compiled_token_losses(torch.ones(64, 1), weight, None, targets)
    assert torch.equal(hits, targets == weight.squeeze(1).argmax())


@tiles_or_vectors
@needs_compiler
def test_logits_far_apart_lose_no_digits(road: str) -> None:
    hidden, weight, bias, targets = draw(64, 8, 50)
    losses, _ = compiled_token_losses(200 * hidden, weight, bias, targets)
    expected, _ = reference(200 * hidden, weight, bias, targets)
    assert expected.max() > 1000
    torch.testing.assert_close(losses, expected, rtol=1e-5, atol=1e-3)


@tiles_or_vectors
@needs_compiler
@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-90, 90, width=32), min_size=2, max_size=60), st.integers(1, 20))
def test_logits_that_rise_and_fall_along_the_vocabulary_lose_no_digits(
    road: str, steps: list[float], words: int
) -> None:
    bias = torch.tensor(steps).cumsum(0).repeat_interleave(words)
    hidden, weight = torch.zeros(64, 1), torch.zeros(len(bias), 1)
    targets = torch.arange(64) % len(bias)
    losses, hits = compiled_token_losses(hidden, weight, bias, targets)
    expected, right = reference(hidden, weight, bias, targets)
    torch.testing.assert_close(losses, expected, rtol=1e-6, atol=1e-5)
    assert torch.equal(hits, right)


@tiles_or_vectors
@needs_compiler
def test_a_model_that_has_diverged_is_reported_as_such(road: str) -> None:
    hidden, weight, bias, targets = draw(64, 8, 50)
    weight[7, 3] = float("nan")
    losses, hits = compiled_token_losses(hidden, weight, bias, targets)
    scored = targets != IGNORED
    assert losses[scored].isnan().all()
    assert not hits.any()


@tiles_or_vectors
@needs_compiler
@pytest.mark.parametrize("place", ["hidden", "weight"])
@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_infinite_values_come_out_as_in_torch(road: str, place: str, value: float) -> None:
    hidden, weight, bias, targets = draw(70, 40, 300)
    (hidden if place == "hidden" else weight)[33, 33] = value
    losses, hits = compiled_token_losses(hidden, weight, bias, targets)
    expected, right = reference(hidden, weight, bias, targets)
    torch.testing.assert_close(losses, expected, rtol=1e-5, atol=1e-5, equal_nan=True)
    assert torch.equal(hits, right & ~expected.isnan())


@tiles_or_vectors
@needs_compiler
@pytest.mark.parametrize("scale", [1e-30, 1e-10, 1.0, 1e10, 1e18])
@pytest.mark.parametrize("size", [3, 32, 200])
def test_float32_is_as_precise_as_the_product_of_torch(road: str, size: int, scale: float) -> None:
    hidden, weight, bias, targets = draw(70, size, 300)
    hidden, weight = hidden * scale, weight / scale * 3
    expected, _ = reference(hidden, weight, bias, targets)
    found, _ = compiled_token_losses(hidden, weight, bias, targets)
    head = nn.Linear(size, 300)
    head.weight.data, head.bias.data = weight, bias
    in_torch, _ = token_losses(head, hidden, targets, 300)
    error, usual = (found - expected).abs().max(), (in_torch - expected).abs().max()
    assert error < 2 * usual


@pytest.mark.skipif(not has_amx(), reason="this processor has no AMX")
@needs_compiler
@pytest.mark.parametrize("threads", [1, 2])
def test_products_of_torch_are_the_same_before_and_after_tiles_of_ours(threads: int) -> None:
    arguments = draw(70, 40, 300)
    matrices = [torch.randn(n, n).bfloat16() for n in (48, 100)]
    with num_threads(threads):
        before = [x @ x for x in matrices]
        for _ in range(3):
            for x, product in zip(matrices, before, strict=True):
                compiled_token_losses(*arguments)
                assert torch.equal(x @ x, product)


@pytest.mark.skipif(not has_amx(), reason="this processor has no AMX")
@needs_compiler
def test_tiles_and_vectors_are_two_computations() -> None:
    arguments = draw(70, 40, 300)
    outcomes = []
    for name in ("tiles", "vectors"):
        with compiled_for(name):
            outcomes.append(compiled_token_losses(*arguments)[0])
    assert not torch.equal(*outcomes)


@needs_compiler
@pytest.mark.parametrize("target", [50, -1, -99])
def test_a_target_outside_the_vocabulary_is_refused(target: int) -> None:
    hidden, weight, bias, targets = draw(64, 8, 50)
    targets[9] = target
    with pytest.raises(IndexError, match=f"target {target} is outside a vocabulary of 50"):
        compiled_token_losses(hidden, weight, bias, targets)


@needs_compiler
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16], ids=str)
def test_the_default_type_of_new_tensors_changes_nothing(dtype: torch.dtype) -> None:
    arguments = draw(64, 8, 50)
    losses, hits = compiled_token_losses(*arguments)
    torch.set_default_dtype(dtype)
    try:
        found = compiled_token_losses(*arguments)
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(found[0], losses)
    assert torch.equal(found[1], hits)


@needs_compiler
def test_targets_may_be_narrower_whole_numbers() -> None:
    hidden, weight, bias, targets = draw(64, 8, 50)
    expected = compiled_token_losses(hidden, weight, bias, targets)
    found = compiled_token_losses(hidden, weight, bias, targets.int())
    assert torch.equal(found[0], expected[0])
    assert torch.equal(found[1], expected[1])


@needs_compiler
def test_few_tokens_and_other_types_are_left_to_torch() -> None:
    assert can_score(torch.zeros(64, 3))
    assert not can_score(torch.zeros(63, 3)), "arranging W would cost more than it saves"
    assert not can_score(torch.zeros(64, 3, dtype=torch.float64))
    assert not can_score(torch.zeros(64, 3, dtype=torch.bfloat16)), "three units: no pairs"


@needs_compiler
@pytest.mark.parametrize(
    "settings",
    [{}, {"output_layer": "tied", "embedding_size": 6}, {"num_softmaxes": 2}],
    ids=["full", "tied and projected", "mixture"],
)
@pytest.mark.parametrize("temperature", [1.0, 0.6])
def test_a_model_scores_the_same_with_the_kernel_and_without(
    temperature: float, settings: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    model = LSTMForCausalLM(LSTMConfig(vocab_size=30, hidden_size=8, **settings)).eval()
    ids, targets = torch.randint(30, (2, 4, 20))
    with_kernel = model.score_tokens(ids, targets, temperature=temperature)[:2]
    monkeypatch.setattr(output_layer, "can_score", lambda _: False)
    losses, hits = model.score_tokens(ids, targets, temperature=temperature)[:2]
    torch.testing.assert_close(with_kernel[0], losses, rtol=1e-5, atol=1e-6)
    assert torch.equal(with_kernel[1], hits)

"""Dropout of entries, of features along a whole sequence, and of whole words; the mean kept."""

import pytest
import torch
from torch.nn import functional

from hf_lmcourse.kernels import build
from hf_lmcourse.layers.dropout import Dropout, LockedDropout, drop, drop_words


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("p", [0.0, 0.1, 1 / 3, 0.45, 0.9, 1.0])
@pytest.mark.parametrize("compiled", [True, False])
def test_entries_are_those_that_torch_drops_and_the_generator_goes_on_alike(
    p: float, dtype: torch.dtype, compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not compiled:
        monkeypatch.setattr(build, "kernel", lambda name: None)
    x = torch.randn(3, 40_000, dtype=dtype)
    for shaped in (x, x.t(), x.view(3, 200, 200)[:, ::2]):
        results = []
        for dropout in (drop, functional.dropout):
            torch.manual_seed(1)
            leaf = shaped.detach().requires_grad_()
            y = dropout(leaf, p)
            y.sum().backward()
            results.append((y.detach(), leaf.grad, torch.rand(2)))
        for ours, of_torch in zip(*results, strict=True):
            assert torch.equal(ours, of_torch)


def test_the_module_is_that_of_torch_in_training_and_the_identity_in_evaluation() -> None:
    x = torch.randn(5, 7)
    results = []
    for module in (Dropout(0.3), torch.nn.Dropout(0.3)):
        torch.manual_seed(2)
        results.append(module.train()(x))
    assert torch.equal(*results)
    assert Dropout(0.3).eval()(x) is x


def test_the_mask_is_the_same_at_every_time_step_and_differs_between_rows() -> None:
    torch.manual_seed(0)
    dropped = LockedDropout(0.4).train()(torch.ones(4, 6, 50))
    assert torch.equal(dropped, dropped[:, :1].expand_as(dropped))
    assert not torch.equal(dropped[0], dropped[1])


@pytest.mark.parametrize("p", [0.1, 0.4, 0.65])
def test_the_share_dropped_is_p_and_the_mean_stays(p: float) -> None:
    torch.manual_seed(0)
    dropped = LockedDropout(p).train()(torch.ones(20, 2, 5000))
    assert dropped.unique().tolist() == pytest.approx([0, 1 / (1 - p)])
    assert (dropped == 0).double().mean().item() == pytest.approx(p, abs=0.01)
    assert dropped.mean().item() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(("p", "training"), [(0.4, False), (0.0, True)])
def test_it_is_the_identity_in_evaluation_and_without_a_probability(
    p: float, training: bool
) -> None:
    x = torch.randn(2, 3, 4)
    assert LockedDropout(p).train(training)(x) is x


def test_the_gradient_is_the_mask() -> None:
    torch.manual_seed(0)
    x = torch.ones(2, 3, 4, requires_grad=True)
    dropped = LockedDropout(0.5).train()(x)
    dropped.sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, dropped.detach())


def test_it_says_its_probability() -> None:
    assert repr(LockedDropout(0.4)) == "LockedDropout(p=0.4)"


def test_a_dropped_word_is_missing_wherever_it_occurs_and_the_others_are_scaled() -> None:
    torch.manual_seed(0)
    ids = torch.randint(50, (6, 40))
    factors = drop_words(torch.ones(6, 40, 3), ids, 50, 0.4)
    assert factors.unique().tolist() == pytest.approx([0, 1 / 0.6])
    for word in ids.unique():
        assert len(factors[ids == word].unique()) == 1
    assert len({factors[ids == word][0, 0].item() for word in ids.unique()}) == 2


def test_the_share_of_words_dropped_is_p() -> None:
    torch.manual_seed(0)
    ids = torch.arange(20_000)[None]
    dropped = drop_words(torch.ones(1, 20_000, 1), ids, 20_000, 0.3)
    assert (dropped == 0).double().mean().item() == pytest.approx(0.3, abs=0.02)
    assert dropped.mean().item() == pytest.approx(1, abs=0.02)

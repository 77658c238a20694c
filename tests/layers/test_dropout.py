"""Dropout of features with one mask for a whole sequence, and of whole words; the mean kept."""

import pytest
import torch

from hf_lmcourse.layers.dropout import LockedDropout, drop_words


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

"""Random forgetting: whole streams, as often as asked for, the same again from a checkpoint."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader

from hf_lmcourse import (
    LmcourseError,
    NGramFNNConfig,
    NGramFNNForCausalLM,
    TransformerConfig,
    TransformerForCausalLM,
)
from hf_lmcourse.data.windows import TokenWindows
from hf_lmcourse.training import trainer as trainer_module
from hf_lmcourse.training.arguments import RunArguments
from hf_lmcourse.training.random_forgetting import forget_state

from .resumed_runs import assert_identical, fresh
from .test_trainer import STREAMS, VOCABULARY, streams, tiny_model, trainer


def test_streams_forget_all_layers_or_nothing_and_as_often_as_asked() -> None:
    torch.manual_seed(0)
    state = [(torch.ones(4000, 1, 3), torch.ones(4000, 1, 2)), 7]
    (h, c), seven = forget_state(state, 0.2)
    assert seven == 7
    forgotten = h[:, 0, 0] == 0
    assert forgotten.double().mean().item() == pytest.approx(0.2, abs=0.02)
    for part in (h, c):
        assert (part[forgotten] == 0).all()
        assert (part[~forgotten] == 1).all()


def test_without_a_state_or_a_probability_nothing_is_drawn() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    assert forget_state(None, 0.5) is None
    state = (torch.ones(3, 1, 2),)
    assert forget_state(state, 0.0) is state
    assert torch.equal(torch.get_rng_state(), before)


def test_training_equals_a_plain_loop_that_forgets_the_same_streams(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[Tensor] = []

    def recorded(state: Any, probability: float) -> Any:
        state = forget_state(state, probability)
        if state is not None:
            kept.append(state.layers[0].states[0].abs().sum((1, 2)) > 0)
        return state

    monkeypatch.setattr(trainer_module, "forget_state", recorded)
    run = trainer(tmp_path, forget_state=0.4, num_train_epochs=1)
    run.train()
    assert 0 < sum(int((~row).sum()) for row in kept) < STREAMS * len(kept)

    model, masks, state = tiny_model().train(), iter(kept), None
    for batch in DataLoader(streams(), batch_size=STREAMS):
        if state is not None:
            keep = next(masks)[:, None]
            state = tuple(torch.where(keep, part, 0.0) for part in state)
        hidden, state = model.model.layers[0](model.model.embed_tokens(batch["input_ids"]), state)
        state = tuple(part[:, -1].detach() for part in state)
        logits, labels = model.lm_head(hidden).flatten(0, 1), batch["labels"].flatten()
        model.zero_grad()
        functional.cross_entropy(logits, labels).backward()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter -= 0.5 * parameter.grad
    for name, value in model.state_dict().items():
        torch.testing.assert_close(run.model.state_dict()[name], value, rtol=1e-4, atol=1e-6)


def test_a_resumed_run_forgets_as_the_whole_one(tmp_path: Path) -> None:
    whole = fresh(tmp_path / "whole", forget_state=0.5)
    whole.train()
    other = fresh(tmp_path / "other")
    other.train()
    assert not torch.equal(whole.model.lm_head.weight, other.model.lm_head.weight)
    resumed = fresh(tmp_path / "resumed", forget_state=0.5)
    resumed.train(resume_from_checkpoint=str(tmp_path / "whole" / "checkpoint-5"))
    assert_identical(resumed, whole)


def test_models_without_such_a_state_are_refused(tmp_path: Path) -> None:
    sizes = {"vocab_size": VOCABULARY, "hidden_size": 8}
    with pytest.raises(LmcourseError, match="forget_state is for the recurrent models"):
        trainer(tmp_path, NGramFNNForCausalLM(NGramFNNConfig(**sizes)), forget_state=0.1)
    windows = TokenWindows(streams().tokens, 5, rows=STREAMS, first_context=0)
    model = TransformerForCausalLM(
        TransformerConfig(**sizes, num_attention_heads=2, max_position_embeddings=5)
    )
    with pytest.raises(LmcourseError, match="set it to 0 for lmcourse_transformer"):
        trainer(tmp_path, model, train_dataset=windows, forget_state=0.1)
    with pytest.raises(LmcourseError, match="trained along streams"):
        trainer(tmp_path, train_dataset=windows, forget_state=0.1)


@pytest.mark.parametrize("value", [-0.1, 1.0])
def test_a_probability_out_of_range_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="forget_state must be at least 0 and below 1"):
        RunArguments(forget_state=value)

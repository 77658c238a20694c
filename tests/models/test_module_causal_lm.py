"""A module of one's own as a language model."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from hf_lmcourse.models.module_causal_lm import ModuleConfig, ModuleForCausalLM

from .families import VOCABULARY, assert_close, token_ids


class MyGRU(nn.Module):
    """A state of one tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(VOCABULARY, 5)
        self.cell = nn.GRUCell(5, 6)
        self.output = nn.Linear(6, VOCABULARY)

    def forward(self, input_ids: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        """One token after the other."""
        outputs = []
        for x in self.embed(input_ids).unbind(1):
            state = self.cell(x, state)
            outputs.append(self.output(state))
        assert state is not None
        return torch.stack(outputs, dim=1), state


class MyLSTM(MyGRU):
    """A state of two tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(5, 6)  # type: ignore[assignment]

    def forward(self, input_ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        """One token after the other."""
        outputs = []
        for x in self.embed(input_ids).unbind(1):
            state = self.cell(x, state)
            outputs.append(self.output(state[0]))
        return torch.stack(outputs, dim=1), state


every_module = pytest.mark.parametrize("kind", [MyGRU, MyLSTM])


def model_around(kind: type[nn.Module]) -> ModuleForCausalLM:
    torch.manual_seed(0)
    return ModuleForCausalLM(ModuleConfig(vocab_size=VOCABULARY), kind()).double().eval()


@every_module
def test_its_weights_are_left_as_they_are(kind: type[nn.Module]) -> None:
    torch.manual_seed(0)
    expected, found = kind().double().state_dict(), model_around(kind).module.state_dict()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@every_module
def test_a_state_is_carried(kind: type[nn.Module]) -> None:
    model, ids = model_around(kind), token_ids(2, 7)
    whole = model(ids)
    first = model(ids[:, :3])
    second = model(ids[:, 3:], past_key_values=first.past_key_values)
    assert_close(torch.cat([first.logits, second.logits], dim=1), whole.logits)
    assert second.past_key_values.get_seq_length() == 7
    assert model(ids, use_cache=False).past_key_values is None


@every_module
def test_the_loss_and_the_scores_are_those_of_the_logits(kind: type[nn.Module]) -> None:
    model, stream = model_around(kind), token_ids(2, 8)
    ids, targets = stream[:, :-1], stream[:, 1:].clone()
    targets[0, :3] = -100
    logits = model(ids).logits
    expected = functional.cross_entropy(logits.flatten(0, 1), targets.flatten()).float()
    torch.testing.assert_close(model(ids, shift_labels=targets).loss, expected)
    shifted = functional.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten()).float()
    torch.testing.assert_close(model(ids, labels=ids).loss, shifted)
    losses, hits, past = model.score_tokens(ids, targets)
    torch.testing.assert_close((losses.sum() / (targets >= 0).sum()).float(), expected)
    assert torch.equal(hits, logits.argmax(-1) == targets)
    assert past is not None


@every_module
def test_it_generates_and_comes_back_from_a_file(kind: type[nn.Module], tmp_path: Path) -> None:
    model, ids = model_around(kind), token_ids(2, 4)
    options = {"max_new_tokens": 6, "do_sample": False, "attention_mask": torch.ones_like(ids)}
    expected = model.generate(ids, use_cache=False, **options)
    assert torch.equal(model.generate(ids, **options), expected)
    model.save_pretrained(tmp_path)
    loaded = ModuleForCausalLM.from_pretrained(tmp_path, kind().double())
    assert torch.equal(loaded(ids).logits, model(ids).logits)


def test_padding_is_refused() -> None:
    mask = torch.tensor([[0, 1, 1], [1, 1, 1]])
    with pytest.raises(ValueError, match="knows no padding"):
        model_around(MyGRU)(token_ids(2, 3), attention_mask=mask)


def test_packed_rows_are_refused() -> None:
    positions = torch.tensor([[0, 1, 0]])
    with pytest.raises(ValueError, match="knows no packed rows"):
        model_around(MyGRU)(token_ids(2, 3), position_ids=positions)

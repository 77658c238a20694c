"""`StreamTrainer` on models that are not of the package, and on a module of one's own."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    Mamba2Config,
    Mamba2ForCausalLM,
    RwkvConfig,
    RwkvForCausalLM,
)

from hf_lmcourse import LmcourseError
from hf_lmcourse.data.windows import TokenWindows
from hf_lmcourse.models.carried_states import detach_state
from hf_lmcourse.models.module_causal_lm import ModuleConfig, ModuleForCausalLM
from hf_lmcourse.training.arguments import RunArguments
from hf_lmcourse.training.carried_state import load_carried_state
from hf_lmcourse.training.trainer import StreamTrainer

from .resumed_runs import SETTINGS, assert_identical
from .test_trainer import STREAMS, VOCABULARY, streams, tiny_model, trainer


def gpt2() -> GPT2LMHeadModel:
    torch.manual_seed(0)
    sizes = {"n_embd": 8, "n_layer": 1, "n_head": 2, "n_positions": 5}
    dropouts = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
    special = {"bos_token_id": 0, "eos_token_id": 0}
    return GPT2LMHeadModel(GPT2Config(vocab_size=VOCABULARY, **sizes, **dropouts, **special))


def windows(length: int = 121) -> TokenWindows:
    tokens = np.random.default_rng(0).integers(VOCABULARY, size=length).astype(np.uint16)
    return TokenWindows(tokens, 5, rows=STREAMS, first_context=0)


def window_trainer(folder: Path, **changes: Any) -> StreamTrainer:
    settings: dict[str, Any] = {
        "output_dir": str(folder),
        "per_device_train_batch_size": STREAMS,
        "per_device_eval_batch_size": STREAMS,
        "num_train_epochs": 1,
        "learning_rate": 0.5,
        "optim": "sgd",
        "lr_scheduler_type": "constant",
        "max_grad_norm": 0.0,
        "eval_strategy": "no",
        "save_strategy": "no",
        "disable_tqdm": True,
        "use_cpu": True,
    }
    return StreamTrainer(
        model=gpt2(),
        args=RunArguments(**settings | changes),
        train_dataset=windows(),
        eval_dataset=windows(61),
    )


def loss_by_hand(model: Any, batch: dict[str, Tensor], smoothing: float) -> Tensor:
    logits = model(input_ids=batch["input_ids"]).logits.flatten(0, 1)
    targets = batch["shift_labels"].flatten()
    return functional.cross_entropy(logits, targets, label_smoothing=smoothing)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("accumulate", [1, 2])
def test_gpt2_on_windows_is_trained_as_by_hand(
    accumulate: int, smoothing: float, tmp_path: Path
) -> None:
    run = window_trainer(
        tmp_path, gradient_accumulation_steps=accumulate, label_smoothing_factor=smoothing
    )
    run.train()
    model = gpt2()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    batches = list(DataLoader(windows(), batch_size=STREAMS))
    for first in range(0, len(batches), accumulate):
        part = batches[first : first + accumulate]
        joined = {name: torch.cat([batch[name] for batch in part]) for name in part[0]}
        optimizer.zero_grad()
        loss_by_hand(model, joined, smoothing).backward()
        optimizer.step()
    trained = run.model.state_dict()
    for name, value in model.state_dict().items():
        torch.testing.assert_close(trained[name], value, rtol=1e-4, atol=1e-5)


def test_the_log_of_gpt2_is_its_cross_entropy_whatever_is_smoothed(tmp_path: Path) -> None:
    """With a rate of zero the weights stay, and so must what is logged."""
    logged = []
    for smoothing in (0.0, 0.3):
        run = window_trainer(
            tmp_path / str(smoothing),
            learning_rate=0.0,
            logging_steps=1,
            label_smoothing_factor=smoothing,
        )
        run.train()
        logged.append([log["loss"] for log in run.state.log_history if "loss" in log])
    assert logged[0] and logged[1] == pytest.approx(logged[0], rel=1e-5)


def test_labels_of_ordinary_data_are_smoothed_too(tmp_path: Path) -> None:
    run = window_trainer(tmp_path, label_smoothing_factor=0.3)
    ids = torch.randint(VOCABULARY, (2, 5), generator=torch.Generator().manual_seed(0))
    loss = run.compute_loss(run.model.train(), {"input_ids": ids, "labels": ids})
    logits = run.model(input_ids=ids).logits[:, :-1].flatten(0, 1)
    expected = functional.cross_entropy(logits, ids[:, 1:].flatten(), label_smoothing=0.3)
    torch.testing.assert_close(loss, expected)


def test_gpt2_is_scored_on_every_token(tmp_path: Path) -> None:
    run = window_trainer(tmp_path)
    nats, tokens = 0.0, 0
    for batch in DataLoader(windows(61), batch_size=STREAMS):
        counted = int((batch["shift_labels"] != -100).sum())
        with torch.no_grad():
            nats += loss_by_hand(run.model.eval(), batch, 0.0).item() * counted
        tokens += counted
    metrics = run.evaluate()
    assert metrics["eval_tokens"] == tokens == 61
    assert metrics["eval_perplexity"] == pytest.approx(math.exp(nats / tokens), rel=1e-5)


def test_a_model_without_a_state_is_given_windows(tmp_path: Path) -> None:
    with pytest.raises(LmcourseError, match="give TokenWindows"):
        trainer(tmp_path, gpt2())


def rwkv() -> RwkvForCausalLM:
    torch.manual_seed(0)
    sizes = {"hidden_size": 8, "attention_hidden_size": 8, "num_hidden_layers": 2}
    special = {"bos_token_id": 0, "eos_token_id": 0}
    return RwkvForCausalLM(RwkvConfig(vocab_size=VOCABULARY, **sizes, **special))


def mamba2() -> Mamba2ForCausalLM:
    torch.manual_seed(0)
    sizes = {"hidden_size": 8, "num_hidden_layers": 2, "num_heads": 2, "head_dim": 8}
    sizes |= {"state_size": 4, "n_groups": 1, "chunk_size": 4}
    special = {"pad_token_id": 0, "bos_token_id": 0, "eos_token_id": 0}
    return Mamba2ForCausalLM(Mamba2Config(vocab_size=VOCABULARY, **sizes, **special))


carrying = pytest.mark.parametrize(
    ("make", "name"), [(rwkv, "state"), (mamba2, "cache_params")], ids=["rwkv", "mamba2"]
)


@carrying
def test_a_state_of_another_package_is_carried_as_by_hand(
    make: Callable[[], Any], name: str, tmp_path: Path
) -> None:
    run = trainer(tmp_path, make(), num_train_epochs=1, learning_rate=0.1)
    run.train()
    model, state = make(), None
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for batch in DataLoader(streams(), batch_size=STREAMS):
        optimizer.zero_grad()
        with torch.autograd.graph.allow_mutation_on_saved_tensors():
            outputs = model(input_ids=batch["input_ids"], use_cache=True, **{name: state})
            logits = outputs.logits.flatten(0, 1)
            functional.cross_entropy(logits, batch["shift_labels"].flatten()).backward()
        optimizer.step()
        state = detach_state(outputs[name])
    trained = run.model.state_dict()
    for key, value in model.state_dict().items():
        torch.testing.assert_close(trained[key], value, rtol=1e-4, atol=1e-5)


@carrying
def test_with_its_state_a_block_is_read_after_all_text_before_it(
    make: Callable[[], Any], name: str, tmp_path: Path
) -> None:
    """With a rate of zero the weights stay: each step logs the loss of a part of the whole text."""
    run = trainer(tmp_path, make(), num_train_epochs=1, learning_rate=0.0, logging_steps=1)
    run.train()
    batches = list(DataLoader(streams(), batch_size=STREAMS))
    ids, labels = (torch.cat([b[n] for b in batches], 1) for n in ("input_ids", "shift_labels"))
    with torch.no_grad():
        losses = functional.cross_entropy(
            make()(input_ids=ids).logits.transpose(1, 2), labels, reduction="none"
        )
    counted = torch.stack([(part != -100).sum() for part in labels.split(5, 1)])
    expected = torch.stack([part.sum() for part in losses.split(5, 1)]) / counted
    logged = [log["loss"] for log in run.state.log_history if "loss" in log]
    assert logged == pytest.approx(expected.tolist(), rel=1e-4)


@carrying
def test_a_state_of_another_package_is_resumed_bit_for_bit(
    make: Callable[[], Any], name: str, tmp_path: Path
) -> None:
    settings = SETTINGS | {"max_steps": 12}  # the checkpoints are inside the first epoch
    whole = trainer(tmp_path / "whole", make(), **settings)
    whole.train()
    torch.manual_seed(99)
    for step in (5, 10):
        resumed = trainer(tmp_path / f"from {step}", make(), **settings)
        resumed.train(resume_from_checkpoint=str(tmp_path / "whole" / f"checkpoint-{step}"))
        assert_identical(resumed, whole)


def test_a_state_of_another_model_is_not_taken(tmp_path: Path) -> None:
    whole = trainer(tmp_path / "whole", rwkv(), **SETTINGS)
    whole.train()
    checkpoint = tmp_path / "whole" / "checkpoint-5"
    state, cuts = checkpoint / "stream_state_0.safetensors", whole._cuts
    device = torch.device("cpu")
    with pytest.raises(LmcourseError, match="stream_state_0.safetensors .* is damaged"):
        load_carried_state(state, mamba2(), "cache_params", device, cuts)


class Wrapped(nn.Module):
    """The package's own LSTM as a student's module."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = tiny_model()

    def forward(self, input_ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        """The logits and the state of its one layer."""
        body = self.lstm.model
        output, after = body.layers[0](body.embed_tokens(input_ids), state)
        return self.lstm.logits(output), tuple(part[:, -1] for part in after)


def test_a_module_of_ones_own_is_trained_with_its_state(tmp_path: Path) -> None:
    module = ModuleForCausalLM(ModuleConfig(vocab_size=VOCABULARY), Wrapped())
    own = trainer(tmp_path / "own", module)
    ours = trainer(tmp_path / "ours", train_dataset=streams())
    own.train()
    ours.train()
    expected = ours.model.state_dict()
    for name, value in own.model.module.lstm.state_dict().items():
        torch.testing.assert_close(value, expected[name], rtol=1e-4, atol=1e-5)
    assert own.evaluate()["eval_loss"] == pytest.approx(ours.evaluate()["eval_loss"], rel=1e-4)

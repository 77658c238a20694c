"""StreamTrainer against loops written out by hand, and against itself resumed."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader

from hf_lmcourse import LmcourseError, LSTMConfig, LSTMForCausalLM
from hf_lmcourse.data.streams import ContiguousStreams
from hf_lmcourse.training.arguments import RunArguments
from hf_lmcourse.training.trainer import StreamTrainer

VOCABULARY = 13
STREAMS = 4


def tiny_model(**changes: Any) -> LSTMForCausalLM:
    torch.manual_seed(0)
    return LSTMForCausalLM(LSTMConfig(vocab_size=VOCABULARY, hidden_size=8, **changes))


def streams(length: int = 241, num_streams: int = STREAMS, **options: Any) -> ContiguousStreams:
    tokens = np.random.default_rng(0).integers(VOCABULARY, size=length).astype(np.uint16)
    return ContiguousStreams(tokens, num_streams, 5, first_context=0, **options)


def trainer(folder: Path, model: Any = None, **changes: Any) -> StreamTrainer:
    settings = {
        "output_dir": str(folder),
        "per_device_train_batch_size": STREAMS,
        "per_device_eval_batch_size": STREAMS,
        "num_train_epochs": 2,
        "learning_rate": 0.5,
        "optim": "sgd",
        "lr_scheduler_type": "constant",
        "max_grad_norm": 0.0,
        "eval_strategy": "no",
        "save_strategy": "no",
        "save_total_limit": None,
        "load_best_model_at_end": False,
        "disable_tqdm": True,
        "use_cpu": True,
    }
    train = changes.pop("train_dataset", None) or streams()
    return StreamTrainer(
        model=model or tiny_model(),
        args=RunArguments(**settings | changes),
        train_dataset=train,
        eval_dataset=streams(101),
    )


def loop_by_hand(model: LSTMForCausalLM, epochs: int, accumulate: int = 1) -> list[float]:
    """Truncated backpropagation as a plain loop, the state detached and carried; SGD at 0.5."""
    model.train()
    losses = []
    for _ in range(epochs):
        state: tuple[Tensor, ...] | None = None
        batches = list(DataLoader(streams(), batch_size=STREAMS))
        for start in range(0, len(batches), accumulate):
            group = batches[start : start + accumulate]
            count = sum(int((batch["labels"] != -100).sum()) for batch in group)
            total = torch.zeros(())
            model.zero_grad()
            for batch in group:
                hidden = model.model.embed_tokens(batch["input_ids"])
                hidden, state = model.model.layers[0](hidden, state)
                state = tuple(component[:, -1].detach() for component in state)
                logits = model.lm_head(hidden).flatten(0, 1)
                loss = functional.cross_entropy(logits, batch["labels"].flatten(), reduction="sum")
                (loss / count).backward()
                total += loss.detach() / count
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter -= 0.5 * parameter.grad
            losses.append(total.item())
    return losses


def assert_same_weights(actual: torch.nn.Module, expected: torch.nn.Module) -> None:
    for name, value in expected.state_dict().items():
        torch.testing.assert_close(actual.state_dict()[name], value, rtol=1e-5, atol=1e-6, msg=name)


@pytest.mark.parametrize("accumulate", [1, 2, 3])
def test_training_equals_truncated_backpropagation_by_hand(tmp_path: Path, accumulate: int) -> None:
    expected = tiny_model()
    losses = loop_by_hand(expected, epochs=2, accumulate=accumulate)
    run = trainer(tmp_path, gradient_accumulation_steps=accumulate, logging_steps=1)
    run.train()
    assert_same_weights(run.model, expected)
    logged = [entry["loss"] for entry in run.state.log_history if "loss" in entry]
    assert logged == pytest.approx(losses, rel=1e-4)
    perplexities = [entry["perplexity"] for entry in run.state.log_history if "loss" in entry]
    assert perplexities == pytest.approx([math.exp(loss) for loss in losses], rel=1e-3)


@pytest.mark.parametrize(
    "optimizers",
    [{}, {"optim": "adamw_torch", "adam_epsilon": 0.1, "vectors_learning_rate": 1.0}],
)
def test_training_with_sparse_gradients_gives_the_same_weights(
    optimizers: dict[str, Any], tmp_path: Path
) -> None:
    models = []
    for sparse in (True, False):
        model = tiny_model(output_layer="tied", num_sampled=6, sparse_gradients=sparse)
        run = trainer(tmp_path, model, max_grad_norm=0.5, **optimizers)
        torch.manual_seed(0)
        run.train()
        models.append(run.model)
    assert_same_weights(*models)


@pytest.mark.parametrize("kind", ["train", "eval"])
def test_a_batch_that_is_not_one_row_a_stream_is_refused(tmp_path: Path, kind: str) -> None:
    run = trainer(tmp_path, **{f"per_device_{kind}_batch_size": 3})
    with pytest.raises(LmcourseError, match=f"per_device_{kind}_batch_size 4 .* not 3"):
        run.train() if kind == "train" else run.evaluate()


def test_carrying_the_state_matters(tmp_path: Path) -> None:
    run = trainer(tmp_path)
    run.train()
    forgetful = trainer(tmp_path)
    forgetful.train_dataset = [forgetful.train_dataset[i] for i in range(len(streams()))]
    forgetful.args.train_sampling_strategy = "sequential"
    forgetful.train()
    assert any(
        not torch.allclose(a, b)
        for a, b in zip(run.model.parameters(), forgetful.model.parameters(), strict=True)
    )


@pytest.mark.parametrize("stop_at", [5, 13, 17])
def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(
    tmp_path: Path, stop_at: int
) -> None:
    settings: dict[str, Any] = {
        "optim": "adamw_torch",
        "lr_scheduler_type": "cosine",
        "learning_rate": 0.01,
        "max_grad_norm": 1.0,
        "save_strategy": "steps",
        "save_steps": stop_at,
        "eval_strategy": "steps",
        "eval_steps": 4,
    }
    dropout = {"output_dropout": 0.5, "recurrent_dropout": 0.3}

    def fresh(folder: str) -> StreamTrainer:
        data = streams(random_offset=True)
        assert len(data) // STREAMS == 13
        return trainer(tmp_path / folder, tiny_model(**dropout), train_dataset=data, **settings)

    whole = fresh("whole")
    whole.train()
    torch.manual_seed(99)
    resumed = fresh("resumed")
    resumed.train(resume_from_checkpoint=str(tmp_path / "whole" / f"checkpoint-{stop_at}"))
    for name, value in whole.model.state_dict().items():
        assert torch.equal(resumed.model.state_dict()[name], value), name


def stopped_inside_an_epoch(folder: Path) -> Path:
    trainer(folder, save_strategy="steps", save_steps=5, max_steps=5).train()
    return folder / "checkpoint-5"


def test_a_checkpoint_inside_an_epoch_goes_on_with_its_own_cuts_alone(tmp_path: Path) -> None:
    checkpoint = stopped_inside_an_epoch(tmp_path)
    wider = trainer(tmp_path, train_dataset=streams(num_streams=6), per_device_train_batch_size=6)
    with pytest.raises(LmcourseError, match="cut with num_streams 4, .* cannot go on with num_str"):
        wider.train(resume_from_checkpoint=str(checkpoint))


def test_a_checkpoint_without_the_state_of_its_streams_is_refused(tmp_path: Path) -> None:
    checkpoint = stopped_inside_an_epoch(tmp_path)
    (checkpoint / "stream_state_0.safetensors").unlink()
    with pytest.raises(LmcourseError, match="lacks stream_state_0.safetensors: name an older"):
        trainer(tmp_path).train(resume_from_checkpoint=str(checkpoint))


def test_the_characters_of_the_validation_text_are_those_of_no_other(tmp_path: Path) -> None:
    run = trainer(tmp_path)
    run.eval_counts = {"characters": 500}
    assert "eval_bits_per_character" in run.evaluate()
    assert "eval_bits_per_character" not in run.evaluate(streams(61))


def test_evaluation_scores_every_token_once_with_all_the_text_before_it(tmp_path: Path) -> None:
    model = tiny_model().eval()
    run = trainer(tmp_path, model, per_device_eval_batch_size=1)
    run.eval_dataset = streams(101, num_streams=1)
    run.eval_counts = {"characters": 303, "num_bytes": 404, "words": 50}
    metrics = run.evaluate()
    tokens = torch.from_numpy(run.eval_dataset.tokens.astype(np.int64))
    inputs = torch.cat([torch.zeros(1, dtype=torch.long), tokens[:-1]])
    logits = model(inputs[None]).logits[0].double()
    nats = functional.cross_entropy(logits, tokens, reduction="sum").item()
    assert metrics["eval_tokens"] == 101
    assert metrics["eval_nats_per_token"] == pytest.approx(nats / 101, rel=1e-6)
    assert metrics["eval_loss"] == metrics["eval_nats_per_token"]
    assert metrics["eval_perplexity"] == pytest.approx(math.exp(nats / 101), rel=1e-6)
    assert metrics["eval_bits_per_character"] == pytest.approx(nats / math.log(2) / 303, rel=1e-6)
    assert metrics["eval_bits_per_byte"] == pytest.approx(nats / math.log(2) / 404, rel=1e-6)
    accuracy = (logits.argmax(-1) == tokens).double().mean().item()
    assert metrics["eval_accuracy"] == pytest.approx(accuracy)


def test_evaluation_leaves_the_carried_state_alone(tmp_path: Path) -> None:
    quiet, evaluating = trainer(tmp_path), trainer(tmp_path, eval_strategy="steps", eval_steps=3)
    quiet.train()
    evaluating.train()
    for name, value in quiet.model.state_dict().items():
        assert torch.equal(evaluating.model.state_dict()[name], value), name


def test_step_decay_multiplies_the_rate_at_each_border(tmp_path: Path) -> None:
    run = trainer(
        tmp_path,
        lr_scheduler_type="step",
        step_decay_start=4,
        step_decay_every=3,
        step_decay_factor=0.5,
        logging_steps=1,
    )
    run.train()
    rates = [entry["learning_rate"] for entry in run.state.log_history if "loss" in entry]
    expected = [0.5 * 0.5 ** (0 if t < 4 else 1 + (t - 4) // 3) for t in range(26)]
    assert rates == pytest.approx(expected)


def test_plateau_decay_lowers_the_rate_when_validation_stalls(tmp_path: Path) -> None:
    run = trainer(
        tmp_path,
        lr_scheduler_type="reduce_lr_on_plateau",
        lr_scheduler_kwargs={"factor": 0.25, "patience": 0, "threshold": 1.0},
        metric_for_best_model="loss",
        greater_is_better=False,
        eval_strategy="steps",
        eval_steps=5,
    )
    run.train()
    assert run.optimizer.param_groups[0]["lr"] <= 0.5 * 0.25**2


def test_a_loss_that_is_no_number_stops_and_keeps_what_was_saved(tmp_path: Path) -> None:
    run = trainer(tmp_path, save_strategy="steps", save_steps=2)
    step = run.training_step

    def poison(model: torch.nn.Module, *args: Any, **kwargs: Any) -> Tensor:
        loss = step(model, *args, **kwargs)
        if run.state.global_step == 4:
            next(model.parameters()).data.fill_(math.nan)
        return loss

    run.training_step = poison  # type: ignore[method-assign]
    with pytest.raises(LmcourseError, match="loss became nan at step 6"):
        run.train()
    saved = load_file(tmp_path / "checkpoint-4" / "model.safetensors")
    assert all(bool(torch.isfinite(value).all()) for value in saved.values())
    assert not (tmp_path / "checkpoint-6").exists()


def test_gradient_checkpointing_carries_the_same_state(tmp_path: Path) -> None:
    plain, checkpointed = tiny_model(), tiny_model()
    trainer(tmp_path / "plain", plain).train()
    trainer(tmp_path / "checkpointed", checkpointed, activation_checkpointing=True).train()
    assert_same_weights(checkpointed, plain)


def test_bfloat16_autocast_trains(tmp_path: Path) -> None:
    run = trainer(tmp_path, bf16=True, logging_steps=1, num_train_epochs=1)
    run.train()
    logged = [entry["loss"] for entry in run.state.log_history if "loss" in entry]
    full = loop_by_hand(tiny_model(), epochs=1)
    assert logged == pytest.approx(full, rel=0.02)


def test_data_that_is_no_stream_is_trained_as_trainer_does(tmp_path: Path) -> None:
    rows = [{"input_ids": torch.arange(5), "labels": torch.arange(5)} for _ in range(8)]
    run = trainer(tmp_path)
    run.train_dataset = run.eval_dataset = rows
    run.train()
    assert run.carried_state is None
    assert run.evaluate()["eval_loss"] > 0

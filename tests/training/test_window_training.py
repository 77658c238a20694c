"""StreamTrainer on windows: a Transformer trains, resumes and is scored as by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from hf_lmcourse import (
    LmcourseError,
    LSTMConfig,
    LSTMForCausalLM,
    TransformerConfig,
    TransformerForCausalLM,
)
from hf_lmcourse.data import ContiguousStreams, TokenWindows
from hf_lmcourse.evaluation.corpus_scores import score_streams, scoring_data
from hf_lmcourse.training.arguments import RunArguments
from hf_lmcourse.training.trainer import StreamTrainer

VOCABULARY = 13
WINDOW = 8
ROWS = 4


def tiny_model(**changes: Any) -> TransformerForCausalLM:
    torch.manual_seed(0)
    sizes = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = TransformerConfig(
        vocab_size=VOCABULARY, max_position_embeddings=WINDOW, **{**sizes, **changes}
    )
    return TransformerForCausalLM(config)


def text(length: int) -> np.ndarray:
    return np.random.default_rng(0).integers(VOCABULARY, size=length).astype(np.uint16)


def windows(**options: Any) -> TokenWindows:
    return TokenWindows(text(241), WINDOW, rows=ROWS, first_context=0, **options)


def trainer(
    folder: Path, model: TransformerForCausalLM, train: Any, **changes: Any
) -> StreamTrainer:
    settings = {
        "output_dir": str(folder),
        "per_device_train_batch_size": ROWS,
        "per_device_eval_batch_size": ROWS,
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
    return StreamTrainer(
        model=model,
        args=RunArguments(**settings | changes),
        train_dataset=train,
        eval_dataset=scoring_data(model, text(101), ROWS, first_context=0),
    )


def test_training_carries_nothing_from_window_to_window(tmp_path: Path) -> None:
    data, expected = windows(shuffle=True, random_offset=True), tiny_model()
    for epoch in range(2):
        data.set_epoch(epoch)
        for start in range(0, len(data), ROWS):
            items = [data[i] for i in range(start, start + ROWS)]
            ids, labels = (torch.stack([x[n] for x in items]) for n in ("input_ids", "labels"))
            logits = expected(ids).logits.flatten(0, 1)
            loss = functional.cross_entropy(logits, labels.flatten())
            grads = torch.autograd.grad(loss, list(expected.parameters()))
            with torch.no_grad():
                for parameter, grad in zip(expected.parameters(), grads, strict=True):
                    parameter -= 0.5 * grad
    run = trainer(tmp_path, tiny_model(), windows(shuffle=True, random_offset=True))
    run.train()
    assert run.carried_state is None
    for name, value in expected.state_dict().items():
        torch.testing.assert_close(run.model.state_dict()[name], value, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("stop_at", [5, 8, 11])
def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(
    tmp_path: Path, stop_at: int
) -> None:
    settings: dict[str, Any] = {
        "optim": "adamw_torch",
        "lr_scheduler_type": "cosine",
        "learning_rate": 0.01,
        "save_strategy": "steps",
        "save_steps": stop_at,
        "eval_strategy": "steps",
        "eval_steps": 4,
    }
    dropout = {"attention_dropout": 0.2, "hidden_dropout": 0.2, "embedding_dropout": 0.2}

    def fresh(folder: str) -> StreamTrainer:
        data = windows(shuffle=True, random_offset=True)
        assert len(data) == 8 * ROWS
        return trainer(tmp_path / folder, tiny_model(**dropout), data, **settings)

    whole = fresh("whole")
    whole.train()
    torch.manual_seed(99)
    resumed = fresh("resumed")
    resumed.train(resume_from_checkpoint=str(tmp_path / "whole" / f"checkpoint-{stop_at}"))
    for name, value in whole.model.state_dict().items():
        assert torch.equal(resumed.model.state_dict()[name], value), name


def nats_by_hand(model: TransformerForCausalLM, stride: int) -> float:
    """Each of 101 tokens given the part of its window before it."""
    tokens = torch.from_numpy(np.concatenate([[0], text(101)]).astype(np.int64))
    total = 0.0
    for target in range(1, 102):
        windows_before = max(0, -(-(target - WINDOW) // stride))
        context = tokens[windows_before * stride : target]
        logits = model(context[None]).logits[0, -1].double()
        total -= logits.log_softmax(-1)[tokens[target]].item()
    return total


@pytest.mark.parametrize("stride", [None, 1, 3, 8])
def test_evaluation_scores_every_token_once_in_its_window(
    tmp_path: Path, stride: int | None
) -> None:
    model = tiny_model().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.5)
    run = trainer(tmp_path, model, windows())
    run.eval_dataset = scoring_data(model, text(101), ROWS, first_context=0, stride=stride)
    metrics = run.evaluate()
    assert metrics["eval_tokens"] == 101
    expected = nats_by_hand(model, stride or WINDOW // 2) / 101
    assert metrics["eval_nats_per_token"] == pytest.approx(expected, rel=1e-5)


def test_a_model_that_carries_nothing_is_given_no_streams(tmp_path: Path) -> None:
    streams = ContiguousStreams(text(241), ROWS, WINDOW, first_context=0)
    with pytest.raises(LmcourseError, match="lmcourse_transformer carries no state"):
        trainer(tmp_path, tiny_model(), streams)


def test_data_for_scoring_fits_the_family() -> None:
    transformer = tiny_model()
    lstm = LSTMForCausalLM(LSTMConfig(vocab_size=VOCABULARY, hidden_size=8))
    assert isinstance(scoring_data(lstm, text(101), 1, 0), ContiguousStreams)
    data = scoring_data(transformer, text(101), 1, 0, block_length=6)
    assert isinstance(data, TokenWindows)
    assert (data.window, data.stride) == (6, 3)
    with pytest.raises(LmcourseError, match="reads 8 tokens at most: block_length 9"):
        scoring_data(transformer, text(101), 1, 0, block_length=9)
    with pytest.raises(LmcourseError, match="a stride is for models that read windows"):
        scoring_data(lstm, text(101), 1, 0, stride=4)


def test_more_context_is_used_where_the_stride_is_short() -> None:
    model = tiny_model().eval()
    alone, moving = (
        score_streams(
            model, torch.utils.data.DataLoader(scoring_data(model, text(101), 1, 0, stride=stride))
        ).nats
        for stride in (8, 1)
    )
    assert alone != moving

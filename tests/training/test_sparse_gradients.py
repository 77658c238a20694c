"""Sparse gradients are clipped as what they are, and need an optimizer that takes them."""

import copy
from pathlib import Path

import pytest
import torch
from torch import nn

from hf_lmcourse import DANConfig, DANForSequenceClassification, LmcourseError
from hf_lmcourse.training import RunArguments
from hf_lmcourse.training.sparse_gradients import SparseGradientTrainer, clip_gradients


def model_with_gradients(sparse: bool) -> nn.ModuleList:
    torch.manual_seed(0)
    embedding, linear = nn.Embedding(6, 3, sparse=sparse), nn.Linear(3, 1)
    for ids in ([0, 2, 2], [2, 5, 0]):  # twice: rows occur more than once
        linear(embedding(torch.tensor(ids))).square().sum().backward()
    return nn.ModuleList([embedding, linear])


@pytest.mark.parametrize("max_norm", [1e-3, 1e3, float("inf")])
def test_clipping_equals_that_of_dense_gradients(max_norm: float) -> None:
    dense, sparse = model_with_gradients(False), model_with_gradients(True)
    expected = nn.utils.clip_grad_norm_(copy.copy(dense).parameters(), max_norm)
    torch.testing.assert_close(clip_gradients(sparse, max_norm), expected)
    for ours, theirs in zip(sparse.parameters(), dense.parameters(), strict=True):
        assert ours.grad is not None and theirs.grad is not None
        torch.testing.assert_close(ours.grad.to_dense(), theirs.grad, rtol=1e-4, atol=1e-7)


def test_a_norm_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="max_norm must be above 0"):
        clip_gradients(model_with_gradients(True), 0.0)


@pytest.mark.parametrize("sparse", [True, False])
@pytest.mark.parametrize(
    ("optim", "weight_decay", "taken"),
    [
        ("adagrad", 0.0, True),
        ("sgd", 0.0, True),
        ("adagrad", 0.1, False),
        ("adamw_torch", 0, False),
    ],
)
def test_an_optimizer_that_does_not_take_sparse_gradients_is_refused_before_the_training(
    optim: str, weight_decay: float, taken: bool, sparse: bool, tmp_path: Path
) -> None:
    config = DANConfig(vocab_size=7, embedding_size=3, hidden_size=3, sparse_gradients=sparse)
    arguments = RunArguments(
        output_dir=str(tmp_path),
        optim=optim,
        weight_decay=weight_decay,
        eval_strategy="no",
        save_strategy="no",
        load_best_model_at_end=False,
        use_cpu=True,
    )
    trainer = SparseGradientTrainer(DANForSequenceClassification(config), arguments)
    if taken or not sparse:
        assert trainer.create_optimizer() is trainer.optimizer
    else:
        with pytest.raises(LmcourseError, match="sparse_gradients need optim adagrad or sgd"):
            trainer.create_optimizer()


def test_weight_decay_of_other_sparse_rows_than_those_of_words_is_refused(tmp_path: Path) -> None:
    sizes = {"vocab_size": 7, "embedding_size": 3, "hidden_size": 3, "ngram_buckets": 5}
    # frozen, so that the vectors of words are not decayed; those of n-grams are
    config = DANConfig(**sizes, max_ngram=2, sparse_gradients=True, freeze_vectors=True)
    arguments = RunArguments(
        output_dir=str(tmp_path),
        optim="sgd",
        weight_decay=0.1,
        eval_strategy="no",
        save_strategy="no",
        use_cpu=True,
    )
    trainer = SparseGradientTrainer(DANForSequenceClassification(config), arguments)
    with pytest.raises(LmcourseError, match="without weight_decay, not SGD with 0.1"):
        trainer.create_optimizer()

"""Train the bigram network on bigrams: drawn with replacement, or all of them as counts."""

from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset, RandomSampler, Sampler
from transformers import PreTrainedModel

from ..data.bigrams import BigramCountsOfText, Bigrams
from ..errors import LmcourseError
from ..layers.bigram import BigramCounts, token_gradients
from .arguments import RunArguments
from .bigram_gradients import (
    CountLBFGS,
    bigram_parameters,
    check_bigram_model,
    counts_to,
    exact_gradient,
    leave_gradients,
)
from .trainer import StreamTrainer

__all__ = ["BigramTrainer", "CountTrainer", "HandTrainer", "bigram_training"]


class BigramTrainer(StreamTrainer):
    """Trainer on bigrams drawn with replacement, as in the hand-out's stochastic gradient descent.

    `train_dataset` is a `Bigrams`; evaluation on streams is that of `StreamTrainer`.
    """

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> Sampler | None:
        dataset: Any = self.train_dataset if train_dataset is None else train_dataset
        return RandomSampler(dataset, replacement=True)


class HandTrainer(BigramTrainer):
    """`BigramTrainer` with the gradients written by hand: autograd has no part.

    Raises:
        LmcourseError: batches are to be made of several pieces or by several processes, whose
            gradients only autograd would add up; or labels are to be smoothed.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _refuse_smoothing(self.args)
        if self.args.gradient_accumulation_steps * self.args.world_size > 1:
            raise LmcourseError(
                "bigrams_by_hand is for one process and gradient_accumulation_steps 1: take bigrams"
            )

    def training_step(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor:
        """Leave the gradients of a batch with the parameters, and return the loss."""
        network: Any = self.accelerator.unwrap_model(model).train()
        inputs = self._prepare_inputs(inputs)
        words, targets = inputs["input_ids"].flatten(), inputs["shift_labels"].flatten()
        with torch.no_grad():
            x = network.model.embed_tokens.weight[words]
            loss, d_x, gradients = token_gradients(x, targets, bigram_parameters(network))
            leave_gradients(network, words, d_x, gradients)
        if not torch.isfinite(loss):
            raise LmcourseError(self._diverged(loss.item()))
        return loss


class CountTrainer(StreamTrainer):
    """Trainer on the exact gradient of the whole text: a step is an epoch.

    `train_dataset` is a `BigramCountsOfText`. The gradients are those written by hand in
    `kernels/bigram_gradients.py`; autograd has no part. Where `args.lbfgs_iterations` is set the optimizer is
    L-BFGS, and a step that many iterations; otherwise any of transformers'.

    Raises:
        LmcourseError: labels are to be smoothed.
    """

    train_dataset: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _refuse_smoothing(self.args)

    @cached_property
    def counts(self) -> BigramCounts:
        """Of the training text, on the device; counting is part of the training."""
        return counts_to(self.train_dataset.counts, self.args.device)

    def training_step(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor:
        """Leave the exact gradient with the parameters, and return the loss."""
        model.train()
        loss = exact_gradient(self.accelerator.unwrap_model(model), self.counts)
        if not torch.isfinite(loss):
            raise LmcourseError(self._diverged(loss.item()))
        return loss.float()

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """L-BFGS where it is asked for, else what transformers makes."""
        if self.args.lbfgs_iterations and self.optimizer is None:
            network: Any = self.model if model is None else model
            self.optimizer = CountLBFGS(
                network, self.counts, self.args.learning_rate, self.args.lbfgs_iterations
            )
        return super().create_optimizer(model)


def _refuse_smoothing(args: RunArguments) -> None:
    if args.label_smoothing_factor:
        raise LmcourseError(
            "gradients by hand are those of the plain loss: set label_smoothing_factor to 0, or "
            "batches to bigrams"
        )


def bigram_training(
    batches: str, model: PreTrainedModel, bigrams: Bigrams
) -> tuple[type[StreamTrainer], Dataset]:
    """The Trainer and the data of one of the ways to train on bigrams.

    Args:
        batches: "bigrams", "bigrams_by_hand" or "bigram_counts".
        model: what is to be trained.
        bigrams: the training text.

    Raises:
        LmcourseError: the model is none that can be trained so.
    """
    check_bigram_model(model, by_hand=batches != "bigrams")
    if batches == "bigram_counts":
        return CountTrainer, BigramCountsOfText(bigrams)
    return HandTrainer if batches == "bigrams_by_hand" else BigramTrainer, bigrams

"""Trainers of the bigram network: on sampled bigrams, or on the counts of all bigrams."""

from dataclasses import fields
from functools import cached_property
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset, RandomSampler, Sampler
from transformers import PreTrainedModel

from ..data.bigrams import BigramCountsOfText, Bigrams
from ..errors import LmcourseError
from ..kernels.bigram_gradients import (
    BigramCounts,
    BigramParameters,
    count_gradients,
    token_gradients,
)
from ..kernels.readable_weights import is_as_made, readable
from ..models.bigram_mlp import BigramMLPForCausalLM
from ..models.embeddings import WordEmbedding
from .arguments import RunArguments
from .trainer import StreamTrainer


class BigramTrainer(StreamTrainer):
    """Trainer on bigrams sampled with replacement, as in the stochastic training of the assignment.

    `train_dataset` is a `Bigrams`; evaluation on streams is that of `StreamTrainer`.
    """

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> Sampler | None:
        dataset: Any = self.train_dataset if train_dataset is None else train_dataset
        return RandomSampler(dataset, replacement=True)


class HandTrainer(BigramTrainer):
    """`BigramTrainer` with hand-written gradients in place of autograd.

    Raises:
        LmcourseError: A batch is made of several pieces or by several processes, whose gradients
            only autograd would add up; or labels are to be smoothed.
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
        """Set the gradients of a batch, and return its loss."""
        network: Any = self.accelerator.unwrap_model(model).train()
        inputs = self._prepare_inputs(inputs)
        words, targets = inputs["input_ids"].flatten(), inputs["shift_labels"].flatten()
        with torch.no_grad():
            x = network.model.embed_tokens.weight[words]  # (rows, embedding_size)
            loss, d_x, gradients = token_gradients(x, targets, _parameters(network))
            _set_gradients(network, words, d_x, gradients)
        self.check_training_loss(loss)
        return loss


class CountTrainer(StreamTrainer):
    """Trainer on the exact gradient of the whole text, so that a step is an epoch.

    `train_dataset` is a `BigramCountsOfText`. The gradients are the hand-written ones of
    `kernels/bigram_gradients.py`. With `args.lbfgs_iterations` the optimizer is L-BFGS, which makes
    that many iterations per step; otherwise it is any of transformers'.

    Raises:
        LmcourseError: Labels are to be smoothed.
    """

    train_dataset: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _refuse_smoothing(self.args)

    @cached_property
    def counts(self) -> BigramCounts:
        """Counts of the training text on the device; counting is part of the training time."""
        counts, device = self.train_dataset.counts, self.args.device
        return BigramCounts(*(getattr(counts, f.name).to(device) for f in fields(counts)))

    def training_step(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor:
        """Set the exact gradient, and return the loss."""
        model.train()
        loss = exact_gradient(self.accelerator.unwrap_model(model), self.counts)
        self.check_training_loss(loss)
        return loss.float()

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """Create L-BFGS if `lbfgs_iterations` is set, else what transformers creates."""
        if self.args.lbfgs_iterations and self.optimizer is None:
            network: Any = self.model if model is None else model
            self.optimizer = CountLBFGS(
                network, self.counts, self.args.learning_rate, self.args.lbfgs_iterations
            )
        return super().create_optimizer(model)


class CountLBFGS(torch.optim.LBFGS):
    """L-BFGS with a strong Wolfe line search on the exact loss of a bigram network.

    Args:
        model: The network.
        counts: Counts of the text.
        learning_rate: Where the line search begins; 1 is Newton's step.
        iterations: Iterations per step, each of which costs about one pass over the counts.

    Reference:
        Nocedal and Wright 2006, Numerical Optimization, algorithms 7.5 and 3.5.
    """

    def __init__(
        self,
        model: BigramMLPForCausalLM,
        counts: BigramCounts,
        learning_rate: float = 1.0,
        iterations: int = 20,
    ) -> None:
        trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        super().__init__(trained, learning_rate, max_iter=iterations, line_search_fn="strong_wolfe")
        self.model = model
        self.counts = counts

    def step(self, closure: Any = None) -> Any:
        """Make the iterations, and return the loss before them; no closure is needed."""
        return super().step(closure or (lambda: exact_gradient(self.model, self.counts)))


@torch.no_grad()
def exact_gradient(model: BigramMLPForCausalLM, counts: BigramCounts) -> Tensor:
    """Compute the loss over a whole text, and set the `grad` of each parameter.

    Args:
        model: A network with a full output layer.
        counts: Counts of the text, on the model's device.

    Returns:
        The loss in nats per token, float64.

    Shape:
        result: ().
    """
    x = model.model.embed_tokens.weight[counts.previous]  # (different words, embedding_size)
    loss, d_x, gradients = count_gradients(x, counts, _parameters(model))
    _set_gradients(model, counts.previous, d_x, gradients)
    return loss


def _parameters(model: BigramMLPForCausalLM) -> BigramParameters:
    """The model's matrices, named and transposed as in the equations.

    Raises:
        LmcourseError: A layer is wrapped or hooked, which the gradients by hand would not see.
    """
    hidden, head = model.model.hidden.projection, cast(nn.Linear, model.lm_head)
    embed_tokens: dict[type[nn.Module], Any] = {WordEmbedding: WordEmbedding.forward}
    if not readable(hidden, head) or not is_as_made(model.model.embed_tokens, embed_tokens):
        raise LmcourseError(
            "gradients by hand are for layers without adapters and hooks: set batches to bigrams"
        )
    return BigramParameters(hidden.weight.t(), hidden.bias, head.weight.t(), head.bias)


def _set_gradients(
    model: BigramMLPForCausalLM, words: Tensor, d_x: Tensor, gradients: BigramParameters
) -> None:
    """Set the `grad` of each parameter.

    Shape:
        words: (rows,); d_x: (rows, embedding_size), with respect to the vectors of these words.
    """
    hidden, embed = model.model.hidden.projection, model.model.embed_tokens
    head = cast(nn.Linear, model.lm_head)
    hidden.weight.grad, hidden.bias.grad = gradients.W1.t().contiguous(), gradients.b1
    head.weight.grad, head.bias.grad = gradients.W2.t().contiguous(), gradients.b2
    if embed.freeze_vectors:
        d_x = d_x.masked_fill(embed.has_vector[words].unsqueeze(-1), 0.0)
    embed.weight.grad = torch.zeros_like(embed.weight).index_add_(0, words, d_x)


def _refuse_smoothing(args: RunArguments) -> None:
    if args.label_smoothing_factor:
        raise LmcourseError(
            "gradients by hand are those of the plain loss: set label_smoothing_factor to 0, or "
            "batches to bigrams"
        )


def bigram_training(
    batches: str, model: PreTrainedModel, bigrams: Bigrams
) -> tuple[type[StreamTrainer], Dataset]:
    """Choose the Trainer and the data for one of the ways to train on bigrams.

    Args:
        batches: "bigrams", "bigrams_by_hand" or "bigram_counts".
        model: The model to train.
        bigrams: The training text.

    Raises:
        LmcourseError: The model is not a bigram network, or has a setting that the hand-written
            gradients do not know.
    """
    if not isinstance(model, BigramMLPForCausalLM):
        raise LmcourseError(
            f"a {type(model).__name__} reads more than one word back: train it on streams, and "
            "lmcourse_bigram_mlp on bigrams"
        )
    if batches == "bigrams":
        return BigramTrainer, bigrams
    config = model.config
    settings = {
        name: getattr(config, name)
        for name in (*config.dropouts, *config.non_negative, "num_sampled")
    }
    if config.output_layer != "full" or config.num_softmaxes != 1 or any(settings.values()):
        raise LmcourseError(
            'gradients by hand, and the exact loss from bigram counts, need output_layer "full" '
            f"and no mixture, {', '.join(settings)}"
        )
    if batches == "bigrams_by_hand":
        return HandTrainer, bigrams
    return CountTrainer, BigramCountsOfText(bigrams)

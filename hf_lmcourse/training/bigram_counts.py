"""Train the bigram network on bigrams: drawn with replacement, or all of them as counts."""

from dataclasses import fields
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset, RandomSampler, Sampler
from tqdm.auto import tqdm
from transformers import PreTrainedModel

from ..data.bigrams import BigramCountsOfText, Bigrams
from ..errors import LmcourseError
from ..layers.bigram import BigramCounts, BigramParameters, count_gradients
from ..models.bigram_mlp import BigramMLPForCausalLM
from .trainer import StreamTrainer

__all__ = [
    "BigramTrainer",
    "CountLBFGS",
    "CountTrainer",
    "bigram_training",
    "check_bigram_model",
    "exact_gradient",
    "fit_counts",
]


def check_bigram_model(model: PreTrainedModel, exact: bool = False) -> None:
    """Refuse a model that is not a bigram network, or whose exact loss counts do not give.

    Raises:
        LmcourseError: another family; or, where `exact`, a setting that goes beyond the equation.
    """
    if not isinstance(model, BigramMLPForCausalLM):
        raise LmcourseError(
            f"a {type(model).__name__} reads more than one word back: train it on streams, and "
            "lmcourse_bigram_mlp on bigrams"
        )
    config = model.config
    settings = {
        name: getattr(config, name) for name in (*config.dropouts, *config.weights, "num_sampled")
    }
    plain = config.output_layer == "full" and config.num_softmaxes == 1
    if exact and not (plain and not any(settings.values())):
        raise LmcourseError(
            'the exact loss from bigram counts needs output_layer "full" and no mixture, '
            f"{', '.join(settings)}"
        )


@torch.no_grad()
def exact_gradient(model: BigramMLPForCausalLM, counts: BigramCounts) -> Tensor:
    """The loss over a whole text, leaving its gradients where an optimizer looks for them.

    Args:
        model: with one word back and a full output layer.
        counts: of the text, on the model's device.

    Returns:
        The loss in nats per token, float64.

    Shape:
        result: ().
    """
    hidden, embed = model.model.hidden.projection, model.model.embed_tokens
    head: Any = model.lm_head
    parameters = BigramParameters(hidden.weight.t(), hidden.bias, head.weight.t(), head.bias)
    loss, d_x, gradients = count_gradients(embed.weight[counts.previous], counts, parameters)
    hidden.weight.grad, hidden.bias.grad = gradients.W1.t().contiguous(), gradients.b1
    head.weight.grad, head.bias.grad = gradients.W2.t().contiguous(), gradients.b2
    if embed.weight.requires_grad:
        embed.weight.grad = torch.zeros_like(embed.weight).index_copy_(0, counts.previous, d_x)
    return loss


class CountLBFGS(torch.optim.LBFGS):
    """L-BFGS with a strong Wolfe line search on the exact loss of a bigram network.

    Args:
        model: the network.
        counts: of the text.
        learning_rate: where the line search begins; 1 is Newton's step.
        iterations: how many a step makes. Each costs about one pass over the counts.

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
        """Some iterations; the loss before them. What to minimise is known without a closure."""
        return super().step(closure or (lambda: exact_gradient(self.model, self.counts)))


def counts_to(counts: BigramCounts, device: torch.device) -> BigramCounts:
    """The counts on a device."""
    return BigramCounts(*(getattr(counts, f.name).to(device) for f in fields(counts)))


def fit_counts(
    model: BigramMLPForCausalLM,
    counts: BigramCounts,
    steps: int = 10,
    optimizer: torch.optim.Optimizer | None = None,
    progress: bool = True,
) -> list[float]:
    """Train a bigram network on the exact gradient of a whole text, without Trainer.

    Args:
        model: the network, changed in place.
        counts: of the training text.
        steps: steps of the optimizer, each on the whole text.
        optimizer: of the model's parameters; L-BFGS, 20 iterations a step, by default.
        progress: show a progress bar where there is a terminal.

    Returns:
        The loss in nats per token before each step, and after the last.

    Raises:
        LmcourseError: the model has settings that the exact loss knows nothing of.
    """
    check_bigram_model(model, exact=True)
    counts = counts_to(counts, model.device)
    optimizer = optimizer or CountLBFGS(model, counts)
    losses = []
    with tqdm(total=steps, disable=None if progress else True) as bar:
        for _ in range(steps):
            losses.append(exact_gradient(model, counts).item())
            optimizer.step()
            bar.set_postfix_str(f"{losses[-1]:.4f} nats")
            bar.update()
    return [*losses, exact_gradient(model, counts).item()]


class BigramTrainer(StreamTrainer):
    """Trainer on bigrams drawn with replacement, as in the hand-out's stochastic gradient descent.

    `train_dataset` is a `Bigrams`; evaluation on streams is that of `StreamTrainer`.
    """

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> Sampler | None:
        dataset: Any = self.train_dataset if train_dataset is None else train_dataset
        return RandomSampler(dataset, replacement=True)


class CountTrainer(StreamTrainer):
    """Trainer on the exact gradient of the whole text: a step is an epoch.

    `train_dataset` is a `BigramCountsOfText`. The gradients are those written by hand in
    `layers/bigram.py`; autograd has no part. Where `args.lbfgs_iterations` is set the optimizer is
    L-BFGS, and a step that many iterations; otherwise any of transformers'.
    """

    train_dataset: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.counts = counts_to(self.train_dataset.counts, self.args.device)

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


def bigram_training(
    batches: str, model: PreTrainedModel, bigrams: Bigrams
) -> tuple[type[StreamTrainer], Dataset]:
    """The Trainer and the data of one of the ways to train on bigrams.

    Args:
        batches: "bigrams" or "bigram_counts".
        model: what is to be trained.
        bigrams: the training text.

    Raises:
        LmcourseError: the model is none that can be trained so.
    """
    exact = batches == "bigram_counts"
    check_bigram_model(model, exact)
    return (CountTrainer, BigramCountsOfText(bigrams)) if exact else (BigramTrainer, bigrams)

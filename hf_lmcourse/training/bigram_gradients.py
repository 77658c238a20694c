"""The gradients of a whole bigram network by hand: of a model's parameters, for any optimizer."""

from dataclasses import fields
from typing import Any, cast

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm
from transformers import PreTrainedModel

from ..errors import LmcourseError
from ..layers.bigram import BigramCounts, BigramParameters, count_gradients
from ..models.bigram_mlp import BigramMLPForCausalLM

__all__ = [
    "CountLBFGS",
    "bigram_parameters",
    "check_bigram_model",
    "counts_to",
    "exact_gradient",
    "fit_counts",
    "leave_gradients",
]


def check_bigram_model(model: PreTrainedModel, by_hand: bool = False) -> None:
    """Refuse a model that is not a bigram network, or one that the gradients by hand do not fit.

    Raises:
        LmcourseError: another family; or, where `by_hand`, a setting that goes beyond the equation.
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
    if by_hand and not (plain and not any(settings.values())):
        raise LmcourseError(
            'gradients by hand, and the exact loss from bigram counts, need output_layer "full" '
            f"and no mixture, {', '.join(settings)}"
        )


def bigram_parameters(model: BigramMLPForCausalLM) -> BigramParameters:
    """The model's matrices with the hand-out's letters and the hand-out's way round."""
    hidden, head = model.model.hidden.projection, cast(nn.Linear, model.lm_head)
    return BigramParameters(hidden.weight.t(), hidden.bias, head.weight.t(), head.bias)


def leave_gradients(
    model: BigramMLPForCausalLM, words: Tensor, d_x: Tensor, gradients: BigramParameters
) -> None:
    """Put gradients where an optimizer looks for them.

    Shape:
        words: (rows,); d_x: (rows, embedding_size), of the vectors of these words.
    """
    hidden, embed = model.model.hidden.projection, model.model.embed_tokens
    head = cast(nn.Linear, model.lm_head)
    hidden.weight.grad, hidden.bias.grad = gradients.W1.t().contiguous(), gradients.b1
    head.weight.grad, head.bias.grad = gradients.W2.t().contiguous(), gradients.b2
    if embed.freeze_vectors:
        d_x = d_x.masked_fill(embed.has_vector[words].unsqueeze(-1), 0.0)
    embed.weight.grad = torch.zeros_like(embed.weight).index_add_(0, words, d_x)


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
    x = model.model.embed_tokens.weight[counts.previous]
    loss, d_x, gradients = count_gradients(x, counts, bigram_parameters(model))
    leave_gradients(model, counts.previous, d_x, gradients)
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
    check_bigram_model(model, by_hand=True)
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

"""The output layer of a language model: full, tied or adaptive, one softmax or a mixture."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.modeling_outputs import CausalLMOutputWithPast

from ..errors import LmcourseError
from ..kernels.augmented_loss import augmented_cross_entropy
from ..kernels.mixture_loss import adversarial_cross_entropy
from ..kernels.readable_weights import readable
from ..kernels.scoring import can_score, compiled_token_losses, token_losses
from ..kernels.softmax_loss import linear_cross_entropy, losses_of_logits
from ..layers.adaptive_softmax import AdaptiveOutput
from ..layers.label_smoothing import label_margin
from ..layers.mixture_of_softmaxes import MixtureOfSoftmaxes
from ..layers.sampled_softmax import sample_vocabulary


@dataclass
class LanguageModelOutput(CausalLMOutputWithPast):
    """transformers' output of a causal language model, and what a training loss consists of.

    Attributes:
        cross_entropy: In training, if the loss is more than the cross-entropy (a penalty, an
            adversarial margin, the augmented loss), the cross-entropy alone and without a gradient,
            to be logged.
    """

    cross_entropy: Tensor | None = None


class WithOutputLayer(PreTrainedModel):
    """What follows the base model; see `LanguageModelConfig.output_layer`.

    Attributes:
        output_projection: Between base model and output matrix if a tied one has another width.
        mixture: What a mixture of softmaxes has besides the output matrix, else `None`.
        lm_head: The output matrix, or an adaptive softmax.
    """

    config: Any
    output_projection: nn.Module
    mixture: MixtureOfSoftmaxes | None
    lm_head: nn.Module

    def build_output_layer(self) -> None:
        """Make the parts that the settings ask for."""
        config, width = self.config, self.config.output_size
        tied = config.output_layer == "tied"
        self.output_projection, self.mixture = nn.Identity(), None
        size = config.embedding_size if tied else width
        if config.num_softmaxes > 1:
            self.mixture = MixtureOfSoftmaxes(width, size, config.num_softmaxes)
        elif size != width:
            self.output_projection = nn.Linear(width, size, bias=False)
        if config.output_layer == "adaptive":
            self.lm_head = AdaptiveOutput(width, config.vocab_size, config.adaptive_cutoffs)
        else:
            self.lm_head = nn.Linear(size, config.vocab_size)

    def logits(self, hidden: Tensor) -> Tensor:
        """Logits of every word; log-probabilities of an adaptive softmax or a mixture.

        Shape:
            hidden: (..., output_size), from the base model; result: (..., vocab_size).
        """
        if self.mixture is not None:
            return self.mixture.log_probabilities(hidden, self.lm_head)
        return self.lm_head(self.output_projection(hidden))

    def summed_losses(
        self,
        hidden: Tensor,
        targets: Tensor,
        label_smoothing: float = 0.0,
        logits: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """The summed loss over the labels, and, without a gradient, the summed cross-entropy.

        They differ in adversarial training, with the augmented loss and with label smoothing. If
        the output layer is wrapped or hooked, the loss is that of all logits, also where
        `num_sampled` is set.

        Args:
            hidden: From the base model.
            targets: Token ids; `-100` is not counted.
            label_smoothing: Epsilon of `label_margin`.
            logits: Those of `hidden`, if they are there already.

        Raises:
            LmcourseError: Label smoothing with an adaptive output layer or a mixture; adversarial
                training or the augmented loss of an output layer that is wrapped or hooked.

        Shape:
            hidden: (tokens, output_size); targets: (tokens,); logits: (tokens, vocab_size);
            results: ().
        """
        self.check_label_smoothing(label_smoothing)
        if not self._is_readable():
            self._refuse_losses_from_rows()
            logits = self.logits(hidden) if logits is None else logits
        elif self.training and (self.config.num_sampled or self._loss_from_rows):
            logits = None
        if logits is not None:
            return losses_of_logits(logits, targets, label_smoothing)
        return self._losses_without_logits(hidden, targets, label_smoothing)

    def _losses_without_logits(
        self, hidden: Tensor, targets: Tensor, label_smoothing: float
    ) -> tuple[Tensor, Tensor]:
        """`summed_losses` from the weights of the output layer, a chunk of logits at a time."""
        head: Any = self.lm_head
        log_prior = None
        if self.mixture is None:
            hidden = self.output_projection(hidden)  # (tokens, size)
        else:  # (tokens, components, size), (tokens, components)
            hidden, log_prior = self.mixture(hidden)
        hidden = _as_multiplied(hidden)
        if isinstance(head, AdaptiveOutput):
            total = head.loss(hidden, targets)
            return total, total.detach()
        layer = head.weight, head.bias, targets
        if self.training and self.config.num_sampled is not None:
            sample, sparse = self.config.num_sampled, self.config.sparse_gradients
            layer = sample_vocabulary(*layer, sample, sparse=sparse)
        epsilon = self.config.adversarial_epsilon if self.training else 0.0
        if self.training and self.config.augmented_loss:
            settings = self.config.augmented_loss, self.config.augmented_temperature
            embeddings: Any = self.get_input_embeddings()
            total, summed = augmented_cross_entropy(hidden, *layer, embeddings.weight, *settings)
        elif epsilon == 0 and log_prior is None:
            total = linear_cross_entropy(hidden, *layer)
            summed = total.detach()
        else:
            total, summed = adversarial_cross_entropy(hidden, *layer, epsilon, log_prior)
        if label_smoothing:  # over the whole vocabulary, even if the rest sees a sample
            margin = label_margin(hidden, head.weight, head.bias, targets)
            total = total + label_smoothing * margin
        return total, summed

    def token_losses(
        self, hidden: Tensor, targets: Tensor, temperature: float = 1.0
    ) -> tuple[Tensor, Tensor]:
        """Each token's loss, and whether the likeliest token is the target; without a gradient.

            p_T(x | before) = softmax(z / T)[x],      z the logits or log-probabilities

        Args:
            hidden: From the base model.
            targets: Token ids; `-100` counts as a loss of 0 and as wrong.
            temperature: T, above 0. Only at 1 are these the model's probabilities.

        Returns:
            The losses in nats, float64, and the hits.

        Shape:
            hidden: (tokens, output_size); targets, results: (tokens,).
        """
        head: Any = self.lm_head
        if self._is_one_product() and self._is_readable():
            projected = _as_multiplied(self.output_projection(hidden))
            if can_score(projected):
                bias = head.bias
                if temperature != 1:  # (W h + b) / T = W (h / T) + b / T
                    projected = projected / temperature
                    bias = None if bias is None else bias / temperature
                return compiled_token_losses(projected, head.weight, bias, targets)
        return token_losses(self.logits, hidden, targets, self.config.vocab_size, temperature)

    def check_label_smoothing(self, label_smoothing: float) -> None:
        """Refuse label smoothing if the logits of a position are not one product.

        Raises:
            LmcourseError: Label smoothing with an adaptive output layer or a mixture.
        """
        if label_smoothing and not self._is_one_product():
            raise LmcourseError(
                'label_smoothing_factor needs output_layer "full" or "tied" and num_softmaxes 1'
            )

    def _is_one_product(self) -> bool:
        """Whether the logits are one product of a vector and a matrix, not put together."""
        return self.mixture is None and not isinstance(self.lm_head, AdaptiveOutput)

    def _is_readable(self) -> bool:
        """Whether the weights of the output layer may be read past its call."""
        head = self.lm_head
        return head.is_readable if isinstance(head, AdaptiveOutput) else readable(head)

    @property
    def _loss_from_rows(self) -> str | None:
        """The setting, if there is one, that makes a loss from the rows of the output matrix."""
        names = ("adversarial_epsilon", "augmented_loss")
        return next((name for name in names if getattr(self.config, name)), None)

    def _refuse_losses_from_rows(self) -> None:
        """Refuse them if the rows of the output matrix cannot be read.

        Raises:
            LmcourseError: `adversarial_epsilon` or `augmented_loss` is set in training.
        """
        if self.training and self._loss_from_rows:
            raise LmcourseError(
                f"{self._loss_from_rows} needs an output layer without adapters and hooks, not a "
                f"{type(self.lm_head).__name__}: set it to 0"
            )

    def get_output_embeddings(self) -> nn.Module | None:
        """The output matrix; an adaptive softmax has no single one."""
        return None if isinstance(self.lm_head, AdaptiveOutput) else self.lm_head

    def set_output_embeddings(self, new_embeddings: nn.Module) -> None:
        """Replace the output matrix."""
        self.lm_head = new_embeddings

    def resize_token_embeddings(self, *args: Any, **kwargs: Any) -> nn.Embedding:
        """Change the number of tokens; see transformers.

        Raises:
            ValueError: The output layer is adaptive, whose clusters have fixed sizes.
        """
        if isinstance(self.lm_head, AdaptiveOutput) and (args or kwargs):
            raise ValueError(
                "an adaptive softmax has clusters of fixed sizes and cannot be resized: "
                'train with output_layer "full" or "tied"'
            )
        return super().resize_token_embeddings(*args, **kwargs)


def _as_multiplied(hidden: Tensor) -> Tensor:
    """In the precision of products: under autocast a normalisation leaves its own, float32."""
    device = hidden.device.type
    if torch.is_autocast_enabled(device):
        return hidden.to(torch.get_autocast_dtype(device))
    return hidden

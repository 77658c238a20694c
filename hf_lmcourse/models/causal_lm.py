"""What every causal language model of the package shares: output layer, loss, outputs."""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import GenerationMixin
from transformers import initialization as init
from transformers.cache_utils import Cache
from transformers.processing_utils import Unpack
from transformers.utils import TransformersKwargs
from transformers.utils.generic import can_return_tuple

from ..kernels.softmax_loss import IGNORED
from ..layers.mixture_of_softmaxes import MixtureOfSoftmaxes
from .aligned_weights import AlignedWeights
from .embeddings import WordEmbedding, resized
from .output_layer import LanguageModelOutput, WithOutputLayer


class LMCoursePreTrainedModel(AlignedWeights):
    """Base of every model of the package: names of parts, initialisation of what is shared."""

    carries_state: ClassVar[bool] = True
    """Whether what the model knows of the text before has a constant size, so that training and
    evaluation carry it from block to block. Otherwise each block is a window of its own."""
    unit_embeddings: ClassVar[bool] = True
    """Whether untied embeddings start with variance one, not with `initializer_range`."""

    base_model_prefix = "model"
    supports_gradient_checkpointing = True
    _skip_keys_device_placement = ["past_key_values"]

    def _initialize_weights(self, module: nn.Module, is_custom_code: bool = False) -> None:
        # In code outside transformers the host passes over modules without parameters of their
        # own, and recurrent layers are such. `_init_weights` spares loaded tensors by itself.
        super()._initialize_weights(module, is_custom_code=False)

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        unit = self.unit_embeddings and not self.config.tie_word_embeddings
        if isinstance(module, nn.Embedding) and unit:
            # Inputs of variance one, as torch.nn.Embedding has them; a tied matrix also makes the
            # logits, and there they would be far too large.
            init.normal_(module.weight, mean=0.0, std=1.0)
        if isinstance(module, MixtureOfSoftmaxes):
            bound = module.latent.in_features**-0.5  # large enough for tanh to separate them
            init.uniform_(module.latent.weight, -bound, bound)
        if isinstance(module, WordEmbedding) and module.freeze_vectors:
            init.zeros_(module.has_vector)

    def set_vectors(self, ids: Tensor, vectors: Tensor) -> None:
        """Initialise embeddings from pretrained vectors; see `WordEmbedding.set_vectors`."""
        embeddings: Any = self.get_input_embeddings()
        embeddings.set_vectors(ids, vectors)

    def resize_token_embeddings(self, *args: Any, **kwargs: Any) -> nn.Embedding:
        """Change the number of tokens; new ones have no vector from a file."""
        embeddings: Any = super().resize_token_embeddings(*args, **kwargs)
        if isinstance(embeddings, WordEmbedding) and embeddings.freeze_vectors:
            embeddings.has_vector = resized(embeddings.has_vector, embeddings.num_embeddings)
        return embeddings


class LanguageModelForCausalLM(WithOutputLayer, LMCoursePreTrainedModel, GenerationMixin):
    """A base model, an output layer and the loss of the next token.

        p(x_{t+1} | x_1 .. x_t) = softmax(W h_t + b)

    The output layer is full, tied (W is the embedding matrix, behind a projection if the sizes
    differ) or adaptive, by `config.output_layer`; `config.num_softmaxes` makes a full or tied
    one a mixture. In training, `config.num_sampled` lets the loss of a full or tied one look at a
    sample of the vocabulary, `config.adversarial_epsilon` at the worst output embedding near
    the target's own, and `config.augmented_loss` also at the words near the target.

    A subclass names its base model in `body_class`.
    """

    body_class: type[LMCoursePreTrainedModel]
    _tied_weights_keys = {"lm_head.weight": "model.embed_tokens.weight"}

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.model = self.body_class(config)
        self.build_output_layer()
        self.post_init()

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int | Tensor = 0,
        skip_logits: bool = False,
        **kwargs: Unpack[TransformersKwargs],
    ) -> LanguageModelOutput:
        """Predict the next token at every position.

        Args:
            input_ids: Token ids; exactly one of these and `inputs_embeds`.
            attention_mask: 0 at padding, over everything seen so far.
            past_key_values: What the model carries from the tokens before.
            inputs_embeds: Embeddings in place of ids.
            labels: Token ids aligned with `input_ids`: position t of `labels` is the token *at* t,
                and the shift by one happens here, as everywhere in transformers. -100 is ignored.
            use_cache: Return `past_key_values`.
            logits_to_keep: How many last positions to project, 0 for all; or which.
            skip_logits: Return no logits, and compute the loss without the whole matrix of them.
            **kwargs: `shift_labels`, labels shifted already: position t is the token *after* t, so
                that no label is lost at the border of two blocks; they take precedence over
                `labels`. `num_items_in_batch`, the number of labels that the summed loss is divided
                by if one batch is trained in several pieces. `label_smoothing`, the share of
                each label that is spread over the vocabulary. `output_hidden_states`.

        Returns:
            Loss in nats per token, logits, cache, hidden states; in training with a penalty, an
            adversarial margin, the augmented loss or smoothed labels also the cross-entropy that is
            in the loss.

        Raises:
            ValueError: Both or neither of `input_ids` and `inputs_embeds`.
            IndexError: A token id outside the vocabulary.

        Shape:
            input_ids, labels, shift_labels: (batch, length);
            attention_mask: (batch, seen + length);
            inputs_embeds: (batch, length, embedding_size); logits: (batch, kept, vocab_size).
        """
        # Not in the signature: Trainer asks for every argument there with "label" in its name.
        extra: dict[str, Any] = dict(kwargs)
        shift_labels: Tensor | None = extra.pop("shift_labels", None)
        smoothing: float = extra.pop("label_smoothing", 0.0)
        outputs = self.model(
            input_ids=input_ids,
            attention_mask=attention_mask,
            past_key_values=past_key_values,
            inputs_embeds=inputs_embeds,
            use_cache=use_cache,
            **extra,
        )
        hidden = outputs.last_hidden_state  # (batch, length, output_size)
        if shift_labels is None and labels is not None:
            shift_labels = functional.pad(labels, (0, 1), value=IGNORED)[..., 1:]
        loss = cross_entropy = logits = None
        if not skip_logits:
            kept = (
                slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) else logits_to_keep
            )
            logits = self.logits(hidden[:, kept])  # (batch, kept, vocab_size)
        if shift_labels is not None:
            num_items = extra.get("num_items_in_batch")
            targets = shift_labels.to(hidden.device)  # (batch, length)
            whole = logits if isinstance(logits_to_keep, int) and logits_to_keep == 0 else None
            loss, cross_entropy = self._loss(outputs, targets, num_items, smoothing, whole)
        return LanguageModelOutput(
            loss=loss,
            cross_entropy=cross_entropy,
            logits=logits,
            past_key_values=outputs.past_key_values,
            hidden_states=outputs.hidden_states,
            attentions=outputs.get("attentions"),
        )

    def _loss(
        self,
        outputs: Any,
        targets: Tensor,
        num_items: Tensor | int | None,
        smoothing: float,
        logits: Tensor | None,
    ) -> tuple[Tensor, Tensor | None]:
        """Loss over the labels, by their number or by `num_items`; the cross-entropy in it."""
        hidden = outputs.last_hidden_state  # (batch, length, output_size)
        total, summed = self.summed_losses(
            hidden.flatten(0, -2),
            targets.flatten(),
            smoothing,
            None if logits is None else logits.flatten(0, -2),
        )
        penalty = self.training_penalty(outputs, targets) if self.training else None
        if penalty is not None:
            total = total + penalty
        count = (targets != IGNORED).sum() if num_items is None else num_items
        more = penalty is not None or smoothing > 0
        more = more or (self.training and self._loss_from_rows is not None)
        return total / count, summed / count if more else None

    def training_penalty(self, outputs: Any, targets: Tensor) -> Tensor | None:
        """What a family adds to the summed training loss; nothing by default.

        Args:
            outputs: Of the base model.
            targets: Shifted labels.

        Shape:
            targets: (batch, length); result: ().
        """
        return None

    @torch.no_grad()
    def score_tokens(
        self,
        input_ids: Tensor,
        targets: Tensor,
        past_key_values: Cache | None = None,
        temperature: float = 1.0,
    ) -> tuple[Tensor, Tensor, Cache]:
        """Each target's loss given everything before it, for evaluation: no logits are kept.

        Args:
            input_ids: Token ids.
            targets: The token after each input; -100 is not scored.
            past_key_values: What the model carries from the tokens before.
            temperature: Of the softmax; see `token_losses`.

        Returns:
            Losses in nats (float64), whether the likeliest token was the target, and the cache.

        Shape:
            input_ids, targets, losses, hits: (batch, length).
        """
        outputs = self.model(input_ids=input_ids, past_key_values=past_key_values, use_cache=True)
        losses, hits = self.score_hidden(outputs.last_hidden_state, targets, temperature)
        return losses, hits, outputs.past_key_values

    @torch.no_grad()
    def score_hidden(
        self, hidden: Tensor, targets: Tensor, temperature: float = 1.0
    ) -> tuple[Tensor, Tensor]:
        """`score_tokens` from the output of the base model.

        Shape:
            hidden: (batch, length, output_size); targets, losses, hits: (batch, length).
        """
        losses, hits = self.token_losses(hidden.flatten(0, 1), targets.flatten(), temperature)
        return losses.view_as(targets), hits.view_as(targets)

"""Base models that carry a state from token to token, and those made of recurrent layers."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from transformers.cache_utils import Cache, DynamicCache
from transformers.modeling_outputs import BaseModelOutputWithPast
from transformers.processing_utils import Unpack
from transformers.utils import TransformersKwargs
from transformers.utils.output_capturing import capture_outputs

from ..kernels.softmax_loss import IGNORED
from ..layers.activation_penalty import activation_penalty
from ..layers.dropout import Dropout, LockedDropout
from ..layers.recurrence import RecurrentLayer
from .causal_lm import LanguageModelForCausalLM, LMCoursePreTrainedModel
from .compiled_generation import methods
from .configuration_recurrent import RecurrentConfig
from .embeddings import WordEmbedding, input_embeddings, mask_of_new_tokens
from .packed_rows import PackedRows
from .recurrent_generation import RecurrentGenerationMixin

__all__ = ["RecurrentForCausalLM", "RecurrentModel", "RecurrentPreTrainedModel", "StatefulModel"]


class StatefulModel(LMCoursePreTrainedModel):
    """Embeddings, and what a family computes from them and from the state of the text before.

    A subclass makes its layers, calls `post_init`, and computes in `read`.
    """

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.embed_tokens = WordEmbedding(config)
        self.embedding_dropout: nn.Module = Dropout(config.embedding_dropout)
        self.gradient_checkpointing = False

    def call(self, layer: nn.Module, *args: Any) -> Any:
        """Call a layer; with gradient checkpointing, again in the backward pass.

        With `use_reentrant=True` torch passes no gradient on through the state, which is a tuple.
        """
        if self.gradient_checkpointing and self.training:
            return self._gradient_checkpointing_func(layer.__call__, *args)
        return layer(*args)

    def read(
        self, x: Tensor, mask: Tensor | None, cache: Any, use_cache: bool
    ) -> BaseModelOutputWithPast:
        """What the family computes.

        Args:
            x: The embeddings after dropout.
            mask: 0 at padding; `None` if there is no padding.
            cache: The states before; `None` at the beginning of a text.
            use_cache: Put the states after into the cache.

        Shape:
            x: (batch, length, embedding_size); mask: (batch, length);
            `last_hidden_state` of the result: (batch, length, output_size).
        """
        raise NotImplementedError

    @capture_outputs
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: Tensor | None = None,
        use_cache: bool | None = None,
        **kwargs: Unpack[TransformersKwargs],
    ) -> BaseModelOutputWithPast:
        """Compute the hidden vector of every position, from a state if one is given.

        Args:
            input_ids: Token ids; exactly one of these and `inputs_embeds`.
            attention_mask: 0 at padding, over everything seen so far; the state passes over it.
            past_key_values: The state.
            inputs_embeds: Embeddings in place of ids.
            use_cache: Return the state; by default as the config says.
            **kwargs: `output_hidden_states`. `position_ids`: if they do not go on by 1, the next of
                several texts packed into the row begins: without a state, and none is returned.

        Returns:
            What the output layer reads at each position, and the state.

        Raises:
            ValueError: Both or neither of `input_ids` and `inputs_embeds`, a mask of another shape,
                a cache that was made without the config, or packed texts on top of a state.
            IndexError: A token id outside the vocabulary.

        Shape:
            input_ids: (batch, length); attention_mask: (batch, seen + length);
            inputs_embeds: (batch, length, embedding_size); position_ids: (batch or 1, length);
            result: (batch, length, output_size).
        """
        config: Any = self.config
        # The host's decorator would return no cache with gradient checkpointing. A state is put
        # into it once, outside of the layer that is called again.
        use_cache = config.use_cache if use_cache is None else use_cache
        embeddings = input_embeddings(
            self.embed_tokens, config.vocab_size, input_ids, inputs_embeds, config.word_dropout
        )  # (batch, length, embedding_size)
        if use_cache and past_key_values is None:
            past_key_values = DynamicCache(config=config)
        if past_key_values is not None and not past_key_values.layers:
            raise ValueError(
                "the cache has no layers: make it with DynamicCache(config=model.config)"
            )
        mask = mask_of_new_tokens(attention_mask, embeddings.shape[1])  # (batch, length)
        x = self.embedding_dropout(embeddings)
        batch = x.shape[0]  # `len(x)` would fix it in an exported graph
        if (packed := PackedRows.of(kwargs.get("position_ids"), batch)) is not None:
            return self._read_packed(x, mask, past_key_values, packed)
        outputs = self.read(x, mask, past_key_values, bool(use_cache))
        outputs.past_key_values = past_key_values if use_cache else None
        return outputs

    def _read_packed(
        self, x: Tensor, mask: Tensor | None, cache: Cache | None, packed: PackedRows
    ) -> BaseModelOutputWithPast:
        """`read` with a row for each text."""
        if cache is not None and cache.get_seq_length():
            raise ValueError("texts packed into one row cannot go on from past_key_values")
        real = x.new_ones(x.shape[:2]) if mask is None else mask
        outputs = self.read(packed.unpack(x), packed.unpack(real), None, False)
        for name, tensor in outputs.items():
            outputs[name] = packed.pack(tensor)  # (batch, length, size)
        return outputs


@dataclass
class RecurrentModelOutput(BaseModelOutputWithPast):
    """transformers' output of a base model, and what activation regularisation needs of it.

    Attributes:
        undropped_hidden_state: The last layer's output before dropout, if the training loss has a
            penalty on it. Shape: (batch, length, hidden_size).
    """

    undropped_hidden_state: Tensor | None = None


class RecurrentPreTrainedModel(LMCoursePreTrainedModel):
    """What transformers should know of recurrent models.

    The state can be rolled back, so assisted decoding works.
    """

    config: RecurrentConfig
    _can_record_outputs = {"hidden_states": RecurrentLayer}
    _supports_sdpa = True  # there is no attention: any implementation asked for is as good

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if not isinstance(module, RecurrentLayer):
            return
        parameters = list(module.parameters())
        loaded = [(p, p.clone()) for p in parameters if getattr(p, "_is_hf_initialized", False)]
        if len(loaded) < len(parameters):
            module.reset_parameters()
            for parameter, value in loaded:
                parameter.copy_(value)


class RecurrentModel(StatefulModel, RecurrentPreTrainedModel):
    """Embeddings and recurrent layers, without the output layer.

    A subclass names its layer in `layer_class`; what that takes besides its two sizes is
    `RecurrentConfig.layer_options`.
    """

    layer_class: ClassVar[type[RecurrentLayer]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Keep a layer on one device."""
        super().__init_subclass__(**kwargs)
        cls._no_split_modules = [cls.layer_class.__name__]

    def __init__(self, config: RecurrentConfig) -> None:
        super().__init__(config)
        further = [config.hidden_size] * (config.num_hidden_layers - 1)
        widths = [self.embed_tokens.embedding_dim, *further]
        self.layers = nn.ModuleList(
            self.layer_class(width, config.hidden_size, **config.layer_options) for width in widths
        )
        dropout = LockedDropout if config.locked_dropout else Dropout
        between = [config.hidden_dropout] * (config.num_hidden_layers - 1)
        self.embedding_dropout = dropout(config.embedding_dropout)
        self.dropouts = nn.ModuleList(dropout(p) for p in (*between, config.output_dropout))
        self.post_init()

    def read(
        self, x: Tensor, mask: Tensor | None, cache: Any, use_cache: bool
    ) -> RecurrentModelOutput:
        """Run the layers over a sequence; each carries its own state, which passes over padding."""
        hidden = x  # (batch, length, embedding_size)
        for index, (layer, dropout) in enumerate(zip(self.layers, self.dropouts, strict=True)):
            past = None if cache is None else cache.layers[index]
            before, every_step = (None, False) if past is None else (past.state, past.record_past)
            hidden, state = self.call(layer, hidden, before, mask, every_step)
            if use_cache:
                cache.layers[index].update(state, length=hidden.shape[1])
            undropped, hidden = hidden, dropout(hidden)  # (batch, length, hidden_size)
        return RecurrentModelOutput(
            last_hidden_state=hidden,
            undropped_hidden_state=undropped if self.training and self._penalised else None,
        )

    @property
    def _penalised(self) -> bool:
        """Whether the training loss has a penalty on the activations."""
        config = self.config
        return bool(config.activation_regularization or config.temporal_activation_regularization)


class RecurrentForCausalLM(
    RecurrentGenerationMixin, LanguageModelForCausalLM, RecurrentPreTrainedModel
):
    """A recurrent model with an output layer; the base of the families' language models."""

    own_methods = methods(LanguageModelForCausalLM, "forward", "logits")
    body_methods = methods(RecurrentModel, "forward", "read")

    def training_penalty(self, outputs: Any, targets: Tensor) -> Tensor | None:
        """Activation regularisation, if it is asked for."""
        if outputs.undropped_hidden_state is None:
            return None
        return activation_penalty(
            outputs.last_hidden_state,
            outputs.undropped_hidden_state,
            self.config.activation_regularization,
            self.config.temporal_activation_regularization,
            targets != IGNORED,
        )

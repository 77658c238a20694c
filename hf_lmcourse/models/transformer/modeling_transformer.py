"""The causal Transformer as a language model of transformers."""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import initialization as init
from transformers.cache_utils import Cache, DynamicCache
from transformers.modeling_outputs import BaseModelOutputWithPast
from transformers.utils.generic import merge_with_config_defaults
from transformers.utils.output_capturing import capture_outputs

from ...layers.dropout import Dropout
from ...layers.positions import position_angles, sinusoidal_positions
from ..causal_lm import LanguageModelForCausalLM, LMCoursePreTrainedModel
from ..compiled_generation import methods
from ..embeddings import WordEmbedding, input_embeddings
from ..output_layer import LanguageModelOutput
from .attention_masks import attention_mask_for, sparse_attention_for
from .configuration_transformer import TransformerConfig
from .decoding_cpp import decode
from .transformer_block import CausalSelfAttention, TransformerBlock
from .transformer_generation import TransformerGenerationMixin
from .windowed_generation import WindowedGenerationMixin

__all__ = ["TransformerForCausalLM", "TransformerModel"]


class TransformerPreTrainedModel(LMCoursePreTrainedModel):
    """Initialisation of the blocks, and what transformers should know of them."""

    config: TransformerConfig
    carries_state = False
    unit_embeddings = False
    _no_split_modules = ["TransformerBlock"]
    _can_record_outputs = {"hidden_states": TransformerBlock, "attentions": CausalSelfAttention}
    _supports_sdpa = True

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, TransformerBlock):
            # Called after the block's parts: 2 L branches add up to a variance that does not grow.
            std = self.config.initializer_range / (2 * self.config.num_hidden_layers) ** 0.5
            init.normal_(module.attention.o_proj.weight, std=std)
            init.normal_(module.feed_forward.down_proj.weight, std=std)


class TransformerModel(TransformerPreTrainedModel):
    """A causal Transformer of pre-normalised blocks, without the output layer.

    With e the embeddings, projected to `hidden_size` if they have another width and multiplied
    by its square root if the positions are sinusoidal, and p the positions (rotary ones turn
    queries and keys instead):

        x = dropout(e(w_t) + p(t))
        x = x + dropout(Attention(LayerNorm(x)))          every block
        x = x + dropout(FeedForward(LayerNorm(x)))
        h = LayerNorm(x)                                  after the last

    Reference:
        Vaswani et al. 2017, Attention Is All You Need; Radford et al. 2019, Language Models are
        Unsupervised Multitask Learners.
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__(config)
        embedding_size = config.embedding_size or config.hidden_size
        self.embed_tokens = WordEmbedding(config)
        self.embedding_projection: nn.Module = nn.Identity()
        if embedding_size != config.hidden_size:
            self.embedding_projection = nn.Linear(embedding_size, config.hidden_size, bias=False)
        if config.position_embedding_type == "learned":
            self.embed_positions = nn.Embedding(config.max_position_embeddings, config.hidden_size)
        self.embedding_dropout = Dropout(config.embedding_dropout)
        self.layers = nn.ModuleList(
            TransformerBlock(config, index) for index in range(config.num_hidden_layers)
        )
        self.norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.gradient_checkpointing = False
        self.post_init()

    @merge_with_config_defaults
    @capture_outputs
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: Tensor | None = None,
        use_cache: bool | None = None,
        **kwargs: Any,
    ) -> BaseModelOutputWithPast:
        """Run the blocks over a sequence, on top of a cache if one is given.

        Arguments and results are those of `StatefulModel.forward`, with keys and values of the
        tokens before in place of a state. `position_ids` are the positions of the tokens, counted
        from the first one that is not padding by default. `output_attentions` is understood too.

        Raises:
            ValueError: Both or neither of `input_ids` and `inputs_embeds`, or more tokens than
                learned positions.
            IndexError: A token id outside the vocabulary.

        Shape:
            input_ids, position_ids: (batch, length); attention_mask: (batch, seen + length);
            inputs_embeds: (batch, length, embedding_size); result: (batch, length, hidden_size).
        """
        config = self.config
        inputs_embeds = input_embeddings(
            self.embed_tokens, config.vocab_size, input_ids, inputs_embeds, config.word_dropout
        )  # (batch, length, embedding_size)
        if use_cache and past_key_values is None:
            past_key_values = DynamicCache(config=self.config)
        seen: Any = 0 if past_key_values is None else past_key_values.get_seq_length()
        weights = kwargs.pop("output_attentions", None)
        weights = self.config.output_attentions if weights is None else weights
        positions = position_ids
        if positions is None:
            positions = _count_positions(attention_mask, seen, inputs_embeds)
        x = self._add_positions(inputs_embeds, positions)  # (batch, length, hidden_size)
        rotation = self._rotation(positions, x.dtype)
        hidden = None
        if not self.training and not weights:
            given = (attention_mask, position_ids, rotation)
            hidden = decode(self.layers, self.config, x, past_key_values, *given)
        if hidden is None:
            kwargs |= {"rotation": rotation, "output_attentions": weights}
            hidden = self._run_blocks(
                x, attention_mask, position_ids, past_key_values, seen, **kwargs
            )
        return BaseModelOutputWithPast(
            last_hidden_state=self.norm(hidden),
            past_key_values=past_key_values if use_cache else None,
        )

    def _run_blocks(
        self,
        hidden: Tensor,
        attention_mask: Tensor | None,
        position_ids: Tensor | None,
        past_key_values: Cache | None,
        seen: int | Tensor,
        **kwargs: Any,
    ) -> Tensor:
        """All blocks in torch, with a mask or a sparse computation; arguments as in `forward`.

        `seen` is the number of tokens in the cache.
        """
        sparse, mask = None, None
        whole = attention_mask is None and position_ids is None and _is_zero(seen)
        if whole and not kwargs["output_attentions"]:
            sparse = sparse_attention_for(self.config, hidden.shape[1])
        if sparse is None:
            # an empty cache would hide from the host that a row is of several texts
            cache = None if _is_zero(seen) else past_key_values
            mask = attention_mask_for(self.config, hidden, attention_mask, cache, position_ids)
        for layer in self.layers:
            hidden = layer(
                hidden,
                attention_mask=mask,
                past_key_values=past_key_values,
                sparse=sparse,
                **kwargs,
            )
        return hidden

    def _add_positions(self, embeddings: Tensor, position_ids: Tensor) -> Tensor:
        hidden = self.embedding_projection(embeddings)
        if self.config.position_embedding_type == "learned":
            longest = self.config.max_position_embeddings
            hidden = hidden + _look_up_positions(self.embed_positions, position_ids, longest)
        elif self.config.position_embedding_type == "sinusoidal":
            size = self.config.hidden_size
            positions = sinusoidal_positions(position_ids, size, hidden.dtype)
            hidden = hidden * size**0.5 + positions  # else the positions would drown the words
        return self.embedding_dropout(hidden)

    def _rotation(self, position_ids: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor] | None:
        """Cosines and sines for every head. Shape: (batch, 1, length, head_size / 2)."""
        if self.config.position_embedding_type != "rotary":
            return None
        size = self.config.hidden_size // self.config.num_attention_heads
        angles = position_angles(position_ids, size, self.config.rope_theta, dtype).unsqueeze(1)
        return angles.cos(), angles.sin()


def _is_zero(seen: int | Tensor) -> bool:
    """Whether a cache is known to be empty; a static one has its length in a tensor."""
    return isinstance(seen, int) and seen == 0


def _count_positions(attention_mask: Tensor | None, seen: int | Tensor, new: Tensor) -> Tensor:
    """The number of real tokens before each new one; a padded place has that of its neighbour."""
    length = new.shape[1]
    if attention_mask is not None and attention_mask.ndim == 2:
        return (attention_mask.long().cumsum(-1) - 1).clamp(min=0)[:, -length:]
    return (torch.arange(length, device=new.device) + seen).unsqueeze(0)


def _look_up_positions(embedding: nn.Module, position_ids: Tensor, longest: int) -> Tensor:
    """Rows of the matrix of positions.

    Raises:
        ValueError: A position beyond the last one.

    Shape:
        position_ids: (batch, length); result: (batch, length, size).
    """
    try:
        if position_ids.shape[-1] > longest and int(position_ids.max()) >= longest:
            raise IndexError  # a GPU would not raise it, but stop working
        return embedding(position_ids)
    except IndexError:
        raise ValueError(
            f"token {int(position_ids.max()) + 1} is beyond max_position_embeddings "
            f"{longest}: shorten the text, or score it in windows"
        ) from None


class TransformerForCausalLM(
    TransformerGenerationMixin, LanguageModelForCausalLM, TransformerPreTrainedModel
):
    """A causal Transformer that predicts the next token.

    Example:
        >>> from hf_lmcourse import TransformerConfig, TransformerForCausalLM
        >>> model = TransformerForCausalLM(TransformerConfig(vocab_size=65, hidden_size=128))
    """

    config: TransformerConfig
    body_class = TransformerModel
    create_masks_for_generate = staticmethod(attention_mask_for)
    body_methods = methods(
        TransformerModel, "forward", "_run_blocks", "_add_positions", "_rotation"
    )

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int | Tensor = 0,
        skip_logits: bool = False,
        **kwargs: Any,
    ) -> LanguageModelOutput:
        """See `LanguageModelForCausalLM.forward`; `position_ids` are as in `TransformerModel`."""
        return super().forward(
            input_ids=input_ids,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            inputs_embeds=inputs_embeds,
            labels=labels,
            use_cache=use_cache,
            logits_to_keep=logits_to_keep,
            skip_logits=skip_logits,
            **kwargs,
        )

    own_methods = methods(
        WindowedGenerationMixin,
        "prepare_inputs_for_generation",
        "_update_model_kwargs_for_generation",
    )
    own_methods |= {"forward": forward, "logits": LanguageModelForCausalLM.logits}

"""The body of a model that carries a state of constant size from token to token."""

from typing import Any

from torch import Tensor, nn
from transformers.cache_utils import Cache, DynamicCache
from transformers.modeling_outputs import BaseModelOutputWithPast
from transformers.processing_utils import Unpack
from transformers.utils import TransformersKwargs
from transformers.utils.generic import merge_with_config_defaults
from transformers.utils.output_capturing import capture_outputs

from .causal_lm import LMCoursePreTrainedModel
from .embeddings import WordEmbedding, input_embeddings, mask_of_new_tokens

__all__ = ["StateModel"]


class StateModel(LMCoursePreTrainedModel):
    """Embeddings, and a state that what a family computes from them begins with and ends in.

    A subclass makes its layers, calls `post_init`, and says in `read` what it computes.
    """

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.embed_tokens = WordEmbedding(
            config.vocab_size, config.embedding_size, config.freeze_vectors
        )
        self.embedding_dropout: nn.Module = nn.Dropout(config.embedding_dropout)

    def read(
        self, x: Tensor, mask: Tensor | None, cache: Any, use_cache: bool
    ) -> BaseModelOutputWithPast:
        """What the family computes.

        Args:
            x: the embeddings after dropout.
            mask: 0 at padding; `None` where there is none.
            cache: the states before; `None` at the beginning of a text.
            use_cache: put the states after into the cache.

        Shape:
            x: (batch, length, embedding_size); mask: (batch, length);
            `last_hidden_state` of the result: (batch, length, output_size).
        """
        raise NotImplementedError

    @merge_with_config_defaults
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
        """Compute the hidden vector of every position, from a state where one is given.

        Args:
            input_ids: token ids; exactly one of these and `inputs_embeds`.
            attention_mask: 0 at padding, over everything seen so far; the state passes over it.
            past_key_values: the state.
            inputs_embeds: embeddings in place of ids.
            use_cache: return the state.
            **kwargs: `output_hidden_states`.

        Returns:
            What the output layer reads at each position, and the state.

        Raises:
            ValueError: both or neither of `input_ids` and `inputs_embeds`, a mask of another shape,
                or a cache that was made without the config.
            IndexError: a token id outside the vocabulary.

        Shape:
            input_ids: (batch, length); attention_mask: (batch, seen + length);
            inputs_embeds: (batch, length, embedding_size); result: (batch, length, output_size).
        """
        config: Any = self.config
        embeddings = input_embeddings(
            self.embed_tokens, input_ids, inputs_embeds, config.word_dropout
        )
        if use_cache and past_key_values is None:
            past_key_values = DynamicCache(config=config)
        if past_key_values is not None and not past_key_values.layers:
            raise ValueError(
                "the cache has no layers: make it with DynamicCache(config=model.config)"
            )
        mask = mask_of_new_tokens(attention_mask, embeddings.shape[1])
        x = self.embedding_dropout(embeddings)
        outputs = self.read(x, mask, past_key_values, bool(use_cache))
        outputs.past_key_values = past_key_values if use_cache else None
        return outputs

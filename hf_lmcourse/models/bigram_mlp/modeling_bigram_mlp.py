"""The bigram network as a language model of transformers."""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import GenerationMixin
from transformers import initialization as init
from transformers.cache_utils import Cache, DynamicCache
from transformers.modeling_outputs import BaseModelOutputWithPast
from transformers.processing_utils import Unpack
from transformers.utils import TransformersKwargs
from transformers.utils.generic import merge_with_config_defaults
from transformers.utils.output_capturing import capture_outputs

from ..causal_lm import LanguageModelForCausalLM, LMCoursePreTrainedModel
from ..inputs import WordEmbedding, input_embeddings
from .configuration_bigram_mlp import BigramMLPConfig

__all__ = ["BigramMLPForCausalLM", "BigramMLPModel"]


class BigramHiddenLayer(nn.Module):
    """h = sigmoid(x W1 + b1); W1 transposed and b1 are `projection`.

    Shape:
        x: (..., input_size); h: (..., hidden_size).
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.projection = nn.Linear(input_size, hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer at every position."""
        return torch.sigmoid(self.projection(x))


class BigramMLPPreTrainedModel(LMCoursePreTrainedModel):
    """Initialisation of the hidden layer, and what transformers should know of it."""

    config: BigramMLPConfig
    supports_gradient_checkpointing = False
    _no_split_modules = ["BigramHiddenLayer"]
    _can_record_outputs = {"hidden_states": BigramHiddenLayer}
    _supports_sdpa = True  # there is no attention: any implementation asked for is as good

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if self.config.initialization == "standard_normal":
            if isinstance(module, nn.Linear):
                init.normal_(module.weight)
                init.normal_(module.bias)
        elif isinstance(module, BigramHiddenLayer):
            bound = module.projection.in_features**-0.5
            init.uniform_(module.projection.weight, -bound, bound)


class BigramMLPModel(BigramMLPPreTrainedModel):
    """One sigmoid layer over the embedding of the previous word.

    With x = C(w_t) the embedding of the word at t, the next word is predicted by

        h = sigmoid(x W1 + b1)        p(w_{t+1}) = softmax(h W2 + b2)

    Its gradients by hand, and exactly from bigram counts, are in `layers/bigram.py`.

    Reference:
        Bengio et al. 2003 with n = 2, without the word before last.
    """

    def __init__(self, config: BigramMLPConfig) -> None:
        super().__init__(config)
        embedding_size = config.embedding_size or config.hidden_size
        self.embed_tokens = WordEmbedding(config.vocab_size, embedding_size, config.freeze_vectors)
        self.hidden = BigramHiddenLayer(embedding_size, config.hidden_size)
        self.embedding_dropout = nn.Dropout(config.embedding_dropout)
        self.output_dropout = nn.Dropout(config.output_dropout)
        self.post_init()

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
        """Compute the hidden vector of every position.

        Args:
            input_ids: token ids; exactly one of these and `inputs_embeds`.
            attention_mask: not needed: a position reads no other one.
            past_key_values: how many tokens were seen; that is all a bigram model carries.
            inputs_embeds: embeddings in place of ids.
            use_cache: return that number.
            **kwargs: `output_hidden_states`.

        Returns:
            h of every position.

        Raises:
            ValueError: both or neither of `input_ids` and `inputs_embeds`.
            IndexError: a token id outside the vocabulary.

        Shape:
            input_ids: (batch, length); inputs_embeds: (batch, length, embedding_size);
            result: (batch, length, hidden_size).
        """
        embeddings = input_embeddings(
            self.embed_tokens, input_ids, inputs_embeds, self.config.word_dropout
        )
        hidden = self.hidden(self.embedding_dropout(embeddings))
        cache: Any = past_key_values
        if use_cache:
            cache = DynamicCache(config=self.config) if cache is None else cache
            steps = hidden.shape[1] if cache.layers[0].record_past else 1
            nothing = hidden.new_empty(hidden.shape[0], steps, 0)
            cache.update(nothing, nothing, 0, length=hidden.shape[1])
        return BaseModelOutputWithPast(
            last_hidden_state=self.output_dropout(hidden),
            past_key_values=cache if use_cache else None,
        )


class BigramMLPForCausalLM(LanguageModelForCausalLM, BigramMLPPreTrainedModel, GenerationMixin):
    """A bigram network that predicts the next token.

    Example:
        >>> from hf_lmcourse import BigramMLPConfig, BigramMLPForCausalLM
        >>> model = BigramMLPForCausalLM(BigramMLPConfig(vocab_size=2_000, hidden_size=50))
    """

    config: BigramMLPConfig
    body_class = BigramMLPModel

"""The bigram network as a language model of transformers."""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import GenerationMixin
from transformers import initialization as init
from transformers.modeling_outputs import BaseModelOutputWithPast

from ...layers.bigram import BigramHiddenLayer
from ...layers.dropout import Dropout
from ..causal_lm import LanguageModelForCausalLM, LMCoursePreTrainedModel
from ..modeling_recurrent import StatefulModel
from .configuration_bigram_mlp import BigramMLPConfig

__all__ = ["BigramMLPForCausalLM", "BigramMLPModel"]


class BigramMLPPreTrainedModel(LMCoursePreTrainedModel):
    """Initialisation of the hidden layer, and what transformers should know of it."""

    config: BigramMLPConfig
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


class BigramMLPModel(StatefulModel, BigramMLPPreTrainedModel):
    """One sigmoid layer over the embedding of the previous word.

    With x = C(w_t) the embedding of the word at t, the next word is predicted by

        h = sigmoid(x W1 + b1)        p(w_{t+1}) = softmax(h W2 + b2)

    (layers/bigram.py; the gradients by hand, and exactly from counts: kernels/bigram_gradients.py).
    """

    def __init__(self, config: BigramMLPConfig) -> None:
        super().__init__(config)
        self.hidden = BigramHiddenLayer(self.embed_tokens.embedding_dim, config.hidden_size)
        self.output_dropout = Dropout(config.output_dropout)
        self.post_init()

    def read(
        self, x: Tensor, mask: Tensor | None, cache: Any, use_cache: bool
    ) -> BaseModelOutputWithPast:
        """The equation at every position; the state is how many tokens were seen."""
        hidden = self.call(self.hidden, x)  # (batch, length, hidden_size)
        if use_cache:
            cache.layers[0].update((), length=hidden.shape[1])
        return BaseModelOutputWithPast(last_hidden_state=self.output_dropout(hidden))


class BigramMLPForCausalLM(LanguageModelForCausalLM, BigramMLPPreTrainedModel, GenerationMixin):
    """A bigram network that predicts the next token.

    Example:
        >>> from hf_lmcourse import BigramMLPConfig, BigramMLPForCausalLM
        >>> model = BigramMLPForCausalLM(BigramMLPConfig(vocab_size=2_000, hidden_size=50))
    """

    config: BigramMLPConfig
    body_class = BigramMLPModel

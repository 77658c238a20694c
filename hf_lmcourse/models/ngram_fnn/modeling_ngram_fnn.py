"""Bengio's neural probabilistic language model as a language model of transformers."""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import initialization as init
from transformers.modeling_outputs import BaseModelOutputWithPast

from ...layers.dropout import Dropout
from ...layers.ngram import NGramLayer, ResidualLayer
from ..causal_lm import LanguageModelForCausalLM, LMCoursePreTrainedModel
from ..compiled_generation import methods
from ..modeling_recurrent import StatefulModel
from .configuration_ngram_fnn import NGramFNNConfig
from .ngram_generation import NGramGenerationMixin

__all__ = ["NGramFNNForCausalLM", "NGramFNNModel"]


class NGramFNNPreTrainedModel(LMCoursePreTrainedModel):
    """Initialisation of the hidden layers, and what transformers should know of them."""

    config: NGramFNNConfig
    _no_split_modules = ["NGramLayer", "ResidualLayer"]
    _can_record_outputs = {"hidden_states": [NGramLayer, ResidualLayer]}
    _supports_sdpa = True  # there is no attention: any implementation asked for is as good

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, NGramLayer | ResidualLayer):
            bound = module.projection.weight[0].numel() ** -0.5
            init.uniform_(module.projection.weight, -bound, bound)


class NGramFNNModel(StatefulModel, NGramFNNPreTrainedModel):
    """The n - 1 words before the next one, their embeddings end to end, and hidden layers.

    With x_t = C(w_t) the embedding of the word at t, the next word is predicted by

        h_t = tanh(d + H_0 x_t + H_1 x_{t-1} + ... + H_{n-2} x_{t-n+2})
        p(w_{t+1}) = softmax(b + U h_t + W (x_t, x_{t-1}, ..., x_{t-n+2}))

    with W, the direct connections, only if they are asked for. Further hidden layers are
    between h and U (`ResidualLayer`). Before the first word x is zero, and padding is passed over.

    Reference:
        Bengio, Ducharme, Vincent and Jauvin 2003, A neural probabilistic language model;
        Sun and Iyyer 2021, Revisiting simple neural probabilistic language models.
    """

    def __init__(self, config: NGramFNNConfig) -> None:
        super().__init__(config)
        self.window = NGramLayer(
            self.embed_tokens.embedding_dim,
            config.hidden_size,
            config.context_size,
            config.hidden_act,
        )
        self.layers = nn.ModuleList(
            ResidualLayer(config.hidden_size, config.hidden_act, config.residual)
            for _ in range(config.num_hidden_layers - 1)
        )
        self.hidden_dropout = Dropout(config.hidden_dropout)
        self.output_dropout = Dropout(config.output_dropout)
        self.post_init()

    def read(
        self, x: Tensor, mask: Tensor | None, cache: Any, use_cache: bool
    ) -> BaseModelOutputWithPast:
        """The equation at every position; the state is the newest n - 2 embeddings.

        With direct connections the embeddings of the window follow h_t.
        """
        before = cache.layers[0].state if cache is not None else None
        before = before[0] if before else None  # none at the start, and none carried if n = 2
        hidden = self.call(self.window, x, before, mask)  # (batch, length, hidden_size)
        for layer in self.layers:
            hidden = self.call(layer, self.hidden_dropout(hidden))
        if self.config.direct_connections:
            window = self.window.windows(x, before, mask)  # (batch, length, (n - 1) * size of x)
            hidden = torch.cat([hidden, window], dim=-1)  # (batch, length, output_size)
        if use_cache:
            state = self.window.states(x, before, mask, every_step=cache.layers[0].record_past)
            cache.layers[0].update((state,), length=x.shape[1])
        return BaseModelOutputWithPast(last_hidden_state=self.output_dropout(hidden))


class NGramFNNForCausalLM(NGramGenerationMixin, LanguageModelForCausalLM, NGramFNNPreTrainedModel):
    """An n-gram network that predicts the next token.

    Example:
        >>> from hf_lmcourse import NGramFNNConfig, NGramFNNForCausalLM
        >>> model = NGramFNNForCausalLM(NGramFNNConfig(vocab_size=10_000, context_size=4))
    """

    config: NGramFNNConfig
    body_class = NGramFNNModel
    own_methods = methods(LanguageModelForCausalLM, "forward", "logits")
    body_methods = methods(NGramFNNModel, "forward", "read")

"""The Hugging Face shell round a recurrent layer: embeddings, layers, state, dropout."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from transformers import initialization as init
from transformers.modeling_outputs import BaseModelOutputWithPast

from ..layers.activation_penalty import activation_penalty
from ..layers.dropout import LockedDropout
from ..layers.lstm import LSTMLayer
from ..layers.output import IGNORED
from ..layers.recurrence import RecurrentLayer
from .causal_lm import LanguageModelForCausalLM, LMCoursePreTrainedModel
from .configuration_recurrent import RecurrentConfig
from .stateful_model import StateModel

__all__ = ["RecurrentForCausalLM", "RecurrentModel", "RecurrentPreTrainedModel"]


@dataclass
class RecurrentModelOutput(BaseModelOutputWithPast):
    """transformers' output of a body, and what activation regularisation needs of it.

    Attributes:
        undropped_hidden_state: the last layer's output before dropout, where the training loss
            has a penalty on it. Shape: (batch, length, hidden_size).
    """

    undropped_hidden_state: Tensor | None = None


class RecurrentPreTrainedModel(LMCoursePreTrainedModel):
    """Initialisation of recurrent layers, and what transformers should know of them.

    Gradient checkpointing is declared unsupported: what the backward pass keeps is bounded by
    truncated backpropagation already. The state can be rolled back, so assisted decoding works.
    """

    config: RecurrentConfig
    supports_gradient_checkpointing = False
    _no_split_modules = ["ElmanLayer", "LSTMLayer", "GRULayer"]
    _can_record_outputs = {"hidden_states": RecurrentLayer}
    _supports_sdpa = True  # there is no attention: any implementation asked for is as good

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if not isinstance(module, RecurrentLayer):
            return
        bound = module.hidden_size**-0.5
        init.uniform_(module.input_projection.weight, -bound, bound)
        init.uniform_(module.recurrent_projection.weight, -bound, bound)
        bias = module.input_projection.bias
        if isinstance(module, LSTMLayer) and not getattr(bias, "_is_hf_initialized", False):
            # An open forget gate lets gradients through from the start (Jozefowicz et al. 2015).
            bias[module.hidden_size : 2 * module.hidden_size] = 1.0


class RecurrentModel(StateModel, RecurrentPreTrainedModel):
    """Embeddings and recurrent layers, without the output layer.

    A subclass names its layer in `layer_class`.
    """

    layer_class: ClassVar[type[RecurrentLayer]]

    def __init__(self, config: RecurrentConfig) -> None:
        super().__init__(config)
        further = [config.hidden_size] * (config.num_hidden_layers - 1)
        widths = [self.embed_tokens.embedding_dim, *further]
        self.layers = nn.ModuleList(self.build_layer(config, width) for width in widths)
        dropout = LockedDropout if config.locked_dropout else nn.Dropout
        between = [config.hidden_dropout] * (config.num_hidden_layers - 1)
        self.embedding_dropout = dropout(config.embedding_dropout)
        self.dropouts = nn.ModuleList(dropout(p) for p in (*between, config.output_dropout))
        self.post_init()

    def build_layer(self, config: Any, input_size: int) -> RecurrentLayer:
        """One layer from the settings."""
        return self.layer_class(
            input_size,
            config.hidden_size,
            recurrent_dropout=config.recurrent_dropout,
            backend=config.backend,
        )

    def read(
        self, x: Tensor, mask: Tensor | None, cache: Any, use_cache: bool
    ) -> RecurrentModelOutput:
        """Run the layers over a sequence; the state is theirs, and stands still at padding."""
        hidden = x
        for index, (layer, dropout) in enumerate(zip(self.layers, self.dropouts, strict=True)):
            past = None if cache is None else cache.layers[index]
            before, every_step = (None, False) if past is None else (past.state, past.record_past)
            hidden, state = layer(hidden, before, mask, every_step=every_step)
            if use_cache:
                h, c = state if len(state) == 2 else (state[0], state[0][..., :0])
                cache.update(h, c, index, length=hidden.shape[1])
            undropped, hidden = hidden, dropout(hidden)
        return RecurrentModelOutput(
            last_hidden_state=hidden,
            undropped_hidden_state=undropped if self.training and self._penalised else None,
        )

    @property
    def _penalised(self) -> bool:
        """Whether the training loss has a penalty on the activations."""
        config = self.config
        return bool(config.activation_regularization or config.temporal_activation_regularization)


class RecurrentForCausalLM(LanguageModelForCausalLM, RecurrentPreTrainedModel):
    """A recurrent body with an output layer; the base of the families' language models."""

    def training_penalty(self, outputs: Any, targets: Tensor) -> Tensor | None:
        """Activation regularisation, where it is asked for."""
        if outputs.undropped_hidden_state is None:
            return None
        return activation_penalty(
            outputs.last_hidden_state,
            outputs.undropped_hidden_state,
            self.config.activation_regularization,
            self.config.temporal_activation_regularization,
            targets != IGNORED,
        )

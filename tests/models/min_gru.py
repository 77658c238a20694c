"""A family in one file: minGRU, a gated recurrence without a recurrent matrix.

    z = sigmoid(W_z x_t + b_z)                update gate
    n = W_n x_t + b_n                         candidate
    h_t = (1 - z) * h_{t-1} + z * n

Reference:
    Feng et al. 2024, Were RNNs All We Needed?
"""

from typing import ClassVar

import torch
from huggingface_hub.dataclasses import strict
from torch import Tensor, nn
from transformers import GenerationMixin

from hf_lmcourse.layers.recurrence import (
    RecurrentLayer,
    State,
    batch_first,
    run_steps,
    time_first,
)
from hf_lmcourse.models.configuration_recurrent import RecurrentConfig
from hf_lmcourse.models.modeling_recurrent import RecurrentForCausalLM, RecurrentModel
from hf_lmcourse.models.registration import register_causal_lm


def min_gru_step(a: Tensor, state: State) -> State:
    """One step from the input products. Shape: (batch, 2 * hidden_size), (batch, hidden_size)."""
    (h,) = state
    a_z, n = a.chunk(2, dim=-1)
    z = torch.sigmoid(a_z)
    return ((1 - z) * h + z * n,)


class MinGRULayer(RecurrentLayer):
    """A layer of minGRU; W and b are `projection`."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.projection = nn.Linear(input_size, 2 * hidden_size)

    @property
    def state_shapes(self) -> tuple[tuple[int, ...], ...]:
        """h alone."""
        return ((self.hidden_size,),)

    def reset_parameters(self) -> None:
        """Draw W uniformly; b is 0."""
        bound = self.input_size**-0.5
        nn.init.uniform_(self.projection.weight, -bound, bound)
        nn.init.zeros_(self.projection.bias)

    def forward(
        self,
        x: Tensor,
        state: State | None = None,
        mask: Tensor | None = None,
        every_step: bool = False,
    ) -> tuple[Tensor, State]:
        """See `RecurrentLayer.forward`."""
        steps, mask = time_first(self.projection(x), mask)
        state = self.initial_state(x) if state is None else state
        return batch_first(run_steps(min_gru_step, steps, state, mask), every_step)


@strict
class MinGRUConfig(RecurrentConfig):
    """Settings of the minGRU.

    Parameters of the full output layer, with V tokens, embeddings of size E, H units and L layers:

        V E + 2 H (E + 1) + (L - 1) 2 H (H + 1) + V (H + 1)
    """

    model_type = "test_min_gru"


class MinGRUModel(RecurrentModel):
    """Embeddings and layers."""

    config: MinGRUConfig
    layer_class: ClassVar = MinGRULayer


class MinGRUForCausalLM(RecurrentForCausalLM, GenerationMixin):
    """A minGRU that predicts the next token."""

    config: MinGRUConfig
    body_class = MinGRUModel


register_causal_lm(MinGRUConfig, MinGRUModel, MinGRUForCausalLM)

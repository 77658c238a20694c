"""A family in one file: sLSTM, an LSTM with exponential gates and a state of four tensors.

With a_t = W x_t + b + U h_{t-1}, split into a_i, a_f, a_z, a_o:

    m_t = max(a_f + m_{t-1}, a_i)             a stabiliser, in logarithms
    i = exp(a_i - m_t), f = exp(a_f + m_{t-1} - m_t)    exponential gates
    c_t = f * c_{t-1} + i * tanh(a_z)
    n_t = f * n_{t-1} + i                     a normaliser
    h_t = sigmoid(a_o) * c_t / max(n_t, 1)

Reference:
    Beck et al. 2024, xLSTM: Extended Long Short-Term Memory.
"""

from typing import ClassVar

import torch
from huggingface_hub.dataclasses import strict
from torch import Tensor
from transformers import GenerationMixin

from hf_lmcourse.layers.recurrence import DenseRecurrence, State
from hf_lmcourse.models.configuration_recurrent import DenseRecurrentConfig
from hf_lmcourse.models.modeling_recurrent import RecurrentForCausalLM, RecurrentModel
from hf_lmcourse.models.registration import register_causal_lm


def slstm_step(a_x: Tensor, u: Tensor, state: State) -> State:
    """One step. Shape: a_x, u (batch, 4 * hidden_size); each of the state (batch, hidden_size)."""
    _, c, n, m = state
    a_i, a_f, a_z, a_o = (a_x + u).chunk(4, dim=-1)
    new_m = torch.maximum(a_f + m, a_i)
    i, f = torch.exp(a_i - new_m), torch.exp(a_f + m - new_m)
    c = f * c + i * torch.tanh(a_z)
    n = f * n + i
    h = torch.sigmoid(a_o) * c / n.clamp(min=1)
    return h, c, n, new_m


class SLSTMLayer(DenseRecurrence):
    """A layer of sLSTM; the state is h, c, n and m."""

    gates = 4
    components = 4

    def step(self, a_x: Tensor, u: Tensor, state: State) -> State:
        """`slstm_step`."""
        return slstm_step(a_x, u, state)


@strict
class SLSTMConfig(DenseRecurrentConfig):
    """Settings of the sLSTM.

    Parameters of the full output layer, with V tokens, embeddings of size E, H units and L layers:

        V E + 4 H (E + H + 1) + (L - 1) 4 H (2 H + 1) + V (H + 1)
    """

    model_type = "test_slstm"


class SLSTMModel(RecurrentModel):
    """Embeddings and layers."""

    config: SLSTMConfig
    layer_class: ClassVar = SLSTMLayer


class SLSTMForCausalLM(RecurrentForCausalLM, GenerationMixin):
    """An sLSTM that predicts the next token."""

    config: SLSTMConfig
    body_class = SLSTMModel


register_causal_lm(SLSTMConfig, SLSTMModel, SLSTMForCausalLM)

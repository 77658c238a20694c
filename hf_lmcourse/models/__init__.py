"""The model families; importing this registers each with transformers' Auto classes."""

from .char_rnn import CharRNNConfig, CharRNNForCausalLM, CharRNNModel
from .gru import GRUConfig, GRUForCausalLM, GRUModel
from .lstm import LSTMConfig, LSTMForCausalLM, LSTMModel
from .transformer import TransformerConfig, TransformerForCausalLM, TransformerModel

__all__ = [
    "CharRNNConfig",
    "CharRNNForCausalLM",
    "CharRNNModel",
    "GRUConfig",
    "GRUForCausalLM",
    "GRUModel",
    "LSTMConfig",
    "LSTMForCausalLM",
    "LSTMModel",
    "TransformerConfig",
    "TransformerForCausalLM",
    "TransformerModel",
]

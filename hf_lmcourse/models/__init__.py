"""The model families; importing this registers each with transformers' Auto classes."""

from .char_rnn import CharRNNConfig, CharRNNForCausalLM, CharRNNModel
from .dan import DANConfig, DANForSequenceClassification, DANModel
from .gru import GRUConfig, GRUForCausalLM, GRUModel
from .lstm import LSTMConfig, LSTMForCausalLM, LSTMModel

__all__ = [
    "CharRNNConfig",
    "CharRNNForCausalLM",
    "CharRNNModel",
    "DANConfig",
    "DANForSequenceClassification",
    "DANModel",
    "GRUConfig",
    "GRUForCausalLM",
    "GRUModel",
    "LSTMConfig",
    "LSTMForCausalLM",
    "LSTMModel",
]

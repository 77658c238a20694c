"""The model families; importing this registers each with transformers' Auto classes."""

from .bigram_mlp import BigramMLPConfig, BigramMLPForCausalLM, BigramMLPModel
from .char_rnn import CharRNNConfig, CharRNNForCausalLM, CharRNNModel
from .dan import DANConfig, DANForSequenceClassification, DANModel
from .gru import GRUConfig, GRUForCausalLM, GRUModel
from .lstm import LSTMConfig, LSTMForCausalLM, LSTMModel
from .ngram_fnn import NGramFNNConfig, NGramFNNForCausalLM, NGramFNNModel
from .transformer import TransformerConfig, TransformerForCausalLM, TransformerModel

__all__ = [
    "BigramMLPConfig",
    "BigramMLPForCausalLM",
    "BigramMLPModel",
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
    "NGramFNNConfig",
    "NGramFNNForCausalLM",
    "NGramFNNModel",
    "TransformerConfig",
    "TransformerForCausalLM",
    "TransformerModel",
]

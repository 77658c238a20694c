"""The family `lmcourse_char_rnn`: Elman's simple recurrence."""

from ..registration import register_causal_lm
from .configuration_char_rnn import CharRNNConfig
from .modeling_char_rnn import CharRNNForCausalLM, CharRNNModel

__all__ = ["CharRNNConfig", "CharRNNForCausalLM", "CharRNNModel"]

register_causal_lm(CharRNNConfig, CharRNNModel, CharRNNForCausalLM)

"""The family `lmcourse_lstm`: long short-term memory."""

from ..registration import register_causal_lm
from .configuration_lstm import LSTMConfig
from .modeling_lstm import LSTMForCausalLM, LSTMModel

__all__ = ["LSTMConfig", "LSTMForCausalLM", "LSTMModel"]

register_causal_lm(LSTMConfig, LSTMModel, LSTMForCausalLM)

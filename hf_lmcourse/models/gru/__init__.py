"""The family `lmcourse_gru`: gated recurrent units."""

from ..registration import register_causal_lm
from .configuration_gru import GRUConfig
from .modeling_gru import GRUForCausalLM, GRUModel

__all__ = ["GRUConfig", "GRUForCausalLM", "GRUModel"]

register_causal_lm(GRUConfig, GRUModel, GRUForCausalLM)

"""The family `lmcourse_bigram_mlp`: one sigmoid layer over the previous word."""

from ..registration import register_causal_lm
from .configuration_bigram_mlp import BigramMLPConfig
from .modeling_bigram_mlp import BigramMLPForCausalLM, BigramMLPModel

__all__ = ["BigramMLPConfig", "BigramMLPForCausalLM", "BigramMLPModel"]

register_causal_lm(BigramMLPConfig, BigramMLPModel, BigramMLPForCausalLM)

"""The family `lmcourse_transformer`: a causal Transformer, decoder only."""

from ..registration import register_causal_lm
from .configuration_transformer import TransformerConfig
from .modeling_transformer import TransformerForCausalLM, TransformerModel

__all__ = ["TransformerConfig", "TransformerForCausalLM", "TransformerModel"]

register_causal_lm(TransformerConfig, TransformerModel, TransformerForCausalLM)

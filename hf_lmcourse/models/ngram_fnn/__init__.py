"""The family `lmcourse_ngram_fnn`: Bengio's neural probabilistic language model."""

from ..registration import register_causal_lm
from .configuration_ngram_fnn import NGramFNNConfig
from .modeling_ngram_fnn import NGramFNNForCausalLM, NGramFNNModel

__all__ = ["NGramFNNConfig", "NGramFNNForCausalLM", "NGramFNNModel"]

register_causal_lm(NGramFNNConfig, NGramFNNModel, NGramFNNForCausalLM)

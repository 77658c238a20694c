"""The GRU as a language model of transformers."""

from transformers import GenerationMixin

from ...layers.gru import GRULayer
from ..modeling_recurrent import RecurrentForCausalLM, RecurrentModel
from .configuration_gru import GRUConfig

__all__ = ["GRUForCausalLM", "GRUModel"]


class GRUModel(RecurrentModel):
    """Embeddings and layers of gated recurrent units; the equations are in layers/gru.py.

    Reference:
        Cho et al. 2014, Learning Phrase Representations using RNN Encoder-Decoder for SMT.
    """

    config: GRUConfig
    layer_class = GRULayer


class GRUForCausalLM(RecurrentForCausalLM, GenerationMixin):
    """A GRU that predicts the next token.

    Example:
        >>> from hf_lmcourse import GRUConfig, GRUForCausalLM
        >>> model = GRUForCausalLM(GRUConfig(vocab_size=65, hidden_size=128))
    """

    config: GRUConfig
    body_class = GRUModel

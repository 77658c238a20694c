"""The LSTM as a language model of transformers."""

from transformers import GenerationMixin

from ...layers.lstm import LSTMLayer
from ..modeling_recurrent import RecurrentForCausalLM, RecurrentModel
from .configuration_lstm import LSTMConfig

__all__ = ["LSTMForCausalLM", "LSTMModel"]


class LSTMModel(RecurrentModel):
    """Embeddings and layers of long short-term memory; the equations are in layers/lstm.py.

    Reference:
        Zaremba, Sutskever and Vinyals 2014, Recurrent Neural Network Regularization.
    """

    config: LSTMConfig
    layer_class = LSTMLayer


class LSTMForCausalLM(RecurrentForCausalLM, GenerationMixin):
    """An LSTM that predicts the next token.

    Example:
        >>> from hf_lmcourse import LSTMConfig, LSTMForCausalLM
        >>> model = LSTMForCausalLM(LSTMConfig(vocab_size=65, hidden_size=128))
    """

    config: LSTMConfig
    body_class = LSTMModel

"""Elman's simple recurrent network as a language model of transformers."""

from transformers import GenerationMixin

from ...layers.elman import ElmanLayer
from ..modeling_recurrent import RecurrentForCausalLM, RecurrentModel
from .configuration_char_rnn import CharRNNConfig

__all__ = ["CharRNNForCausalLM", "CharRNNModel"]


class CharRNNModel(RecurrentModel):
    """Embeddings and layers of Elman's recurrence; the equation is in layers/elman.py.

    Named after its best known use, over characters; nothing binds it to them.

    Reference:
        Mikolov et al. 2010, Recurrent neural network based language model; Karpathy 2015, char-rnn.
    """

    config: CharRNNConfig
    layer_class = ElmanLayer


class CharRNNForCausalLM(RecurrentForCausalLM, GenerationMixin):
    """A simple recurrent network that predicts the next token.

    Example:
        >>> from hf_lmcourse import CharRNNConfig, CharRNNForCausalLM
        >>> model = CharRNNForCausalLM(CharRNNConfig(vocab_size=65, hidden_size=128))
    """

    config: CharRNNConfig
    body_class = CharRNNModel

"""Settings of the LSTM language model."""

from huggingface_hub.dataclasses import strict

from ..configuration_recurrent import RecurrentConfig

__all__ = ["LSTMConfig"]


@strict
class LSTMConfig(RecurrentConfig):
    """Settings of `LSTMModel` and `LSTMForCausalLM`; see `RecurrentConfig` for each.

    Parameters of the full output layer, with V tokens, embeddings of size E, H units and L layers:

        V E + 4 H (E + H + 1) + (L - 1) 4 H (2 H + 1) + V (H + 1)

    Example:
        >>> from hf_lmcourse import LSTMConfig, LSTMForCausalLM
        >>> model = LSTMForCausalLM(LSTMConfig(vocab_size=65, hidden_size=128))
    """

    model_type = "lmcourse_lstm"

"""Settings of the GRU language model."""

from huggingface_hub.dataclasses import strict

from ..configuration_recurrent import DenseRecurrentConfig

__all__ = ["GRUConfig"]


@strict
class GRUConfig(DenseRecurrentConfig):
    """Settings of `GRUModel` and `GRUForCausalLM`; see `LSTMConfig` for those that matter first.

    Parameters of the full output layer, with V tokens, embeddings of size E, H units and L layers:

        V E + 3 H (E + H + 2) + (L - 1) 3 H (2 H + 2) + V (H + 1)

    Example:
        >>> from hf_lmcourse import GRUConfig, GRUForCausalLM
        >>> model = GRUForCausalLM(GRUConfig(vocab_size=65, hidden_size=128))
    """

    model_type = "lmcourse_gru"

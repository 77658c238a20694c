"""Settings of the simple recurrent language model."""

from typing import Any, Literal

from huggingface_hub.dataclasses import strict

from ..configuration_recurrent import DenseRecurrentConfig

__all__ = ["CharRNNConfig"]


@strict
class CharRNNConfig(DenseRecurrentConfig):
    """Settings of `CharRNNModel` and `CharRNNForCausalLM`; see `LSTMConfig` for the others.

    Parameters of the full output layer, with V tokens, embeddings of size E, H units and L layers:

        V E + H (E + H + 1) + (L - 1) H (2 H + 1) + V (H + 1)

    Args:
        hidden_act (`str`): Activation, "tanh", "sigmoid" or "relu".

    Example:
        >>> from hf_lmcourse import CharRNNConfig, CharRNNForCausalLM
        >>> model = CharRNNForCausalLM(CharRNNConfig(vocab_size=65, hidden_size=128))
    """

    model_type = "lmcourse_char_rnn"

    hidden_act: Literal["tanh", "sigmoid", "relu"] = "tanh"

    @property
    def layer_options(self) -> dict[str, Any]:
        """The activation, and what every dense recurrence takes."""
        return {"activation": self.hidden_act, **super().layer_options}

    def validate_backend(self) -> None:
        """The library has no sigmoid recurrence."""
        if self.backend == "torch" and self.hidden_act == "sigmoid":
            raise ValueError('torch has no sigmoid recurrence: use backend="native"')

"""Settings of the LSTM language model."""

from typing import Any

from huggingface_hub.dataclasses import strict

from ..configuration_recurrent import DenseRecurrentConfig

__all__ = ["LSTMConfig"]


@strict
class LSTMConfig(DenseRecurrentConfig):
    """Settings of `LSTMModel` and `LSTMForCausalLM`.

    Six matter first:

        vocab_size            number of tokens
        embedding_size        width of the embeddings, `hidden_size` by default
        hidden_size           width H of the layers
        num_hidden_layers     how many layers, 1 by default
        output_dropout        dropout before the output layer, 0 by default
        output_layer          "full", "tied" or "adaptive"

    Regularisation: `embedding_dropout`, `hidden_dropout`, `locked_dropout`, `word_dropout`,
    `recurrent_dropout`, `activation_regularization`, `temporal_activation_regularization`. Output
    layer and training loss: `adaptive_cutoffs`, `num_sampled`, `num_softmaxes`,
    `adversarial_epsilon`, `augmented_loss`. `RecurrentConfig` and `LanguageModelConfig` explain
    each.

    Parameters of the full output layer, with V tokens, embeddings of size E, H units and L layers:

        V E + 4 H (E + H + 1) + (L - 1) 4 H (2 H + 1) + V (H + 1)

    Args:
        capped_input_gate (`bool`): Limit the input gate to 1 - f; see layers/lstm.py.
        **kwargs: The settings of `DenseRecurrentConfig`.

    Example:
        >>> from hf_lmcourse import LSTMConfig, LSTMForCausalLM
        >>> model = LSTMForCausalLM(LSTMConfig(vocab_size=65, hidden_size=128))
    """

    model_type = "lmcourse_lstm"

    capped_input_gate: bool = False

    @property
    def layer_options(self) -> dict[str, Any]:
        """The cap, and what every dense recurrence takes."""
        return {"capped_input_gate": self.capped_input_gate, **super().layer_options}

    def validate_backend(self) -> None:
        """The library has no capped input gate."""
        if self.backend == "torch" and self.capped_input_gate:
            raise ValueError('torch has no capped input gate: use backend="native"')

"""The settings that every recurrent family shares."""

from typing import ClassVar, Literal

from huggingface_hub.dataclasses import strict

from .cache import RECURRENT_STATE
from .configuration_causal_lm import LanguageModelConfig

__all__ = ["RecurrentConfig"]


@strict
class RecurrentConfig(LanguageModelConfig):
    """Base of `CharRNNConfig`, `LSTMConfig` and `GRUConfig`; see `LanguageModelConfig` too.

    Args:
        num_hidden_layers (`int`): recurrent layers on top of each other.
        embedding_dropout (`float`): dropout on the embeddings.
        hidden_dropout (`float`): dropout between recurrent layers.
        output_dropout (`float`): dropout between the last layer and the output layer.
        recurrent_dropout (`float`): dropout of entries of the recurrent matrices (DropConnect,
            "weight drop" in Merity et al. 2018), one mask for a whole sequence.
        activation_regularization (`float`): alpha, weight of the squares of the outputs of the last
            layer in the training loss (Merity et al. 2017; see `hf_lmcourse.layers`).
        temporal_activation_regularization (`float`): beta, weight of the squares of their
            differences from step to step.
        locked_dropout (`bool`): one mask for all time steps (Gal and Ghahramani 2016) rather than a
            new one at each.
        backend (`str`): "native", our own recurrences, or "torch", the library's kernels.
    """

    num_hidden_layers: int = 1
    embedding_dropout: float | int = 0.0
    hidden_dropout: float | int = 0.0
    output_dropout: float | int = 0.0
    recurrent_dropout: float | int = 0.0
    activation_regularization: float | int = 0.0
    temporal_activation_regularization: float | int = 0.0
    locked_dropout: bool = False
    backend: Literal["native", "torch"] = "native"

    sizes: ClassVar = (*LanguageModelConfig.sizes, "num_hidden_layers")
    dropouts: ClassVar = (
        *LanguageModelConfig.dropouts,
        "embedding_dropout",
        "hidden_dropout",
        "output_dropout",
        "recurrent_dropout",
    )
    weights: ClassVar = (
        *LanguageModelConfig.weights,
        "activation_regularization",
        "temporal_activation_regularization",
    )

    @property
    def layer_types(self) -> list[str]:
        """What each layer keeps in a cache, for `DynamicCache(config=...)`."""
        return [RECURRENT_STATE] * self.num_hidden_layers

    def validate_layer_type(self) -> None:
        """Our layer type is not in the host's list, which is about attention."""

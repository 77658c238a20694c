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
        locked_dropout (`bool`): one mask for all time steps (Gal and Ghahramani 2016) rather than a
            new one at each.
        backend (`str`): "native", our own recurrences, or "torch", the library's kernels.
    """

    num_hidden_layers: int = 1
    embedding_dropout: float | int = 0.0
    hidden_dropout: float | int = 0.0
    output_dropout: float | int = 0.0
    recurrent_dropout: float | int = 0.0
    locked_dropout: bool = False
    backend: Literal["native", "torch"] = "native"

    sizes: ClassVar = (*LanguageModelConfig.sizes, "num_hidden_layers")
    dropouts: ClassVar = (
        "embedding_dropout",
        "hidden_dropout",
        "output_dropout",
        "recurrent_dropout",
    )

    @property
    def layer_types(self) -> list[str]:
        """What each layer keeps in a cache, for `DynamicCache(config=...)`."""
        return [RECURRENT_STATE] * self.num_hidden_layers

    def validate_layer_type(self) -> None:
        """Our layer type is not in the host's list, which is about attention."""

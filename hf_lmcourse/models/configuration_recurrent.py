"""The settings that every recurrent family shares."""

from typing import Any, ClassVar, Literal

from huggingface_hub.dataclasses import strict

from .cache import RECURRENT_STATE
from .configuration_causal_lm import LanguageModelConfig

__all__ = ["DenseRecurrentConfig", "RecurrentConfig"]


@strict
class RecurrentConfig(LanguageModelConfig):
    """Settings of a language model of any recurrent layers.

    Those that matter first:

    Args:
        vocab_size (`int`): Number of tokens.
        embedding_size (`int`, *optional*): Width of the embeddings; `hidden_size` by default.
        hidden_size (`int`): Width of the recurrent layers.
        num_hidden_layers (`int`): Recurrent layers on top of each other.
        output_dropout (`float`): Dropout between the last layer and the output layer.
        output_layer (`str`): Kind of the output layer, "full", "tied" or "adaptive".

        embedding_dropout (`float`): Dropout on the embeddings.
        hidden_dropout (`float`): Dropout between recurrent layers.
        locked_dropout (`bool`): One dropout mask for all time steps, not one at each (Gal and
            Ghahramani 2016).
        word_dropout (`float`): Dropout of whole words; see `LanguageModelConfig`.
        activation_regularization (`float`): Weight in the loss of the squares of the last outputs.
            It is alpha in Merity et al. 2017; see `hf_lmcourse.layers.activation_penalty`.
        temporal_activation_regularization (`float`): The same for their changes from step to step.
            It is beta there.
        **kwargs: The further settings of `LanguageModelConfig`.
    """

    num_hidden_layers: int = 1
    embedding_dropout: float | int = 0.0
    hidden_dropout: float | int = 0.0
    output_dropout: float | int = 0.0
    activation_regularization: float | int = 0.0
    temporal_activation_regularization: float | int = 0.0
    locked_dropout: bool = False

    sizes: ClassVar[tuple[str, ...]] = (*LanguageModelConfig.sizes, "num_hidden_layers")
    dropouts: ClassVar[tuple[str, ...]] = (
        *LanguageModelConfig.dropouts,
        "embedding_dropout",
        "hidden_dropout",
        "output_dropout",
    )
    non_negative: ClassVar[tuple[str, ...]] = (
        *LanguageModelConfig.non_negative,
        "activation_regularization",
        "temporal_activation_regularization",
    )

    @property
    def layer_types(self) -> list[str]:
        """What each layer keeps in a cache, for `DynamicCache(config=...)`."""
        return [RECURRENT_STATE] * self.num_hidden_layers

    @property
    def layer_options(self) -> dict[str, Any]:
        """What a layer takes besides its two sizes."""
        return {}


@strict
class DenseRecurrentConfig(RecurrentConfig):
    """Settings of a model of `DenseRecurrence` layers: those of `RecurrentConfig`, and two more.

    Args:
        recurrent_dropout (`float`): Dropout of entries of the recurrent matrices. One mask for a
            whole sequence: DropConnect, "weight drop" in Merity et al. 2018.
        backend (`str`): What computes the recurrence. "native" is our own, "torch" the library's,
            "auto" the faster one for each call (`kernels.dispatch.library_is_faster`).
    """

    recurrent_dropout: float | int = 0.0
    backend: Literal["auto", "native", "torch"] = "auto"

    dropouts: ClassVar[tuple[str, ...]] = (*RecurrentConfig.dropouts, "recurrent_dropout")

    @property
    def layer_options(self) -> dict[str, Any]:
        """Weight drop and backend."""
        return {"recurrent_dropout": self.recurrent_dropout, "backend": self.backend}

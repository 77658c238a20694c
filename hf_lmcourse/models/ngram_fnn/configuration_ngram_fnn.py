"""Settings of the n-gram feed-forward language model."""

from typing import ClassVar, Literal

from huggingface_hub.dataclasses import strict

from ..cache import RECURRENT_STATE
from ..configuration_causal_lm import LanguageModelConfig

__all__ = ["NGramFNNConfig"]


@strict
class NGramFNNConfig(LanguageModelConfig):
    """Settings of `NGramFNNModel` and `NGramFNNForCausalLM`; see `LanguageModelConfig` too.

    Parameters of the full output layer, with V tokens, embeddings of size E, a context of N words,
    H units and L layers:

        V E + H (N E + 1) + (L - 1) H (H + 3) + V (H + 1)

    Direct connections add V N E. Without residual connections H (H + 3) is H (H + 1).

    Args:
        context_size (`int`): n - 1, how many words a prediction looks at.
        num_hidden_layers (`int`): Hidden layers; the first one reads the window.
        hidden_act (`str`): Activation, "tanh", "sigmoid" or "relu".
        residual (`bool`): Further hidden layers add to what they read and normalise it first (Sun
            and Iyyer 2021).
        direct_connections (`bool`): The output layer also reads the embeddings of the window.
        embedding_dropout (`float`): Dropout on the embeddings.
        hidden_dropout (`float`): Dropout between hidden layers.
        output_dropout (`float`): Dropout between the last hidden layer and the output layer.

    Example:
        >>> from hf_lmcourse import NGramFNNConfig, NGramFNNForCausalLM
        >>> model = NGramFNNForCausalLM(NGramFNNConfig(vocab_size=10_000, context_size=4))
    """

    model_type = "lmcourse_ngram_fnn"

    context_size: int = 4
    num_hidden_layers: int = 1
    hidden_act: Literal["tanh", "sigmoid", "relu"] = "tanh"
    residual: bool = True
    direct_connections: bool = False
    embedding_dropout: float | int = 0.0
    hidden_dropout: float | int = 0.0
    output_dropout: float | int = 0.0

    sizes: ClassVar[tuple[str, ...]] = (
        *LanguageModelConfig.sizes,
        "context_size",
        "num_hidden_layers",
    )
    dropouts: ClassVar[tuple[str, ...]] = (
        *LanguageModelConfig.dropouts,
        "embedding_dropout",
        "hidden_dropout",
        "output_dropout",
    )

    @property
    def layer_types(self) -> list[str]:
        """What a cache keeps: the embeddings of the window, once for all layers."""
        return [RECURRENT_STATE]

    @property
    def output_size(self) -> int:
        """Width of the vectors that the output layer reads."""
        if not self.direct_connections:
            return self.hidden_size
        return self.hidden_size + self.context_size * (self.embedding_size or self.hidden_size)

"""Settings of the bigram network."""

from typing import ClassVar, Literal

from huggingface_hub.dataclasses import strict

from ..cache import RECURRENT_STATE
from ..configuration_causal_lm import LanguageModelConfig

__all__ = ["BigramMLPConfig"]


@strict
class BigramMLPConfig(LanguageModelConfig):
    """Settings of `BigramMLPModel` and `BigramMLPForCausalLM`; see `LanguageModelConfig` too.

    Parameters of the full output layer, with V tokens, embeddings of size E and H units:

        V E + H (E + 1) + V (H + 1)

    Args:
        embedding_dropout (`float`): Dropout on the embeddings.
        output_dropout (`float`): Dropout between the hidden layer and the output layer.
        initialization (`str`): How weights and biases start. "scaled": W1 uniform within the square
            root of 1/E, W2 normal with `initializer_range`, biases zero. "standard_normal": all of
            them from N(0, 1), as in the course assignment.
        num_hidden_layers (`int`): 1, as transformers wants it said.

    Example:
        >>> from hf_lmcourse import BigramMLPConfig, BigramMLPForCausalLM
        >>> model = BigramMLPForCausalLM(BigramMLPConfig(vocab_size=2_000, hidden_size=50))
    """

    model_type = "lmcourse_bigram_mlp"

    hidden_size: int = 50
    embedding_dropout: float | int = 0.0
    output_dropout: float | int = 0.0
    initialization: Literal["scaled", "standard_normal"] = "scaled"
    num_hidden_layers: int = 1

    dropouts: ClassVar[tuple[str, ...]] = (
        *LanguageModelConfig.dropouts,
        "embedding_dropout",
        "output_dropout",
    )

    @property
    def layer_types(self) -> list[str]:
        """What a cache keeps: how many tokens were seen, and nothing of them."""
        return [RECURRENT_STATE]

    def validate_depth(self) -> None:
        """Refuse further layers: the hand-written gradients are those of one."""
        if self.num_hidden_layers != 1:
            raise ValueError(
                f"the bigram network has one hidden layer, not {self.num_hidden_layers}: "
                "take lmcourse_ngram_fnn with context_size 1"
            )

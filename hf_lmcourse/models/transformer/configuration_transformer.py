"""Settings of the causal Transformer."""

from typing import Any, ClassVar, Literal

from huggingface_hub.dataclasses import strict

from ..configuration_causal_lm import LanguageModelConfig

__all__ = ["TransformerConfig"]


@strict
class TransformerConfig(LanguageModelConfig):
    """Settings of `TransformerModel` and `TransformerForCausalLM`; see `LanguageModelConfig` too.

    Parameters of the full output layer, with V tokens, embeddings of size E, H units, I of them
    inside the feed-forward networks, L layers and P learned positions:

        V E + E H + P H + L (4 H (H + 1) + 2 H I + I + H + 4 H) + 2 H + V (H + 1)

    Where E = H the projection of E H is not there; other positions have no P H; SwiGLU has 3 H I
    and 2 I; a tied output layer only adds its V biases.

    Args:
        hidden_size (`int`): Width between layers, a multiple of the heads.
        num_hidden_layers (`int`): Blocks of attention and feed-forward network.
        num_attention_heads (`int`): Heads of each attention.
        intermediate_size (`int`, *optional*): Width inside the feed-forward networks. By default 4
            times `hidden_size`, and 8/3 times for SwiGLU, which has a third matrix.
        hidden_act (`str`): Activation, "gelu", "relu" or "swiglu".
        max_position_embeddings (`int`): Tokens of the longest context. Generation goes on beyond
            it by dropping the oldest tokens.
        position_embedding_type (`str`): Kind of positions. Sinusoidal ones are those of Vaswani et
            al. 2017, rotary ones those of Su et al. 2021.
        rope_theta (`float`): The base of rotary frequencies.
        attention_pattern (`str`): Where a position may look; see
            `hf_lmcourse.layers.sparse_attention`.
        attention_window (`int`, *optional*): The window of "local", the stride of "strided".
        is_causal (`bool`): Mask what comes after a position. Without that
            it sees the token that it is to predict, and learns nothing else: here to be measured.
        embedding_dropout (`float`): Dropout on the sum of embeddings and positions.
        attention_dropout (`float`): Dropout on the attention weights.
        hidden_dropout (`float`): Dropout on what each branch adds to the residual stream.
        layer_norm_eps (`float`): Added to the variance in layer normalisation.
        initializer_range (`float`): Standard deviation of every matrix at the start. Embeddings are
            included. The last matrix of each branch has it divided by sqrt(2 L), since 2 L branches
            add up (Radford et al. 2019).

    Example:
        >>> from hf_lmcourse import TransformerConfig, TransformerForCausalLM
        >>> model = TransformerForCausalLM(TransformerConfig(vocab_size=65, hidden_size=128))
    """

    model_type = "lmcourse_transformer"

    hidden_size: int = 256
    num_hidden_layers: int = 4
    num_attention_heads: int = 4
    intermediate_size: int | None = None
    hidden_act: Literal["gelu", "relu", "swiglu"] = "gelu"
    max_position_embeddings: int = 256
    position_embedding_type: Literal["learned", "sinusoidal", "rotary"] = "learned"
    rope_theta: float | int = 10_000.0
    attention_pattern: Literal["full", "local", "strided", "log_sparse"] = "full"
    attention_window: int | None = None
    is_causal: bool = True
    embedding_dropout: float | int = 0.0
    attention_dropout: float | int = 0.0
    hidden_dropout: float | int = 0.0
    layer_norm_eps: float = 1e-5
    initializer_range: float = 0.02

    sizes: ClassVar[tuple[str, ...]] = (
        *LanguageModelConfig.sizes,
        "num_hidden_layers",
        "num_attention_heads",
        "intermediate_size",
        "max_position_embeddings",
    )
    dropouts: ClassVar[tuple[str, ...]] = (
        *LanguageModelConfig.dropouts,
        "embedding_dropout",
        "attention_dropout",
        "hidden_dropout",
    )

    def __post_init__(self, **kwargs: Any) -> None:
        """Fill in the width of the feed-forward networks."""
        if self.intermediate_size is None:
            swiglu = self.hidden_act == "swiglu"
            self.intermediate_size = 8 * self.hidden_size // 3 if swiglu else 4 * self.hidden_size
        super().__post_init__(**kwargs)

    @property
    def layer_types(self) -> list[str]:
        """What each layer keeps in a cache: all keys and values, even if few are looked at."""
        return ["full_attention"] * self.num_hidden_layers

    def validate_heads(self) -> None:
        """Refuse heads that do not share the width evenly, or have no pairs to rotate."""
        if self.num_attention_heads < 1 or self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f"hidden_size {self.hidden_size} must be a multiple of num_attention_heads "
                f"{self.num_attention_heads}"
            )
        pairs_of = {"rotary": self.hidden_size // self.num_attention_heads}
        pairs_of["sinusoidal"] = self.hidden_size
        if pairs_of.get(self.position_embedding_type, 0) % 2:
            raise ValueError(
                f"{self.position_embedding_type} positions need an even width, not "
                f"{pairs_of[self.position_embedding_type]}"
            )

    def validate_attention_pattern(self) -> None:
        """Refuse a window that is missing, or that nobody reads."""
        windowed = self.attention_pattern in ("local", "strided")
        if windowed != (self.attention_window is not None):
            raise ValueError(
                'attention_pattern "local" and "strided" need attention_window, no other does'
            )
        if self.attention_window is not None and self.attention_window < 1:
            raise ValueError(f"attention_window must be at least 1, not {self.attention_window}")
        if not self.is_causal and self.attention_pattern != "full":
            raise ValueError('is_causal=False goes with attention_pattern "full" alone')

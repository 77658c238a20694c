"""The settings that every recurrent family shares."""

from typing import Any, Literal

from huggingface_hub.dataclasses import strict
from transformers import PreTrainedConfig

from .cache import RECURRENT_STATE

__all__ = ["RecurrentConfig"]


@strict
class RecurrentConfig(PreTrainedConfig):
    """Base of `CharRNNConfig`, `LSTMConfig` and `GRUConfig`.

    Args:
        vocab_size (`int`): number of tokens.
        embedding_size (`int`, *optional*): width of the embeddings; `hidden_size` where not given.
        hidden_size (`int`): width of the state.
        num_hidden_layers (`int`): recurrent layers on top of each other.
        embedding_dropout (`float`): dropout on the embeddings.
        hidden_dropout (`float`): dropout between recurrent layers.
        output_dropout (`float`): dropout between the last layer and the output layer.
        recurrent_dropout (`float`): dropout of entries of the recurrent matrices (DropConnect,
            "weight drop" in Merity et al. 2018), one mask for a whole sequence.
        locked_dropout (`bool`): one mask for all time steps (Gal and Ghahramani 2016) rather than a
            new one at each.
        output_layer (`str`): "full", "tied" (the embeddings are the output matrix; Press and Wolf
            2017) or "adaptive" (Grave et al. 2017).
        adaptive_cutoffs (`list[int]`, *optional*): first id of each cluster of adaptive softmax.
        tie_word_embeddings (`bool`): transformers' name for `output_layer="tied"`; the two agree.
        backend (`str`): "native", our own recurrences, or "torch", the library's kernels.
        initializer_range (`float`): standard deviation of the output matrix, and so of tied
            embeddings; untied ones have 1, as in `torch.nn.Embedding`.
        use_cache (`bool`): return the state.
        pad_token_id, bos_token_id, eos_token_id (`int`, *optional*): special tokens.
    """

    vocab_size: int = 10_000
    embedding_size: int | None = None
    hidden_size: int = 200
    num_hidden_layers: int = 1
    embedding_dropout: float | int = 0.0
    hidden_dropout: float | int = 0.0
    output_dropout: float | int = 0.0
    recurrent_dropout: float | int = 0.0
    locked_dropout: bool = False
    output_layer: Literal["full", "tied", "adaptive"] = "full"
    adaptive_cutoffs: list[int] | None = None
    tie_word_embeddings: bool = False
    backend: Literal["native", "torch"] = "native"
    initializer_range: float = 0.1
    use_cache: bool = True
    pad_token_id: int | None = None
    bos_token_id: int | None = None
    eos_token_id: int | list[int] | None = None

    keys_to_ignore_at_inference = ["past_key_values"]

    def __post_init__(self, **kwargs: Any) -> None:
        """Fill in the embedding size and make the two names of tying agree."""
        if self.embedding_size is None:
            self.embedding_size = self.hidden_size
        if self.tie_word_embeddings and self.output_layer == "full":
            self.output_layer = "tied"
        self.tie_word_embeddings = self.output_layer == "tied"
        super().__post_init__(**kwargs)

    @property
    def layer_types(self) -> list[str]:
        """What each layer keeps in a cache, for `DynamicCache(config=...)`."""
        return [RECURRENT_STATE] * self.num_hidden_layers

    def validate_layer_type(self) -> None:
        """Our layer type is not in the host's list, which is about attention."""

    def validate_sizes(self) -> None:
        """Refuse sizes below one."""
        for name in ("vocab_size", "embedding_size", "hidden_size", "num_hidden_layers"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")

    def validate_dropout(self) -> None:
        """Refuse a dropout that is no probability below one."""
        for name in ("embedding", "hidden", "output", "recurrent"):
            value = getattr(self, f"{name}_dropout")
            if not 0 <= value < 1:
                raise ValueError(f"{name}_dropout must be at least 0 and below 1, not {value}")

    def validate_output_layer(self) -> None:
        """Refuse cut-offs that do not rise inside the vocabulary, or that nobody reads."""
        if (self.output_layer == "adaptive") != (self.adaptive_cutoffs is not None):
            raise ValueError('adaptive_cutoffs go with output_layer="adaptive", and it needs them')
        borders = [0, *(self.adaptive_cutoffs or []), self.vocab_size]
        if any(low >= high for low, high in zip(borders, borders[1:], strict=False)):
            raise ValueError(f"adaptive_cutoffs {self.adaptive_cutoffs} must rise below vocab_size")

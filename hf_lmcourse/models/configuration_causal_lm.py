"""The settings that every causal language model of the package shares."""

import math
from typing import Any, ClassVar, Literal

from huggingface_hub.dataclasses import strict

from .configuration_base import CourseConfig

__all__ = ["LanguageModelConfig"]


@strict
class LanguageModelConfig(CourseConfig):
    """Base of the settings of every family: sizes and output layer.

    Args:
        vocab_size (`int`): Number of tokens.
        embedding_size (`int`, *optional*): Width of the embeddings; `hidden_size` by default.
        hidden_size (`int`): Width of the hidden vectors.
        output_layer (`str`): Kind of the output layer. "full", "tied" (the embeddings are the
            output matrix; Press and Wolf 2017) or "adaptive" (Grave et al. 2017).
        adaptive_cutoffs (`list[int]`, *optional*): First id of each cluster of adaptive softmax.
        num_sampled (`int`, *optional*): About how many words the loss of a step is over (Jean et
            al. 2015). They are drawn again at each step; the output layer is full or tied, and
            evaluation always counts every word.
        sparse_gradients (`bool`): Gradients with the rows of a step's words alone. They are those
            of the embeddings and of a sampled output matrix, the same numbers in less time where
            the rows are few; SGD or Adagrad without weight decay must train these.
        num_softmaxes (`int`): How many softmaxes a full or tied output layer mixes (Yang et al.
            2018; `hf_lmcourse.layers.mixture_of_softmaxes`). Each has vectors of its own.
        adversarial_epsilon (`float`): How far the target's embedding is moved to raise the loss
            (Wang, Gong and Liu 2019; `hf_lmcourse.kernels.mixture_loss`). A full or tied output
            layer is trained at the worst embedding within this share of its norm.
        augmented_loss (`float`): Weight gamma of the loss on words near the target (Inan, Khosravi
            and Socher 2017; `hf_lmcourse.kernels.augmented_loss`). For a full or tied output layer
            over the whole vocabulary.
        augmented_temperature (`float`): Temperature of that loss.
        word_dropout (`float`): Dropout of whole words, rows of the embedding matrix. One mask per
            step (Gal and Ghahramani 2016; "embedding dropout" in Merity et al. 2018).
        freeze_vectors (`bool`): Do not train the embeddings that were read from a file. Those of
            the other tokens are trained. Frozen ones get no gradient; an optimizer of your own must
            not decay them either, as `lmcourse train` does not.
        tie_word_embeddings (`bool`): Transformers' name for `output_layer="tied"`; the two agree.
        initializer_range (`float`): Standard deviation of the output matrix at the start. Tied
            embeddings have the same, untied ones have 1, as in `torch.nn.Embedding`.
        use_cache (`bool`): Return what the model carries from token to token.
        pad_token_id, bos_token_id, eos_token_id (`int`, *optional*): Special tokens.
    """

    vocab_size: int = 10_000
    embedding_size: int | None = None
    hidden_size: int = 200
    output_layer: Literal["full", "tied", "adaptive"] = "full"
    adaptive_cutoffs: list[int] | None = None
    num_sampled: int | None = None
    sparse_gradients: bool = False
    num_softmaxes: int = 1
    adversarial_epsilon: float | int = 0.0
    augmented_loss: float | int = 0.0
    augmented_temperature: float | int = 1.0
    word_dropout: float | int = 0.0
    freeze_vectors: bool = False
    tie_word_embeddings: bool = False
    initializer_range: float = 0.1
    use_cache: bool = True
    pad_token_id: int | None = None
    bos_token_id: int | None = None
    eos_token_id: int | list[int] | None = None

    keys_to_ignore_at_inference = ["past_key_values"]

    sizes: ClassVar[tuple[str, ...]] = (*CourseConfig.sizes, "num_softmaxes")
    dropouts: ClassVar[tuple[str, ...]] = ("word_dropout",)
    non_negative: ClassVar[tuple[str, ...]] = ("adversarial_epsilon", "augmented_loss")

    def __post_init__(self, **kwargs: Any) -> None:
        """Fill in the embedding size and make the two names of tying agree."""
        if self.embedding_size is None:
            self.embedding_size = self.hidden_size
        if self.tie_word_embeddings and self.output_layer == "full":
            self.output_layer = "tied"
        self.tie_word_embeddings = self.output_layer == "tied"
        super().__post_init__(**kwargs)

    @property
    def output_size(self) -> int:
        """Width of the vectors that the output layer reads."""
        return self.hidden_size

    def validate_freeze_vectors(self) -> None:
        """Refuse an output matrix that would be frozen as well."""
        if self.freeze_vectors and self.output_layer == "tied":
            raise ValueError('freeze_vectors and output_layer "tied" exclude each other')

    def validate_sparse_gradients(self) -> None:
        """Refuse them where each step has a gradient of the whole output matrix."""
        if self.sparse_gradients and self.output_layer != "adaptive" and self.num_sampled is None:
            raise ValueError('sparse_gradients go with num_sampled or output_layer "adaptive"')

    def validate_augmented_loss(self) -> None:
        """Refuse a loss over another set of words, and a temperature that is not positive."""
        if not 0 < self.augmented_temperature < math.inf:
            raise ValueError(
                f"augmented_temperature must be above 0, not {self.augmented_temperature}"
            )
        if self.augmented_loss and (
            self.num_sampled is not None or self.num_softmaxes > 1 or self.adversarial_epsilon
        ):
            raise ValueError(
                "augmented_loss goes without num_sampled, num_softmaxes and adversarial_epsilon"
            )

    def validate_output_layer(self) -> None:
        """Refuse cut-offs that do not rise inside the vocabulary, and too large a sample."""
        if (self.output_layer == "adaptive") != (self.adaptive_cutoffs is not None):
            raise ValueError('adaptive_cutoffs go with output_layer="adaptive", and it needs them')
        borders = [0, *(self.adaptive_cutoffs or []), self.vocab_size]
        if any(low >= high for low, high in zip(borders, borders[1:], strict=False)):
            raise ValueError(f"adaptive_cutoffs {self.adaptive_cutoffs} must rise below vocab_size")
        for name, unused in (
            ("num_sampled", None),
            ("num_softmaxes", 1),
            ("adversarial_epsilon", 0),
            ("augmented_loss", 0),
        ):
            if self.output_layer == "adaptive" and getattr(self, name) != unused:
                raise ValueError(f'{name} goes with output_layer "full" or "tied", not "adaptive"')
        if self.num_sampled is None:
            return
        if self.num_sampled < 1:
            raise ValueError(f"num_sampled must be at least 1, or None, not {self.num_sampled}")
        if self.num_sampled > self.vocab_size:
            raise ValueError(
                f"num_sampled must be at most vocab_size {self.vocab_size}, not {self.num_sampled}"
            )

"""Word vectors from a file as the start of a model's embeddings, trained or kept as they are."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase, Trainer

from ..data.local_files import data_file
from ..data.word_vectors import AlignedVectors, align_vectors
from ..errors import LmcourseError
from .settings import RunSettings

__all__ = ["VectorTrainer", "begin_with_vectors", "coverage_note", "sentence_on_vectors"]


def begin_with_vectors(
    settings: RunSettings, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase
) -> AlignedVectors | None:
    """Put the vectors of `data.vectors` in the place of a new model's embeddings.

    Args:
        settings: of the run.
        model: any of the package's, with its body in `model.model`.
        tokenizer: whose entries the vectors are looked up for.

    Returns:
        The vectors found; `None` where the settings name no file.

    Raises:
        LmcourseError: no such file, a bad line, a file without a word of the vocabulary, vectors of
            another size than the embeddings, or `freeze_vectors` without a file.
    """
    config: Any = settings.config
    if settings.data.vectors is None:
        if config.freeze_vectors:
            raise LmcourseError("freeze_vectors needs a file of word vectors: name it in vectors")
        return None
    found = align_vectors(data_file(settings.data.vectors, settings.data.data_dir), tokenizer)
    size = found.vectors.shape[1]
    if size != config.embedding_size:
        raise LmcourseError(
            f"the vectors in {settings.data.vectors} have size {size} and embedding_size is "
            f"{config.embedding_size}: set it to the same"
        )
    model.model.set_vectors(found.ids, found.vectors)
    return found


def coverage_note(vectors: AlignedVectors, tokens: NDArray[np.integer]) -> str:
    """How much of the vocabulary and of the training text has a vector, for the reader.

    Shape:
        tokens: (tokens,).
    """
    return (
        f"word vectors: {vectors.type_coverage:.1%} of the vocabulary, "
        f"{vectors.token_coverage(tokens):.1%} of the running words of the training text"
    )


def sentence_on_vectors(vectors: AlignedVectors | None, tokens: NDArray[np.integer]) -> str:
    """The same as a sentence of a card; empty where there are no vectors. Shape: as above."""
    return "" if vectors is None else f" It began with {coverage_note(vectors, tokens)}."


class VectorTrainer(Trainer):
    """transformers' Trainer without weight decay on embeddings that are partly kept as they are.

    They get no gradient where they are kept, but decay would shrink them all the same.
    """

    def get_decay_parameter_names(self, model: nn.Module) -> list[str]:
        """Trainer's, without the embeddings where `freeze_vectors` is set."""
        names = super().get_decay_parameter_names(model)
        config: Any = self.accelerator.unwrap_model(model).config
        if not getattr(config, "freeze_vectors", False):
            return names
        return [name for name in names if not name.endswith("embed_tokens.weight")]

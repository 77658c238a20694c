"""Embeddings initialised from pretrained word vectors, which are trained or frozen."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ..data.content_hash import arrays_hash
from ..data.local_files import data_file
from ..data.word_vectors import AlignedVectors, align_vectors
from ..errors import LmcourseError
from ..models.aligned_weights import AlignedWeights
from ..models.exported_vectors import input_embeddings
from .settings import RunSettings


def initialise_from_vectors(
    settings: RunSettings, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase
) -> AlignedVectors | None:
    """Initialise a model's embeddings from the file that `data.vectors` names.

    Args:
        settings: Of the run.
        model: Any causal language model.
        tokenizer: Its vocabulary is looked up in the file.

    Returns:
        The vectors found; `None` if the settings name no file.

    Raises:
        LmcourseError: The file is missing, has a bad line, has no word of the vocabulary, or has
            vectors of another size than the embeddings; or `freeze_vectors` is set without a file.
    """
    config: Any = settings.config
    if settings.data.vectors is None:
        if getattr(config, "freeze_vectors", False):
            raise LmcourseError("freeze_vectors needs a file of word vectors: name it in vectors")
        return None
    found = align_vectors(data_file(settings.data.vectors, settings.data.data_dir), tokenizer)
    embeddings: Any = input_embeddings(model)
    size, wanted = found.vectors.shape[1], embeddings.weight.shape[1]
    if size != wanted:
        name = "embedding_size" if hasattr(config, "embedding_size") else "that of the embeddings"
        raise LmcourseError(
            f"the vectors in {settings.data.vectors} have size {size} and {name} is {wanted}: set "
            "it to the same"
        )
    if isinstance(model, AlignedWeights):
        body: Any = model.base_model
        body.set_vectors(found.ids, found.vectors)
    else:
        with torch.no_grad():
            embeddings.weight[found.ids] = found.vectors
    return found


def vectors_hash(vectors: AlignedVectors | None) -> dict[str, str]:
    """Hash the vectors that were found, as a part of what a run is made from."""
    found = () if vectors is None else (np.asarray(vectors.ids), np.asarray(vectors.vectors))
    return {"vectors": arrays_hash(found)}


def coverage_note(vectors: AlignedVectors, tokens: NDArray[np.integer]) -> str:
    """Format the shares of the vocabulary and of the training text that have a vector.

    Shape:
        tokens: (tokens,).
    """
    return (
        f"word vectors: {vectors.type_coverage:.1%} of the vocabulary, "
        f"{vectors.token_coverage(tokens):.1%} of the running words of the training text"
    )


def coverage_sentence(vectors: AlignedVectors | None, tokens: NDArray[np.integer]) -> str:
    """Format `coverage_note` as a sentence of a model card; empty without vectors."""
    return "" if vectors is None else f" It began with {coverage_note(vectors, tokens)}."

"""What of a model goes onto the page."""

from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ..errors import LmcourseError
from ..models.families import MODEL_TYPES
from .portable_tokenizer import portable_tokenizer
from .weight_rounding import Rounding, written_weights

_SETTINGS = (
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "output_layer",
    "adaptive_cutoffs",
    "num_softmaxes",
    "hidden_act",
    "capped_input_gate",
    "context_size",
    "residual",
    "direct_connections",
    "num_attention_heads",
    "max_position_embeddings",
    "position_embedding_type",
    "rope_theta",
    "attention_pattern",
    "attention_window",
    "is_causal",
    "layer_norm_eps",
    "distinct_words",
    "length_exponent",
    "log_count_ratios",
    "ngram_buckets",
    "max_ngram",
)
"""The settings that the logits depend on, of whichever family has them."""

_ACTIVATIONS = ("gelu", "linear", "relu", "sigmoid", "silu", "swiglu", "tanh")


def portable_model(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, rounding: Rounding
) -> dict[str, Any]:
    """A model and its tokenizer as the page's scripts read them.

    Args:
        model: A model of one of the package's families.
        tokenizer: Its tokenizer.
        rounding: How the weights are rounded.

    Returns:
        `family`, `config`, `weights`, `tokenizer` and, of a classifier, `classes`: all JSON.

    Raises:
        LmcourseError: A family, an activation, a tokenizer or a weight that the page does not take.
    """
    config: Any = model.config
    if config.model_type not in MODEL_TYPES:
        raise LmcourseError(
            f"the page has no equations for {config.model_type}: it knows the families of this "
            f"package, {', '.join(sorted(MODEL_TYPES))}"
        )
    activation = getattr(config, "hidden_act", "tanh")
    if activation not in _ACTIVATIONS:
        raise LmcourseError(
            f"the page does not have the activation {activation!r}, only {', '.join(_ACTIVATIONS)}"
        )
    return {
        "family": config.model_type.removeprefix("lmcourse_"),
        "config": {name: getattr(config, name) for name in _SETTINGS if hasattr(config, name)},
        "weights": written_weights(model, rounding),
        "tokenizer": portable_tokenizer(tokenizer),
        "classes": _classes(config),
    }


def _classes(config: Any) -> list[str] | None:
    """The names of a classifier's classes, of which a text has one; `None` without a classifier."""
    if config.model_type != "lmcourse_dan":
        return None
    if config.problem_type not in (None, "single_label_classification") or config.num_labels < 2:
        raise LmcourseError(
            "the page shows the probabilities of classes of which a text has one, and this model "
            f"has num_labels {config.num_labels} and problem_type {config.problem_type}"
        )
    return config.class_names

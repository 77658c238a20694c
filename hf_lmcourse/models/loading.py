"""Load saved models, with one clear sentence for whatever is wrong with them."""

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import (
    CONFIG_MAPPING,
    MODEL_FOR_CAUSAL_LM_MAPPING,
    MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING,
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from ..errors import LmcourseError, short
from ..hub.fetch import fetch_model
from .families import is_classifier, known_model_types
from .saved_files import (
    WEIGHTS,
    check_finite_weights,
    check_json_files,
    check_readable,
    first_difference,
    read_config,
    weight_shapes,
)

_LONGEST_REASON = 180
"""Characters of what a library says."""


def load_language_model(
    name_or_path: str, revision: str | None = None
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A causal language model and its tokenizer, from a folder or the Hub, ready to evaluate.

    Args:
        name_or_path: A run folder or any saved model, or an id on the Hub.
        revision: Branch, tag or commit of an id on the Hub; main by default.

    Returns:
        The model in evaluation mode, on a GPU if there is one, and the tokenizer.

    Raises:
        LmcourseError: Nothing there, broken weights, weights of another architecture, a tokenizer
            with another vocabulary than the model, or a Hub that refuses or is not reached.
    """
    return _load(name_or_path, AutoModelForCausalLM, revision)


def load_classifier(
    name_or_path: str, revision: str | None = None
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A classifier of texts and its tokenizer; otherwise as `load_language_model`."""
    return _load(name_or_path, AutoModelForSequenceClassification, revision)


def load_model(
    name_or_path: str, revision: str | None = None
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A model of any kind: a classifier if its type is one of ours, else a language model."""
    classifier = is_saved_classifier(name_or_path, revision)
    auto_class = AutoModelForSequenceClassification if classifier else AutoModelForCausalLM
    return _load(name_or_path, auto_class, revision)


def is_saved_classifier(name_or_path: str, revision: str | None = None) -> bool:
    """Whether a saved model is one of our classifiers, by its type."""
    folder = _local_folder(name_or_path, revision)
    return is_classifier(read_config(folder).get("model_type"))


def _local_folder(name_or_path: str, revision: str | None) -> Path:
    """Where the files are, once they have been fetched if they are on the Hub."""
    folder = Path(name_or_path)
    if folder.is_dir():
        if revision is not None:
            raise LmcourseError(f"{name_or_path} is a folder and has no revision {revision}")
        return folder
    looks_local = folder.is_absolute() or len(folder.parts) > 1 and folder.parent.is_dir()
    if folder.exists() or looks_local or name_or_path.startswith("."):
        raise LmcourseError(f"there is no model at {name_or_path}")
    return fetch_model(name_or_path, revision)


def _load(
    name_or_path: str, auto_class: Any, revision: str | None
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    folder = _local_folder(name_or_path, revision)
    check_readable(folder)
    check_json_files(folder)
    config = read_config(folder)
    try:
        _check_kind(name_or_path, config.get("model_type"), auto_class)
        if config.get("model_type") in known_model_types():
            _check_sizes(name_or_path, folder, config, auto_class)
        tokenizer = _tokenizer(name_or_path, folder)  # makes the config, whatever its sizes
        loaded: Any = auto_class.from_pretrained(
            folder,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            use_safetensors=True,
            trust_remote_code=False,
        )
    except SafetensorError as error:
        raise LmcourseError(f"the weights of {name_or_path} are damaged: {error}") from error
    except LmcourseError:
        raise
    except Exception as error:  # a wrong type in a JSON file raises whatever it runs into
        raise LmcourseError(f"cannot load {name_or_path}: {_in_one_line(error)}") from error
    model, report = loaded
    wrong = [key for kind in report.values() for key in kind]
    if wrong:
        name = wrong[0][0] if isinstance(wrong[0], tuple) else wrong[0]
        raise LmcourseError(_other_architecture(name_or_path, folder, name))
    check_vocabulary(model, tokenizer)
    check_finite_weights(model, name_or_path)
    return model.eval().to("cuda" if torch.cuda.is_available() else "cpu"), tokenizer


_KINDS = {
    AutoModelForCausalLM: ("language model", MODEL_FOR_CAUSAL_LM_MAPPING),
    AutoModelForSequenceClassification: ("classifier", MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING),
}
"""What an Auto class loads, and the models that it knows by their config."""


def _check_kind(name_or_path: str, model_type: Any, auto_class: Any) -> None:
    """Refuse a classifier where a language model is needed, and the reverse.

    No config is made yet, whose sizes may be anything.
    """
    kind, known = _KINDS[auto_class]
    if model_type in CONFIG_MAPPING and CONFIG_MAPPING[model_type] not in known:
        raise LmcourseError(
            f"{name_or_path} is a model of {model_type}, and a {kind} is needed here"
        )


def load_tokenizer(name_or_path: str, revision: str | None = None) -> PreTrainedTokenizerBase:
    """A saved tokenizer, from a folder or the Hub.

    Raises:
        LmcourseError: Nothing there, or broken.
    """
    return _tokenizer(name_or_path, _local_folder(name_or_path, revision))


def _tokenizer(name_or_path: str, folder: Path) -> PreTrainedTokenizerBase:
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        tokenizer.decode(tokenizer("a")["input_ids"])  # a wrong type may show only in use
        return tokenizer
    except Exception as error:  # tokenizers raises bare exceptions
        raise LmcourseError(
            f"cannot load the tokenizer of {name_or_path}: {_damaged_file(folder, error)}"
        ) from error


def _damaged_file(folder: Path, error: Exception) -> str:
    """Name the file if it is not JSON, else say what the library does."""
    try:
        check_json_files(folder, ["tokenizer.json"])  # may be large: only now
    except LmcourseError as damaged:
        return str(damaged)
    return _in_one_line(error)


def check_vocabulary(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Refuse a tokenizer that can give ids outside the model's vocabulary.

    Raises:
        LmcourseError: With the id and the size of the vocabulary.
    """
    greatest = max(tokenizer.get_vocab().values(), default=0)
    if greatest >= model.config.vocab_size:
        raise LmcourseError(
            f"the tokenizer has token id {greatest} and the model a vocabulary of "
            f"{model.config.vocab_size}: they do not belong together"
        )


def check_weights(folder: Path, model: PreTrainedModel) -> None:
    """Refuse to continue from weights that are damaged or of another architecture.

    Only the header of the file is read: names and shapes.

    Args:
        folder: A checkpoint with `model.safetensors`.
        model: What the weights are meant for.

    Raises:
        LmcourseError: Damaged, or a name or shape that differs.
    """
    try:
        saved = weight_shapes(folder / WEIGHTS)
    except LmcourseError as error:
        raise LmcourseError(f"{error}: resume from another checkpoint") from error
    different = first_difference(model, saved)
    if different is not None:
        raise LmcourseError(_other_architecture(str(folder), folder, different))


def _check_sizes(name_or_path: str, folder: Path, config: dict[str, Any], auto_class: Any) -> None:
    """Refuse a config of other sizes than the weights before memory is allocated for it."""
    if not (folder / WEIGHTS).exists():
        return  # in several files, or missing, which is reported later
    saved, layers = weight_shapes(folder / WEIGHTS), config.get("num_hidden_layers")
    if isinstance(layers, int) and layers > len(saved):
        raise LmcourseError(_other_architecture(name_or_path, folder, f"layer {len(saved)}"))
    try:
        with torch.device("meta"):
            model = auto_class.from_config(AutoConfig.from_pretrained(folder))
    except Exception as error:  # as in `_load`
        raise LmcourseError(f"cannot load {name_or_path}: {_in_one_line(error)}") from error
    different = first_difference(model, saved)
    if different is not None:
        raise LmcourseError(_other_architecture(name_or_path, folder, different))


def _in_one_line(error: Exception) -> str:
    """What a library says: of several lines, the first may end before what is wrong."""
    return short(" ".join(str(error).split()), _LONGEST_REASON) or type(error).__name__


def _other_architecture(where: str, folder: Path, name: str) -> str:
    kind = read_config(folder).get("model_type", "an unknown type")
    return (
        f"the weights in {where} (a model of {kind}) are not of this architecture: "
        f"{name} is missing, unexpected or of another shape"
    )

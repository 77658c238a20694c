"""The text of `lmcourse train --help`: a line per setting, with its type and default."""

import inspect
import json
import re
import textwrap
import types
from collections.abc import Iterable, Sequence
from dataclasses import MISSING, Field, fields
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from transformers import PreTrainedConfig, TrainingArguments

from ..models.families import MODEL_TYPES, is_classifier
from ..training.arguments import DataArguments, LabelledDataArguments, RunArguments
from .settings import config_class_of, model_fields, model_type_named

_WIDTH, _COLUMN = 100, 34
_USAGE = """\
usage: lmcourse train RECIPE [--SETTING VALUE ...]

RECIPE is a name that `lmcourse recipes` lists, or a YAML file with the sections model, data and
training. Options override its settings; None unsets one. `lmcourse train RECIPE --help` shows the
settings of its model, `lmcourse train --model_type lstm --help` those of another, --help-all all.
"""
_TRAINING = {
    "Optimization": {
        "num_train_epochs": "Passes over the training text.",
        "max_steps": "Stop after this many steps; -1 for all epochs.",
        "max_training_seconds": "",
        "patience": "",
        "per_device_train_batch_size": "Streams or texts per step and process.",
        "optim": "",
        "learning_rate": "Highest learning rate.",
        "vectors_learning_rate": "",
        "lr_scheduler_type": "",
        "warmup_steps": "Steps before the highest learning rate, or a share.",
        "step_decay_every": "",
        "step_decay_start": "",
        "step_decay_factor": "",
        "weight_decay": "Decay of the weights per step, times the learning rate.",
        "max_grad_norm": "Norm that gradients are clipped to.",
        "lbfgs_iterations": "",
        "seed": "Seed of initialisation, dropout and data order.",
    },
    "Techniques": dict.fromkeys(
        (
            "cell",
            "input_masking",
            "input_masking_with",
            "forget_state",
            "weight_averaging",
            "ema_decay",
            "non_monotone_interval",
        ),
        "",
    ),
    "Evaluation, checkpoints and results": {
        **dict.fromkeys(
            (
                "output_dir",
                "results_dir",
                "eval_strategy",
                "save_strategy",
                "save_total_limit",
                "load_best_model_at_end",
            ),
            "",
        ),
        "resume_from_checkpoint": "Continue from this checkpoint; without a value, the last one.",
        "resume_changes": "",
        **dict.fromkeys(
            ("logging_steps", "sample_prompt", "sample_length", "rank_contexts", "disable_tqdm"),
            "",
        ),
        "report_to": "Also log to these: tensorboard, trackio, ...",
    },
}
"""The training settings that are shown, by group; those of transformers with a sentence of ours."""

_NOT_SHOWN = ("tie_word_embeddings",)
"""Second names of settings."""

_TYPES = {int: "INT", float: "NUMBER", bool: "BOOL", str: "TEXT"}


def train_help(arguments: Sequence[str], everything: bool = False) -> str:
    """Format the settings of a training run.

    Args:
        arguments: The other words of the command line; if they name a model, itself or in a YAML
            file, the settings of this model are shown.
        everything: Also show the settings of transformers that are not shown otherwise.

    Raises:
        LmcourseError: There is no such YAML file or model.
    """
    model_type = model_type_named(arguments)
    parts = [_USAGE, *_model_and_data(model_type)]
    settings = {field.name: field for field in fields(RunArguments)}
    for title, texts in _TRAINING.items():
        lines = [_line(settings[name], RunArguments, text) for name, text in texts.items()]
        parts.append(_group(title, lines))
    if everything:
        shown = {name for texts in _TRAINING.values() for name in texts}
        documented = _documented(TrainingArguments)
        lines = [
            _line(field, RunArguments, documented.get(name, ""))
            for name, field in settings.items()
            if name not in shown and field.init
        ]
        parts.append(_group("Further settings of transformers' TrainingArguments", lines))
    return "\n".join(parts)


def _model_and_data(model_type: str | None) -> list[str]:
    if model_type is None:
        known = ", ".join(sorted(MODEL_TYPES))
        names = f"model_type is one of {known}; or a causal model of transformers, such as gpt2."
        text = textwrap.fill(names, _WIDTH, initial_indent="  ", subsequent_indent="  ")
        common = [field.name for field in fields(DataArguments)]
        return [
            _group("Model", [text]),
            _group("Data", _lines(DataArguments)),
            _group("Data of a classifier, other than these", _lines(LabelledDataArguments, common)),
        ]
    config_class = config_class_of(model_type)
    data = LabelledDataArguments if is_classifier(model_type) else DataArguments
    section = model_fields(config_class)
    texts = {"attn_implementation": "What computes attention."} | _documented(config_class)
    settings = [field for field in fields(section) if field.name not in _NOT_SHOWN]
    lines = [_line(field, section, texts.get(field.name, "")) for field in settings]
    return [_group(f"Model ({model_type})", lines), _group("Data", _lines(data))]


def _group(title: str, lines: Iterable[str]) -> str:
    return "\n".join([f"{title}:", *lines, ""])


def _lines(section: type, left_out: Sequence[str] = ()) -> list[str]:
    return [_line(field, section) for field in fields(section) if field.name not in left_out]


def _line(field: Field[Any], section: type, text: str = "") -> str:
    """A setting: its name, its type, a sentence and its default."""
    text = text or field.metadata.get("help", "")
    default = field.default_factory() if callable(field.default_factory) else field.default
    value = default if isinstance(default, str) else json.dumps(default, default=str)
    shown = "" if default in (None, MISSING, "", []) else f" [{_printable(value)}]"
    name = f"  --{field.name} {_type_name(get_type_hints(section)[field.name])}"
    words = f"{name:<{_COLUMN - 1}} {' '.join(text.split())}{shown}"
    return textwrap.fill(words, _WIDTH, subsequent_indent=" " * _COLUMN, break_on_hyphens=False)


def _printable(value: str) -> str:
    return value if value.isprintable() else repr(value)


def _type_name(hint: Any) -> str:
    """What a user types: `INT`, `full|tied`, `TEXT ...`."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return "|".join(map(str, arguments))
    if origin in (Union, types.UnionType):
        return _type_name(next(kind for kind in arguments if kind is not type(None)))
    if origin is list:
        return f"{_type_name(arguments[0])} ..."
    return "JSON" if hint is dict or origin is dict else _TYPES.get(hint, "TEXT")


def _documented(documented: type) -> dict[str, str]:
    """The first sentence on each setting in the docstrings of a class and its bases."""
    found: dict[str, str] = {}
    for base in documented.__mro__:
        if base in (PreTrainedConfig, object):
            break
        text = inspect.cleandoc(base.__doc__ or "")
        for name, words in re.findall(
            r"^ {4}(\w+) \(.*?\):\s(.*?)(?=^ {0,4}\S|\Z)", text, flags=re.DOTALL | re.MULTILINE
        ):
            found.setdefault(name, _first_sentence(words))
    return found


def _first_sentence(words: str) -> str:
    """The first sentence, without papers and modules in parentheses."""
    text = re.sub(r" \([^()]*(?:\d{4}|`hf_lmcourse)[^()]*\)", "", " ".join(words.split()))
    return re.split(r"(?<=\.) (?=[A-Z])", text)[0].replace("`", "")

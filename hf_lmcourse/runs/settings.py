"""Settings of a run: defaults, then a YAML file, then the command line.

A YAML file has up to three sections:

    model:      model_type and the fields of its config
    data:       fields of `DataArguments`, or of `LabelledDataArguments` for a classifier
    training:   fields of `RunArguments`

and `--field value` overrides any field; `--field None` or `--field null` unsets an optional one, as
`field: null` does in the file.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, make_dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn, get_args, get_type_hints

from transformers import (
    CONFIG_MAPPING,
    MODEL_FOR_CAUSAL_LM_MAPPING,
    HfArgumentParser,
    PreTrainedConfig,
)
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from ..errors import LmcourseError, nearest
from ..models.families import MODEL_TYPES, is_classifier, known_model_types
from ..training.arguments import (
    DataArguments,
    LabelledDataArguments,
    RunArguments,
    check_values,
)
from .config_options import config_of, config_options, reads_json
from .recipes import find_config
from .yaml_files import read_yaml

_NO_ALIASES: Mapping[str, str] = MappingProxyType({})
_SECTIONS = ("model", "data", "training")
_SET_BY_TOKENIZER = ("vocab_size", "pad_token_id", "bos_token_id", "eos_token_id")


@dataclass
class RunSettings:
    """Settings of a run.

    Attributes:
        name: Name of the YAML file, without its extension.
        config_file: Its path as it was given; relative to the repository if it is one of ours.
        config_path: Its path to read.
        config: Config of the model, without a vocabulary as yet.
        data: `DataArguments`, or `LabelledDataArguments` for a classifier.
        training: Settings of the training.
    """

    name: str
    config_file: str
    config_path: str
    config: PreTrainedConfig
    data: Any
    training: RunArguments


class _Parser(HfArgumentParser):
    """HfArgumentParser that raises an error of one sentence instead of printing its usage."""

    def error(self, message: str) -> NoReturn:
        raise LmcourseError(f"{message}; see lmcourse train --help")


def read_settings(
    arguments: Sequence[str], changes: Mapping[str, Any] | None = None
) -> RunSettings:
    """Read a YAML file and the overrides that follow it.

    Args:
        arguments: The name of a recipe or the path of a YAML file, then `--field value` pairs.
        changes: Fields of any section that replace those of the file, before the overrides.

    Raises:
        LmcourseError: There is no such recipe or file, or it is not YAML; a section, field or
            model type is unknown (the message names the nearest one); or a value has the wrong
            type.
    """
    if not arguments or arguments[0].startswith("-"):
        raise LmcourseError("name a recipe or a YAML file first: lmcourse train quickstart")
    source, *overrides = arguments
    config_path, path = find_config(source)  # what is read, and what is reported
    sections = _load_sections(config_path, path)
    changes = dict(changes or {})
    sections["model"].update((k, changes.pop(k)) for k in ["model_type"] if k in changes)
    overrides, model_type = _take_model_type(overrides, sections["model"])
    config_class: Any = config_class_of(model_type)
    data_class = LabelledDataArguments if is_classifier(model_type) else DataArguments
    classes: tuple[Any, ...] = (model_fields(config_class), data_class, RunArguments)
    known, aliases = _names(*classes), config_class.attribute_map
    _check_options([f"--{name}" for name in changes if name not in known], known, aliases)
    unset, overrides = _take_unset(overrides, known)
    for section_class, section in zip(classes, _SECTIONS, strict=True):
        names = _names(section_class)
        sections[section].update((k, v) for k, v in changes.items() if k in names)
        _check_keys(sections[section], section_class, f"section {section!r} of {path}", aliases)
        sections[section].update(_without_value(unset & set(names), section_class))
    name = Path(path).stem
    parser = _Parser(classes, allow_abbrev=False)
    given = [
        word
        for section_class, name in zip(classes, _SECTIONS, strict=True)
        for word in _as_arguments(sections[name], section_class, parser)
    ]
    parser.set_defaults(output_dir=f"runs/{name}")
    words = [*given, *_complete_flags(overrides)]
    try:
        _check_options(parser.parse_known_args(words)[1], known, aliases)
        model, data, training = parser.parse_args_into_dataclasses(words, look_for_args_file=False)
        check_values(data)
    except LmcourseError:
        raise
    except Exception as error:  # TrainingArguments raises many types, with several lines
        raise LmcourseError(f"training settings of {path}: {last_cause(error)}") from error
    try:
        check_values(model)
        config = config_of(config_class, vars(model), getattr(data, "block_length", 0))
    except Exception as error:  # the strict dataclass wraps the errors of its validators
        raise LmcourseError(f"model settings of {path}: {last_cause(error)}") from error
    return RunSettings(name, path, config_path, config, data, training)


def model_type_named(arguments: Sequence[str]) -> str | None:
    """The model type that a command line names, itself or in its YAML file, or None.

    Raises:
        LmcourseError: There is no such YAML file.
    """
    words, model = list(arguments), dict[str, Any]()
    if words and not words[0].startswith("-"):
        model = _load_sections(*find_config(words.pop(0)))["model"]
    return _split_model_type(words, model)[1]


def _load_sections(config_path: str, path: str) -> dict[str, dict[str, Any]]:
    content = read_yaml(config_path)
    if not isinstance(content, dict) or not all(
        isinstance(value, dict | None) for value in content.values()
    ):
        raise LmcourseError(
            f"{path} must have sections {', '.join(_SECTIONS)}, with fields in each"
        )
    for section in content:
        if section not in _SECTIONS:
            raise LmcourseError(
                f"unknown section {section!r} in {path}{_hint(str(section), _SECTIONS)}"
            )
    return {section: content.get(section) or {} for section in _SECTIONS}


def _take_model_type(overrides: list[str], model: dict[str, Any]) -> tuple[list[str], str]:
    """Take out the model type, which is needed before the other options can be read."""
    others, model_type = _split_model_type(overrides, model)
    if model_type is None:
        raise LmcourseError("name a model_type, in the section 'model' or with --model_type")
    return others, model_type


def _split_model_type(overrides: list[str], model: dict[str, Any]) -> tuple[list[str], str | None]:
    """Take the model type out of the words and the section; "lstm" is short for "lmcourse_lstm"."""
    parser = _Parser(allow_abbrev=False, add_help=False)
    parser.add_argument("--model_type", default=model.pop("model_type", None))
    given, others = parser.parse_known_args(overrides)
    ours = f"lmcourse_{given.model_type}"
    if given.model_type is None:
        return others, None
    return others, ours if ours in MODEL_TYPES else str(given.model_type)


def _take_unset(overrides: Sequence[str], known: Sequence[str]) -> tuple[set[str], list[str]]:
    """Take out the options that None or null unsets, since no word of a parser expresses that.

    Returns:
        The known fields whose last value is None or null, and the words of all others.
    """
    options: list[list[str]] = []  # the words of one option each
    for word in overrides:
        if word.startswith("--") or not options:
            options.append([])
        options[-1].append(word)
    unset, kept = set[str](), list[tuple[str, list[str]]]()
    for words in options:
        flag, *values = words[0].split("=", 1) + words[1:]
        name = flag.removeprefix("--").replace("-", "_") if flag.startswith("--") else ""
        if name in known and values in (["None"], ["null"]):
            unset.add(name)
        else:
            unset.discard(name)
            kept.append((name, words))
    return unset, [word for name, words in kept if name not in unset for word in words]


def config_class_of(model_type: str) -> type[PreTrainedConfig]:
    """The config class of a model type, of this package or of a causal model of transformers.

    Raises:
        LmcourseError: Nothing that `lmcourse train` trains has this model type.
    """
    known = known_model_types()
    if model_type in known:
        return CONFIG_MAPPING[model_type]
    if model_type in CONFIG_MAPPING:
        config_class = CONFIG_MAPPING[model_type]
        if config_class in MODEL_FOR_CAUSAL_LM_MAPPING and "vocab_size" in _names(config_class):
            return config_class
        raise LmcourseError(f"model_type {model_type!r} is not a causal model of text alone")
    others = MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    raise LmcourseError(
        f"unknown model_type {model_type!r}{_hint(model_type, [*known, *others])}: choose one of "
        f"{', '.join(sorted(known))}, or a causal model of transformers such as gpt2"
    )


def model_fields(config_class: type[PreTrainedConfig]) -> type:
    """Make a dataclass of the fields that a config adds to transformers' own, for the parser."""
    left_out = {*_names(PreTrainedConfig, RunArguments), *_SET_BY_TOKENIZER}
    return make_dataclass("ModelFields", config_options(config_class, left_out))


def _names(*classes: type) -> list[str]:
    return [f.name for dataclass_ in classes for f in fields(dataclass_)]


def _check_keys(
    section: dict[str, Any], section_class: type, where: str, aliases: Mapping[str, str]
) -> None:
    names = _names(section_class)
    for key, value in section.items():
        if key not in names:
            raise LmcourseError(f"unknown key {key!r} in {where}{_hint(str(key), names, aliases)}")
        if value is None and not _may_be_unset(key, section_class):
            raise LmcourseError(f"key {key!r} in {where} has no value")


def _without_value(names: Iterable[str], section_class: type) -> dict[str, None]:
    """The fields that the command line unsets.

    Raises:
        LmcourseError: One of them needs a value.
    """
    for name in names:
        if not _may_be_unset(name, section_class):
            raise LmcourseError(f"--{name} cannot be unset: it needs a value")
    return dict.fromkeys(names)


def _may_be_unset(name: str, section_class: type) -> bool:
    return type(None) in get_args(get_type_hints(section_class)[name])


def _hint(name: str, names: Collection[str], aliases: Mapping[str, str] = _NO_ALIASES) -> str:
    """Suggest the nearest name, or what a config calls that which other configs call so."""
    others = {alias: own for alias, own in aliases.items() if own in names}
    close = nearest(name, [*names, *others], cutoff=0.5)
    return f": did you mean {others.get(close, close)!r}?" if close else ""


def _check_options(
    unknown: Sequence[str], names: Sequence[str], aliases: Mapping[str, str]
) -> None:
    """Refuse the words that the parser did not recognise."""
    if unknown and not unknown[0].startswith("--"):
        raise LmcourseError(f"cannot place {unknown[0]!r}: options are given as --field value")
    if unknown:
        name = unknown[0].removeprefix("--").split("=")[0]
        raise LmcourseError(f"unknown option --{name}{_hint(name, names, aliases)}")


def _as_arguments(
    section: dict[str, Any], section_class: type, parser: HfArgumentParser
) -> list[str]:
    """Convert a section to the words of a command line, so that one parser reads both.

    No word can express `None`: such a field becomes a default of the parser.
    """
    words = []
    types = get_type_hints(section_class)
    for key, value in section.items():
        if value is None:
            parser.set_defaults(**{key: None})
        elif isinstance(value, dict) or isinstance(value, list) and reads_json(types[key]):
            words += [f"--{key}={_as_json(key, value)}"]
        elif isinstance(value, list):
            words += [f"--{key}", *map(str, value)]
        else:
            words += [f"--{key}={value}"]
    return words


def _as_json(key: str, value: Any) -> str:
    try:
        return json.dumps(_with_numbers(value), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise LmcourseError(
            f"key {key!r} has a value that is no text or number: {error}"
        ) from error


def _with_numbers(value: Any) -> Any:
    """Convert numbers like 1e-4, which YAML reads as text because they have no decimal point."""
    if isinstance(value, dict):
        return {key: _with_numbers(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_with_numbers(part) for part in value]
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _complete_flags(overrides: list[str]) -> list[str]:
    """Complete a bare --resume_from_checkpoint, which means the last checkpoint."""
    words = []
    for index, word in enumerate(overrides):
        words.append(word)
        bare = index + 1 == len(overrides) or overrides[index + 1].startswith("--")
        if word == "--resume_from_checkpoint" and bare:
            words.append("last")
    return words


def last_cause(error: BaseException) -> str:
    """Format the first cause of an error in one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    return " ".join(str(error).split())

"""The fields of any config, of this package or of transformers, as options of a parser."""

import json
import sys
from collections.abc import Collection, Mapping
from dataclasses import MISSING, Field, field, fields
from types import NoneType, UnionType
from typing import Any, Literal, Optional, Union, get_args, get_origin

from transformers import PreTrainedConfig
from transformers.modeling_rope_utils import RopeParameters

from ..errors import nearest
from ..models.families import known_model_types

_SCALARS = (bool, int, float, str)

Option = tuple[str, Any, Any]
"""Name, type and field, as `make_dataclass` takes them."""


def config_options(config_class: type[PreTrainedConfig], left_out: Collection[str]) -> list[Option]:
    """The fields of a config but some, with the types that HfArgumentParser knows.

    `attn_implementation` is not a field of a config, but its constructor accepts it. A model of
    another package reads blocks of text, and no longer ones, unless its longest context is given.
    """
    options = [_option(f) for f in fields(config_class) if f.name not in left_out]
    attention: Any = Literal["sdpa", "eager"]
    if config_class.model_type not in known_model_types():
        positions = _positions(config_class)
        options = [
            (name, Optional[int], field(default=None)) if name == positions else (name, *rest)
            for name, *rest in options
        ]
        options.append(("attn_implementation", Optional[attention], field(default=None)))
    elif "num_attention_heads" in [name for name, *_ in options]:
        options.append(("attn_implementation", attention, field(default="sdpa")))
    return options


def config_of(
    config_class: type[PreTrainedConfig], values: Mapping[str, Any], block_length: int
) -> PreTrainedConfig:
    """Make a config of the values of `config_options`.

    The tokenizer determines the vocabulary later; until then no cut-off exceeds it.

    Args:
        config_class: Its class.
        values: By name.
        block_length: Tokens of a block of text, or 0 if there are no blocks.

    Raises:
        ValueError: A setting in a part of the config is unknown, or values contradict each other.
    """
    positions = _positions(config_class)
    if values.get(positions, block_length) is None:
        values = {**values, positions: block_length}
    make: Any = config_class  # every config that is taken has a vocabulary
    config: PreTrainedConfig = make(**values, vocab_size=sys.maxsize)
    for name, value in values.items():
        if isinstance(value, dict):
            _check_part(name, value, getattr(config, name))
    return config


def _positions(config_class: type[PreTrainedConfig]) -> str:
    """What a config calls its longest context."""
    return config_class.attribute_map.get("max_position_embeddings", "max_position_embeddings")


def _check_part(name: str, given: dict[str, Any], part: Any) -> None:
    """Refuse a setting inside a setting that transformers would keep and ignore."""
    if name == "rope_parameters":
        for of_layers in [v for v in given.values() if isinstance(v, dict)] or [given]:
            _check_names(name, of_layers, RopeParameters.__annotations__)
    elif isinstance(part, PreTrainedConfig):
        _check_names(name, given, [f.name for f in fields(part)])


def _check_names(part: str, given: Collection[str], known: Collection[str]) -> None:
    for name in given:
        if name not in known:
            close = nearest(str(name), known)
            hint = f": did you mean {close!r}?" if close else ""
            raise ValueError(f"{part} has no setting {name!r}{hint}")


def _option(declared: Field[Any]) -> Option:
    given, default = option_type(declared.type), declared.default
    factory: Any = declared.default_factory
    if factory is not MISSING:
        return declared.name, given, field(default_factory=factory)
    if any(
        get_origin(part) is list for part in (given, *get_args(given))
    ):  # HfArgumentParser drops its default
        return declared.name, given, field(default_factory=lambda: default)
    return declared.name, given, field(default=default)


def option_type(declared: Any) -> Any:
    """The type with which HfArgumentParser reads a field that a config declares.

    It knows a single type, a list of one or a choice, and each of them or `None`. A whole number
    will do for a fraction; whatever else a field may be, JSON can express.
    """
    types = _members(declared)
    option = _one_type(types - {NoneType})
    return Optional[option] if NoneType in types else option


def reads_json(option: Any) -> bool:
    """Whether an option of this type is written as JSON."""
    return json_or_text in (option, *get_args(option))


def json_or_text(text: str) -> Any:
    """Read a value as JSON, or as a text if it is not JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _one_type(types: set[Any]) -> Any:
    if types == {float, int}:
        return float
    lists = [declared for declared in types if get_origin(declared) is list]
    if lists and all(get_origin(declared) in (list, tuple) for declared in types):
        part = _one_type(set().union(*map(_members, get_args(lists[0]))))
        return list[part] if part in _SCALARS else json_or_text  # type: ignore[valid-type]
    only = next(iter(types))
    plain = len(types) == 1 and (only in _SCALARS or get_origin(only) is Literal)
    return only if plain else json_or_text


def _members(declared: Any) -> set[Any]:
    union = get_origin(declared) in (Union, UnionType)
    return set(get_args(declared)) if union else {declared}

"""What the settings of every family share: checks of their values, and no unknown setting."""

import math
import os
from dataclasses import fields
from typing import Any, ClassVar

from huggingface_hub.dataclasses import strict
from transformers import PreTrainedConfig

from ..errors import nearest

__all__ = ["CourseConfig"]


@strict
class CourseConfig(PreTrainedConfig):
    """Base of the settings of every family.

    A setting that the family does not have is refused, not ignored. A saved config may have more,
    added by other tools; that is kept as it is.
    """

    sizes: ClassVar[tuple[str, ...]] = ("vocab_size", "embedding_size", "hidden_size")
    """Settings that must be at least one."""
    dropouts: ClassVar[tuple[str, ...]] = ()
    """Settings that are probabilities below one."""
    non_negative: ClassVar[tuple[str, ...]] = ()
    """Settings that are zero or more."""

    def __post_init__(self, **kwargs: Any) -> None:
        """Refuse what the family does not have; `kwargs` is what no field has taken."""
        saved = kwargs.pop("_saved", False)
        if kwargs.get("model_type") == self.model_type:
            del kwargs["model_type"]  # `to_dict` has it, and transformers makes configs of that
        super().__post_init__(**kwargs)
        names = [field.name for field in fields(type(self))]
        # an underscore is in front of what transformers adds to a config
        given = [key for key in kwargs if key in vars(self) and not key.startswith("_")]
        unknown = [key for key in given if key not in names]
        if unknown and not saved:
            close = nearest(unknown[0], names)
            hint = f": did you mean {close!r}?" if close else ""
            raise ValueError(f"{type(self).__name__} has no setting {unknown[0]!r}{hint}")

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **kwargs: Any) -> Any:
        """As in transformers."""
        return super().from_dict({**config_dict, "_saved": True}, **kwargs)

    @classmethod
    def from_json_file(cls, json_file: str | os.PathLike[str]) -> Any:
        """As in transformers."""
        return cls.from_dict(cls._dict_from_json_file(json_file))

    def validate_layer_type(self) -> None:
        """Our layer types are not in the host's list, which is about attention."""

    def validate_sizes(self) -> None:
        """Refuse sizes below one."""
        self._check(self.sizes, lambda value: value >= 1, "at least 1")

    def validate_dropout(self) -> None:
        """Refuse a dropout that is not a probability below one."""
        self._check(self.dropouts, lambda value: 0 <= value < 1, "at least 0 and below 1")

    def validate_numbers(self) -> None:
        """Refuse infinity and what is no number."""
        values = {field.name: getattr(self, field.name, None) for field in fields(type(self))}
        names = tuple(name for name, value in values.items() if isinstance(value, float))
        self._check(names, math.isfinite, "a finite number")

    def validate_non_negative(self) -> None:
        """Refuse negative numbers, and NaN."""
        self._check(self.non_negative, lambda value: value >= 0, "at least 0")

    def _check(self, names: tuple[str, ...], is_valid: Any, rule: str) -> None:
        for name in names:
            if not is_valid(getattr(self, name)):
                raise ValueError(f"{name} must be {rule}, not {getattr(self, name)}")

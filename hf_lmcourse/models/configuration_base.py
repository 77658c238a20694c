"""What the settings of every family share: checks of their values, and no unknown setting."""

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
        super().__post_init__(**kwargs)
        names = [field.name for field in fields(type(self))]
        unknown = [key for key in kwargs if key in vars(self) and key not in names]
        if unknown and not saved:
            close = nearest(unknown[0], names)
            hint = f": did you mean {close!r}?" if close else ""
            raise ValueError(f"{type(self).__name__} has no setting {unknown[0]!r}{hint}")

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **kwargs: Any) -> Any:
        """As in transformers."""
        return super().from_dict({**config_dict, "_saved": True}, **kwargs)

    def validate_layer_type(self) -> None:
        """Our layer types are not in the host's list, which is about attention."""

    def validate_sizes(self) -> None:
        """Refuse sizes below one."""
        self._check(self.sizes, lambda value: value >= 1, "at least 1")

    def validate_dropout(self) -> None:
        """Refuse a dropout that is not a probability below one."""
        self._check(self.dropouts, lambda value: 0 <= value < 1, "at least 0 and below 1")

    def validate_non_negative(self) -> None:
        """Refuse negative numbers, and NaN."""
        self._check(self.non_negative, lambda value: value >= 0, "at least 0")

    def _check(self, names: tuple[str, ...], is_valid: Any, rule: str) -> None:
        for name in names:
            if not is_valid(getattr(self, name)):
                raise ValueError(f"{name} must be {rule}, not {getattr(self, name)}")

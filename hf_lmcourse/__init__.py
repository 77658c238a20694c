"""Classical and course language models as first-class Hugging Face models.

`import hf_lmcourse` makes `AutoConfig`, `AutoModelForCausalLM`, `pipeline` and `Trainer` know the
families below; everything else is imported from the subpackage that holds it. It imports neither
torch nor transformers: a family comes when one of its classes, or its model type, is asked for.
"""

from typing import TYPE_CHECKING, Any

from . import models
from .errors import LmcourseError
from .models.families import announce_families

if TYPE_CHECKING:
    from .models import *  # noqa: F403
else:

    def __getattr__(name: str) -> Any:
        if name not in models.__all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(models, name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


__version__ = "0.1.0"

__all__ = ["LmcourseError", "__version__"]
__all__ += models.__all__

announce_families()

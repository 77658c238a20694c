"""Classical and course language models as first-class Hugging Face models.

`import hf_lmcourse` makes `AutoConfig`, `AutoModelForCausalLM`, `pipeline` and `Trainer` know the
families below; everything else is imported from the subpackage that holds it.
"""

from .errors import LmcourseError
from .models import *  # noqa: F403
from .models import __all__ as _models

__version__ = "0.1.0"

__all__ = ["LmcourseError", "__version__", *_models]

"""Messages of libraries that a user of this package can do nothing about."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Silence them, also as a decorator; afterwards the libraries are as talkative as before."""
    from transformers.utils import logging as transformers_logging  # slow to import

    accelerate = logging.getLogger("accelerate")
    verbosity, level = transformers_logging.get_verbosity(), accelerate.level
    bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    accelerate.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*pin_memory.*")
            warnings.filterwarnings("ignore", message="Sparse invariant checks")
            yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        accelerate.setLevel(level)
        if bars:
            transformers_logging.enable_progress_bar()

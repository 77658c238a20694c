"""Where the package keeps what it makes once: tokenized text, compiled kernels."""

import os
from pathlib import Path


def cache_folder(chosen: str | Path | None = None) -> Path:
    """The folder that was chosen, else the environment's LMCOURSE_CACHE, else ~/.cache/hf_lmcourse.

    Args:
        chosen: A folder of the caller's choice.
    """
    return Path(chosen or os.environ.get("LMCOURSE_CACHE") or "~/.cache/hf_lmcourse").expanduser()

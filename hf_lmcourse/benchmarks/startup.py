"""How long Python takes until the package, its command or one of its models is at hand."""

import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from .timing import Comparison, Side, compare

__all__ = ["run_python", "startup"]

_REPOSITORY = Path(__file__).parents[2]

_CASES: dict[str, dict[str, str]] = {
    "import, beside transformers": {
        "ours": "import transformers, hf_lmcourse",
        "transformers alone": "import transformers",
    },
    "lmcourse --help": {
        "ours": "from hf_lmcourse.cli.main import main; main(['--help'])",
        "Python alone": "",
        "torch alone": "import torch",
    },
    "a model class": {
        "ours": "from hf_lmcourse import LSTMForCausalLM",
        "transformers' GPT-2": "from transformers import GPT2LMHeadModel",
    },
}
"""What a fresh process does, on each side."""


def startup(repeats: int = 7) -> Iterator[Comparison]:
    """Whole processes, from their start to their end, with the files in the system's cache.

    A model class takes as long as the parts of torch and transformers that every model needs; the
    package's own share is what remains beside GPT-2.
    """
    for name, scripts in _CASES.items():
        sides = [Side(side, partial(run_python, script)) for side, script in scripts.items()]
        yield compare(name, "fresh process", sides, repeats, least_seconds=0.0)


def run_python(script: str) -> str:
    """Run a script in a fresh Python that finds this package, and return what it prints.

    Raises:
        CalledProcessError: the script failed.
    """
    words = [sys.executable, "-c", script]
    done = subprocess.run(words, cwd=_REPOSITORY, capture_output=True, text=True, check=True)
    return done.stdout

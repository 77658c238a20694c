"""How long Python takes to import the package, run its command or load a model class."""

import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from .timing import Comparison, Side, compare

__all__ = ["run_python", "startup"]

_REPOSITORY = Path(__file__).parents[2]

_CASES: dict[str, dict[str, str]] = {
    "import, with transformers": {
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
"""The script of each side, run in a fresh process."""


def startup(repeats: int = 9) -> Iterator[Comparison]:
    """Time whole processes, from start to exit, with the files in the system's cache.

    Loading a model class is dominated by the parts of torch and transformers that every model
    needs; the package's own share is the difference to GPT-2.
    """
    for name, scripts in _CASES.items():
        sides = [Side(side, partial(run_python, script)) for side, script in scripts.items()]
        yield compare(name, "fresh process", sides, repeats, least_seconds=0.0)


def run_python(script: str) -> str:
    """Run a script in a fresh Python that finds this package, and return its standard output.

    Raises:
        CalledProcessError: The script failed.
    """
    words = [sys.executable, "-c", script]
    done = subprocess.run(words, cwd=_REPOSITORY, capture_output=True, text=True, check=True)
    return done.stdout

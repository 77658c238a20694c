"""The student's file as a module: import it, find its functions, describe its exceptions."""

import importlib.util
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from .answers import AnswerError

_MODULE = "lmcourse_checked_file"  # not the file's name, which another module may have


def load_module(path: Path) -> ModuleType:
    """Import the file as Python would, with its folder first in `sys.path`."""
    sys.path.insert(0, str(path.parent))
    sys.argv = [str(path)]
    specification = importlib.util.spec_from_file_location(_MODULE, path)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module


def find_name(module: ModuleType, task: str, adapter: Mapping[str, Any]) -> str | None:
    """Return the name of the function or class for a task: `lstm_step`, `LSTMStep`, `LstmStep`.

    What is imported from torch or NumPy, such as `LayerNorm`, is not meant. An adapter may have
    another name.
    """
    if "function" in adapter:
        return adapter["function"] if callable(getattr(module, adapter["function"], None)) else None
    names = [
        name
        for name, value in vars(module).items()
        if callable(value)
        and name.replace("_", "").lower() == task.replace("_", "")
        and str(getattr(value, "__module__", "")).partition(".")[0] not in ("torch", "numpy")
    ]
    return task if task in names else next(iter(names), None)


def sentence(error: BaseException, file: str, name: str) -> str:
    """Describe an exception, with the last line of the student's file in its traceback."""
    if isinstance(error, AnswerError):
        return f"{name} {error}"
    text = " ".join(str(error).split())
    what = f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
    if not frames:
        return f"{name} raised {what}"
    inside = "" if frames[-1].name == "<module>" else f" (in {frames[-1].name})"
    return f"line {frames[-1].lineno} of {Path(file).name}{inside} raised {what}"

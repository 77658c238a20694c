"""What a Python file of the user defines: a preprocessing step, or any other function or class."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from ..errors import LmcourseError, nearest, reason


def own_callable(path: Path, name: str) -> Any:
    """Import a file into this process, and return its function or class of that name.

    Args:
        path: The Python file; what is in its folder can be imported by it.
        name: The name of the function or class.

    Raises:
        LmcourseError: The file cannot be read or imported, or has no such function.
    """
    module = _imported(path)
    function = getattr(module, name, None)
    if not callable(function):
        own = [key for key, value in vars(module).items() if callable(value) and key[0] != "_"]
        near = nearest(name, own)
        hint = f"did you mean {near}?" if near else f"it has {', '.join(own[:8]) or 'none'}"
        raise LmcourseError(f"{path} has no function {name!r}: {hint}")
    return function


def own_function(path: Path, name: str) -> Callable[[str], str]:
    """Import a file, and return its function from text to text with its errors as sentences.

    Args:
        path: The Python file.
        name: The name of the function.

    Raises:
        LmcourseError: As in `own_callable`; the function raises it where it fails.
    """
    function = own_callable(path, name)

    def step(text: str) -> str:
        try:
            changed = function(text)
        except Exception as error:
            raise LmcourseError(f"{name} of {path} {what_it_raised(error, path)}") from error
        if not isinstance(changed, str):
            kind = type(changed).__name__
            raise LmcourseError(f"{name} of {path} returned {kind}: it must return the text")
        return changed

    return step


def _imported(path: Path) -> ModuleType:
    if not path.is_file():
        raise LmcourseError(f"cannot read {path}: there is no such file")
    specification = importlib.util.spec_from_file_location(f"lmcourse_step_{path.stem}", path)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.path.insert(0, str(path.resolve().parent))
    sys.modules[specification.name] = module  # where dataclasses look their annotations up
    try:
        specification.loader.exec_module(module)
    except SyntaxError as error:
        raise LmcourseError(f"line {error.lineno} of {path} has a syntax error") from error
    except OSError as error:
        raise LmcourseError(f"cannot read {path}: {reason(error)}") from error
    except Exception as error:
        raise LmcourseError(
            f"{path} cannot be imported: it {what_it_raised(error, path)}"
        ) from error
    finally:
        sys.path.pop(0)
    return module


def what_it_raised(error: Exception, path: Path) -> str:
    """Say what a file raised, and at which of its lines, in words that follow the name of it."""
    line = line_in(error, path)
    where = f" at line {line}" if line is not None else ""
    text = " ".join(str(error).split())[:120]
    return f"raised {type(error).__name__}{where}" + (f": {text}" if text else "")


def line_in(error: Exception, path: Path) -> int | None:
    """The last line of a file in the traceback of an exception; `None` if it is not in there."""
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path.absolute()):  # as an import names it
            line = trace.tb_lineno
        trace = trace.tb_next
    return line

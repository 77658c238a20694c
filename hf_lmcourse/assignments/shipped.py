"""The assignments that come with the package, by name."""

from collections.abc import Iterator
from pathlib import Path

from ..errors import LmcourseError, nearest
from .specification import FILE_NAME, Assignment, read_assignment

NAMES = ("bigram_network", "recurrent_networks", "attention")
"""The assignments in the order of the course; each is a folder of `templates/`."""

_FOLDER = Path(__file__).with_name("templates")


def assignments() -> Iterator[Assignment]:
    """Iterate over the assignments of the package, in the order of the course."""
    for name in NAMES:
        yield read_assignment(_FOLDER / name / FILE_NAME)


def find_assignment(given: str) -> Assignment:
    """Read an assignment: a YAML file, or one of the package by name.

    Raises:
        LmcourseError: There is neither, or see `read_assignment`.
    """
    if given in NAMES:
        return read_assignment(_FOLDER / given / FILE_NAME)
    if Path(given).is_file() or "/" in given or given.endswith((".yaml", ".yml")):
        return read_assignment(Path(given))
    near = nearest(given, NAMES)
    hint = f"did you mean {near}?" if near else "lmcourse assignment list shows those there are"
    raise LmcourseError(f"there is neither a file nor an assignment {given!r}: {hint}")

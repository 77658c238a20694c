"""The submissions in a folder: a file or a folder per student."""

import ast
import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..checking.adapters import FILE_NAME
from ..data.content_hash import file_hash
from ..errors import LmcourseError, reason


@dataclass(frozen=True)
class Submission:
    """What a student has handed in.

    Attributes:
        student: The name of the folder, or of the file without its ending.
        path: The folder or file.
    """

    student: str
    path: Path

    def files(self) -> list[Path]:
        """Return all files, sorted; links, pipes and hidden files are left out."""
        if self.path.is_file():
            return [self.path]
        return sorted(_files_below(self.path))

    def programs(self) -> list[Path]:
        """Return the Python files, without `adapters.py`."""
        return [f for f in self.files() if f.suffix == ".py" and f.name != FILE_NAME]

    def content_hash(self) -> str:
        """Hash the names and contents of all files.

        Raises:
            OSError: A file cannot be read.
        """
        digest = hashlib.sha256()
        for file in self.files():
            name = os.fsencode(file.relative_to(self.path.parent))
            digest.update(name + b"\0" + file_hash(file).encode("ascii"))
        return digest.hexdigest()


def find_submissions(folder: Path) -> list[Submission]:
    """Return the submission of each student, sorted by name.

    A file alone is one if it is a Python file. If a file and a folder have the same name, that of
    the file keeps its ending.

    Raises:
        LmcourseError: There is no such folder, or no submission in it.
    """
    try:
        entries = sorted(p for p in folder.iterdir() if not p.name.startswith((".", "__")))
    except OSError as error:
        raise LmcourseError(f"cannot read {folder}: {reason(error)}") from error
    found = [p for p in entries if p.is_dir() or (p.suffix == ".py" and p.is_file())]
    if not found:
        raise LmcourseError(f"{folder} has neither a folder nor a Python file per student")
    count = Counter(_short_name(path) for path in found)
    names = [p.name if count[_short_name(p)] > 1 else _short_name(p) for p in found]
    return [Submission(printable(n), p) for n, p in zip(names, found, strict=True)]


def single_submission(folder: Path) -> Submission:
    """Return the folder itself as the submission of one student.

    Raises:
        LmcourseError: There is no such folder.
    """
    if not folder.is_dir():
        raise LmcourseError(f"{folder} is not a folder with the files of a student")
    return Submission(printable(folder.resolve().name), folder)


def names_in(tree: ast.Module) -> set[str]:
    """Return the names that a file may define, as tasks are found: `LstmStep` is `lstmstep`."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.alias):
            names.add(node.asname or node.name)
    return {plain(name) for name in names}


def plain(name: str) -> str:
    """Return a name without underscores and capitals."""
    return name.replace("_", "").lower()


def _short_name(path: Path) -> str:
    return path.name if path.is_dir() else path.stem


def printable(name: str) -> str:
    """Return a name that can be written in UTF-8, whatever bytes the file system has."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def _files_below(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = _shown(folders)
        for path in (Path(parent, name) for name in _shown(files)):
            if path.is_file() and not path.is_symlink():
                yield path


def _shown(names: Iterable[str]) -> list[str]:
    return [name for name in names if not name.startswith((".", "__"))]

"""Text files, read exactly as they are."""

import gzip
import io
import zlib
from collections.abc import Mapping
from pathlib import Path

from ..errors import LmcourseError

SPLITS = ("train", "validation", "test")
_GZIP_START = b"\x1f\x8b"


def read_text(path: Path) -> str:
    """Read UTF-8 text, compressed or not, line ends as they are, without a byte-order mark.

    Raises:
        LmcourseError: The file is not there, damaged, empty, or not UTF-8.
    """
    try:
        content = path.read_bytes()
        if content.startswith(_GZIP_START):
            content = gzip.decompress(content)
        text = content.decode("utf-8-sig")  # some editors write a byte-order mark
    except UnicodeDecodeError as error:
        raise LmcourseError(
            f"{path} is not UTF-8 text (byte {error.start:,} is {error.object[error.start]:#04x}): "
            "convert it to UTF-8 first"
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise LmcourseError(f"cannot read {path}: {reason}") from error
    if not text:
        raise LmcourseError(f"{path} is empty")
    return text


def split_files(folder: Path, names: Mapping[str, str] | None = None) -> dict[str, Path]:
    """The files of a folder that are train, validation or test text: .txt or .txt.gz.

    Args:
        folder: The folder.
        names: Of the files by split, without their extension; those of the splits by default.
    """
    return {
        split: path
        for split, name in (names or {split: split for split in SPLITS}).items()
        for path in (folder / f"{name}.txt.gz", folder / f"{name}.txt")
        if path.is_file()
    }


def split_at_line(text: str, name: str) -> dict[str, str]:
    """The first nine tenths of the lines to train on, the others for validation.

    Raises:
        LmcourseError: There are fewer than two lines.
    """
    lines = io.StringIO(text, newline="\n").readlines()
    if len(lines) < 2:
        raise LmcourseError(
            f"{name} has only one line, which leaves none to validate on: give a folder with "
            "train.txt and validation.txt"
        )
    border = min(len(lines) - 1, max(1, round(0.9 * len(lines))))
    return {"train": "".join(lines[:border]), "validation": "".join(lines[border:])}

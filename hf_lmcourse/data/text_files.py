"""Text files, read exactly as they are."""

import codecs
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

from ..errors import LmcourseError
from .packed_files import Source, unpacked

SPLITS = ("train", "validation", "test")
_BLOCK = 1 << 16
"""Bytes that are read in one go."""


def read_text(path: Source) -> str:
    """Read UTF-8 text, compressed or not, line ends as they are, without a byte-order mark.

    Raises:
        LmcourseError: The file is not there, damaged, empty, or not UTF-8.
    """
    text = "".join(text_pieces(path))
    if not text:
        raise LmcourseError(f"{path} is empty")
    return text


def text_pieces(path: Source) -> Iterator[str]:
    """Read the text of `read_text` in pieces, cut anywhere.

    Raises:
        LmcourseError: As `read_text`, when it comes to it; an empty file has no piece.
    """
    decoder = codecs.getincrementaldecoder("utf-8-sig")()  # some editors write a byte-order mark
    position, final = 0, False
    with unpacked(path) as file:
        while not final:
            block = file.read(_BLOCK)
            position, final = position + len(block), not block
            try:
                text = decoder.decode(block, final)
            except UnicodeDecodeError as error:
                at = position - len(error.object) + error.start
                raise _not_text(path, at, error.object[error.start]) from error
            if "\0" in text:
                raise _not_text(path, position - len(block) + block.find(0), 0)
            if text:
                yield text


def _not_text(path: Source, at: int, byte: int) -> LmcourseError:
    return LmcourseError(
        f"{path} is not UTF-8 text (byte {at:,} is {byte:#04x}): convert it to UTF-8 first"
    )


def with_line_breaks(pieces: Iterable[str], path: Source) -> Iterator[str]:
    """Pass on a text, unless carriage returns alone end its lines.

    Raises:
        LmcourseError: It has carriage returns and no line break, after its last piece.
    """
    returns = breaks = False
    for piece in pieces:
        returns, breaks = returns or "\r" in piece, breaks or "\n" in piece
        yield piece
    if returns and not breaks:
        raise LmcourseError(
            f"the lines of {path} end in carriage returns alone, as on old Macs: convert them, "
            "for example with tr '\\r' '\\n'"
        )


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


def nine_tenths(read: Callable[[], Iterator[str]], name: str) -> Callable[[str], Iterator[str]]:
    """Cut a text into the first nine tenths of its lines and the others.

    Args:
        read: Returns the text, in pieces; it is called once to count the lines, and for each split.
        name: Of the text, for the message.

    Returns:
        From "train" or "validation" to the text of the split, in pieces.

    Raises:
        LmcourseError: There are fewer than two lines, when a split is read.
    """

    @cache
    def lines_to_train_on() -> int:
        lines = _count_lines(read())
        if not lines:
            raise LmcourseError(f"{name} is empty")
        if lines < 2:
            raise LmcourseError(
                f"{name} has only one line, which leaves none to validate on: give a folder with "
                "train.txt and validation.txt"
            )
        return min(lines - 1, max(1, round(0.9 * lines)))

    def text_of(split: str) -> Iterator[str]:
        train = split == "train"
        left = lines_to_train_on()
        for piece in read():
            border = _end_of_line(piece, left)
            left -= piece.count("\n", 0, border)
            if part := piece[:border] if train else piece[border:]:
                yield part
            if train and not left:
                return

    return text_of


def _count_lines(pieces: Iterable[str]) -> int:
    lines, end = 0, "\n"
    for piece in pieces:
        lines, end = lines + piece.count("\n"), piece[-1]
    return lines + (end != "\n")


def _end_of_line(text: str, number: int) -> int:
    """Where the line of a number ends, the first being 1; the end of the text if it has fewer."""
    if text.count("\n") < number:
        return len(text)
    return len(text) - len(text.split("\n", number)[number])

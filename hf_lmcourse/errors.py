"""The one exception that is meant for the user's eyes, and what its sentences are made of."""

import difflib
from collections.abc import Iterable
from typing import ClassVar


class LmcourseError(ValueError):
    """Bad input from the user, in one clear sentence: what is wrong, where, and what to do.

    The command line prints the message alone and exits with status 2; a library user sees an
    ordinary `ValueError`. The sentence is one line, and is cut in its middle if it is too long: a
    name or a value in it may be of any length.
    """

    longest: ClassVar[int] = 299
    """Characters of the sentence."""

    def __init__(self, sentence: object = "") -> None:
        super().__init__(_shortened(" ".join(str(sentence).splitlines()), self.longest))


def _shortened(line: str, longest: int) -> str:
    """Cut a line in its middle: what is wrong is at its start, what to do at its end."""
    end = longest // 3
    start = longest - end - len(" ... ")
    return line if len(line) <= longest else f"{line[:start]} ... {line[-end:]}"


def reason(error: Exception) -> str:
    """Why the system refused something: not every `OSError` has a `strerror`."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def nearest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Find the known name that is most similar to a misspelled one.

    Args:
        name: The misspelled name.
        known: The names to choose from.
        cutoff: Similarity below which nothing is found, between 0 and 1.
    """
    return next(iter(difflib.get_close_matches(name, list(known), n=1, cutoff=cutoff)), None)


def short(text: str, width: int = 60) -> str:
    """Cut a text of the user to a length that fits into a sentence, and onto one line.

    Args:
        text: Such as a value, or several names.
        width: Number of characters to keep.
    """
    line = "".join(c if c.isprintable() else " " for c in text[:width])
    return line if len(text) <= width else f"{line}..."

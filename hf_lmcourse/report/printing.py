"""Standard output and error that end no command: any character, and a reader that has left."""

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO, cast


class LastingStream:
    """A text stream that discards what it cannot write.

    Args:
        stream: With a file descriptor.

    Attributes:
        error: The first one that writing met, such as a full disk; `None` before.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.error: OSError | None = None

    def write(self, text: str) -> int:
        """Write, or discard after an error."""
        try:
            return self._stream.write(text)
        except OSError as error:
            self._discard(error)
            return len(text)

    def flush(self) -> None:
        """Flush, or discard after an error."""
        try:
            self._stream.flush()
        except OSError as error:
            self._discard(error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _discard(self, error: OSError) -> None:
        """Lead the descriptor to nowhere, which then also takes what waits in the buffer."""
        self.error = self.error or error
        with open(os.devnull, "wb") as nowhere, contextlib.suppress(OSError):
            os.dup2(nowhere.fileno(), self._stream.fileno())


@contextlib.contextmanager
def lasting_streams() -> Iterator[None]:
    r"""Make printing safe, also as a decorator; afterwards the streams are as before.

    A character that the encoding of the terminal lacks is written as an escape such as \u4eca. A
    closed stream, a reader that has left (`| head`) and a full disk take nothing more, and the
    command goes on. Streams that are not files, as in a notebook, stay as they are.
    """
    before = sys.stdout, sys.stderr
    errors = [getattr(stream, "errors", None) for stream in before]
    sys.stdout, sys.stderr = map(_lasting, before)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        sys.stdout, sys.stderr = before
        for stream, old in zip(before, errors, strict=True):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors=old)


def _lasting(stream: TextIO | None) -> TextIO:
    if stream is None:  # the process was started with this stream closed
        return open(os.devnull, "w", encoding="utf-8")
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    if stream.errors in ("strict", "surrogateescape"):
        stream.reconfigure(errors="backslashreplace")
    return cast(TextIO, LastingStream(stream))

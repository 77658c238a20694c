"""Keep the memory that a training step frees for the next step."""

import ctypes
import platform
from collections.abc import Iterator
from contextlib import contextmanager

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Names of the settings in glibc's malloc.h."""
_LARGEST = 2**31 - 1
_USUAL = 32 * 2**20
"""Where glibc's own threshold for tensors of their own pages ends when it grows by itself."""


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Within it, freed tensors stay with the process; at its end they go back to the system.

    A step allocates what the step before it has just freed. The C library of Linux gives tensors of
    tens of megabytes back to the system each time, and the next ones are pages of zeros that the
    system has to find again: a seventh of a step of a model with 33,278 words. Kept memory is at
    most what one step needs at once. With another C library nothing changes.

    Reference:
        mallopt(3): M_MMAP_THRESHOLD and M_TRIM_THRESHOLD.
    """
    if platform.libc_ver()[0] != "glibc":
        yield
        return
    library = ctypes.CDLL(None)
    for setting in (_MMAP_THRESHOLD, _TRIM_THRESHOLD):
        library.mallopt(setting, _LARGEST)
    try:
        yield
    finally:
        for setting in (_MMAP_THRESHOLD, _TRIM_THRESHOLD):
            library.mallopt(setting, _USUAL)
        library.malloc_trim(0)

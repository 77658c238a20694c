"""A limit on the memory of this process, counted from what it has already."""

import sys
from pathlib import Path


def limit_memory(more: int) -> None:
    """Let the process map a number of bytes more than it does now, and never more again.

    What torch maps as it is imported differs by gigabytes from one build to another, so that it is
    not counted.
    """
    if sys.platform == "linux":
        import resource

        pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
        most = pages * resource.getpagesize() + more
        resource.setrlimit(resource.RLIMIT_AS, (most, most))

"""The limits that the kernel does not keep: time on the clock, and sums over all processes."""

import os
import time
from pathlib import Path

from .folder_size import is_larger
from .limits import MIB, Limits
from .processes import descendants, memory_of


class Watch:
    """What is compared with the limits at each look.

    Args:
        limits: The limits.
        folder: The folder in which files appear as stages end.

    Attributes:
        exceeded: The limit that was exceeded, in words; empty before.
    """

    def __init__(self, limits: Limits, folder: Path) -> None:
        self._limits, self._folder, self._stage = limits, folder, 0
        self._files = [folder / name for name in limits.stages]
        self._deadline = time.monotonic() + limits.start_seconds
        self.exceeded = ""

    def look(self) -> None:
        """Compare once; the reason for an excess is in `exceeded`."""
        limits, processes = self._limits, descendants()
        self._renew_deadline()
        if time.monotonic() > self._deadline:
            self.exceeded = "time"
        elif sum(process.threads for process in processes) > limits.processes:
            self.exceeded = f"{limits.processes} processes and threads"
        elif sum(map(memory_of, processes)) > limits.memory:
            self.exceeded = f"{limits.memory // MIB} MiB of memory"
        elif is_larger(self._folder, limits.folder_size, limits.folder_files):
            self.exceeded = (
                f"{limits.folder_size // MIB} MiB or {limits.folder_files} files in its folder, "
                "or folders in folders"
            )

    def _renew_deadline(self) -> None:
        """Each stage has its time: one more file than ever before is the end of one."""
        stage = sum(map(os.path.lexists, self._files))
        if stage > self._stage:
            self._stage = stage
            self._deadline = time.monotonic() + self._limits.seconds

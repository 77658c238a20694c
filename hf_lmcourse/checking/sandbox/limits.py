"""What a command may use, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass

MIB = 2**20


@dataclass(frozen=True)
class Limits:
    """What a command may use, with all processes that it starts.

    Attributes:
        seconds: Time for each stage.
        start_seconds: Time for the first stage.
        stages: Names of files in the folder; each ends a stage as it appears.
        processor_seconds: Processor time of each process.
        processes: Processes and threads at a time.
        memory: Bytes of memory of all processes, without the mapped files.
        file_size: Bytes of a file.
        open_files: Open files of each process.
        folder_size: Bytes of all files in the folder.
        folder_files: Their number.
        output: Bytes of what is printed that are shown; the rest is read and dropped.
    """

    seconds: float
    start_seconds: float
    stages: Sequence[str] = ()
    processor_seconds: int = 3600
    processes: int = 64
    memory: int = 4096 * MIB
    file_size: int = 64 * MIB
    open_files: int = 256
    folder_size: int = 512 * MIB
    folder_files: int = 5000
    output: int = 100_000


@dataclass(frozen=True)
class Ending:
    """How a command ended.

    Attributes:
        status: The exit status; that of an ended process is the signal's number, negative.
        exceeded: The limit for which it was ended, in words; empty if none.
        isolated: Whether it had no network, and saw no other processes.
    """

    status: int
    exceeded: str = ""
    isolated: bool = False

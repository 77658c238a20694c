"""Processes that train one model together, one step at a time on request."""

import contextlib
from collections.abc import Callable, Sequence
from datetime import timedelta
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from .links import enter

__all__ = ["WorkerGroup"]

Work = Callable[[int, int], Callable[[], float]]
"""(rank, processes) -> a function that does a step and returns its loss.

It is called after the process group is initialised, and so may use `DistributedDataParallel`; it is
sent to another process, and so has to be a function of a module or a `functools.partial`."""

_TIMEOUT = timedelta(minutes=2)
"""How long a process waits for the others, one of which may have failed."""


class WorkerGroup(contextlib.AbstractContextManager["WorkerGroup"]):
    """Processes joined by gloo, which stay alive between steps so that groups can take turns.

    Args:
        work: What each process does.
        processes: Number of processes.
        threads: Number of threads of torch in each.
        networks: A network for each process, as `links.linked_networks` gives them; this machine's
            own without them.
    """

    def __init__(
        self, work: Work, processes: int, threads: int, networks: Sequence[str] = ()
    ) -> None:
        context = get_context("spawn")
        self._folder = TemporaryDirectory()
        meeting = Path(self._folder.name, "meeting").as_uri()
        self._ends: list[Connection] = []
        self._processes = []
        for rank in range(processes):
            here, there = context.Pipe()
            network = networks[rank] if networks else None
            arguments = (work, rank, processes, threads, network, meeting, there)
            process = context.Process(target=_serve, args=arguments, daemon=True)
            process.start()
            there.close()  # otherwise recv would not notice that the process has ended
            self._ends.append(here)
            self._processes.append(process)

    def step(self) -> float:
        """Do a step in every process, and return the mean of their losses.

        Raises:
            EOFError: A process has ended.
        """
        for end in self._ends:
            end.send(True)
        losses = [end.recv() for end in self._ends]
        return sum(losses) / len(losses)

    def __exit__(self, *exception: object) -> None:
        for end in self._ends:
            with contextlib.suppress(BrokenPipeError):
                end.send(False)
        for process in self._processes:
            process.join()
        self._folder.cleanup()


def _serve(
    work: Work,
    rank: int,
    processes: int,
    threads: int,
    network: str | None,
    meeting: str,
    end: Any,
) -> None:
    """Run one process of the group: a step for every message until the last."""
    if network is not None:
        enter(network)
    torch.set_num_threads(threads)
    torch.distributed.init_process_group(
        "gloo", init_method=meeting, rank=rank, world_size=processes, timeout=_TIMEOUT
    )
    try:
        step = work(rank, processes)
        while end.recv():
            end.send(step())
    finally:
        torch.distributed.destroy_process_group()

"""Peak memory of each side of a comparison, measured in a fresh process."""

import contextlib
import ctypes
import os
import re
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from .timing import Comparison, Side, compare

__all__ = ["Way", "compare_ways", "peak_bytes"]

Way = Callable[[], Callable[[], object]]
"""A function that builds what is measured and returns a function that does one step of it.

It is sent to another process, and so has to be a function of a module or a `functools.partial`."""

_STEPS = 3
"""The first step allocates what later ones keep, such as gradients and the carried state."""

_M_MMAP_THRESHOLD = -3
"""M_MMAP_THRESHOLD of malloc.h: blocks of this size are returned to the system when they are freed.

By default it rises as a program runs, which would make the peak depend on what ran before."""


def compare_ways(
    name: str,
    setting: str,
    ways: dict[str, Way],
    repeats: int,
    memory: bool,
    steps: int = _STEPS,
    **details: Any,
) -> Comparison:
    """Measure the peak memory of each side, then time the sides with `compare`.

    Args:
        name: What is done.
        setting: Its sizes.
        ways: The sides by name, ours first.
        repeats: Number of repeats of each side.
        memory: Whether to measure the peaks; each starts a process.
        steps: Number of steps in which the peak is measured.
        **details: As for `compare`.
    """
    found = {side: peak_bytes(way, steps) if memory else None for side, way in ways.items()}
    peaks = {side: peak for side, peak in found.items() if peak is not None}
    sides = [Side(side, way()) for side, way in ways.items()]
    return compare(name, setting, sides, repeats, peak_bytes=peaks, **details)


def peak_bytes(way: Way, steps: int = _STEPS) -> int | None:
    """Return the peak memory of a fresh process above that of the imported libraries, in bytes.

    The process imports the libraries, then builds what is measured and does a few steps. Pages of
    memory-mapped files (code of the libraries, a corpus) are not counted: the system can drop them
    at any time.

    Args:
        way: What is measured; its arguments are sent to the process and count as imported.
        steps: Number of steps.

    Returns:
        The bytes, weights and gradients included; `None` if the system is not Linux.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measure, torch.get_num_threads(), steps, way).result()


def _measure(threads: int, steps: int, way: Way) -> int | None:
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # measure the memory of the CPU
    torch.set_num_threads(threads)
    _load_lazy_libraries()
    with contextlib.suppress(OSError):  # not Linux
        ctypes.CDLL("libc.so.6").mallopt(_M_MMAP_THRESHOLD, 1 << 20)
        Path("/proc/self/clear_refs").write_text("5")  # reset the peak
    before = _resident("VmHWM", "RssFile")
    step = way()
    for _ in range(steps):
        step()
    after = _resident("VmHWM", "RssFile")
    if before is None or after is None:
        return None
    return (after[0] - after[1]) - (before[0] - before[1])


def _load_lazy_libraries() -> None:
    """Do a training step, at which the libraries load what they load lazily."""
    layer = torch.nn.Linear(8, 8)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    for enabled in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            layer(torch.ones(8, 8)).sum().backward()
        torch.nn.utils.clip_grad_norm_(layer.parameters(), 1.0)
        optimizer.step()


def _resident(*names: str) -> list[int] | None:
    """Read fields of /proc/self/status in bytes; `None` if there is no such file."""
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        return None
    found = [re.search(rf"^{name}:\s+(\d+) kB", status, flags=re.MULTILINE) for name in names]
    return [1024 * int(match.group(1)) for match in found if match]

"""What each way to do something needs of memory at its peak, in a process of its own."""

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
"""Makes what is measured and returns what does a step: a function of a module, or such a function
with arguments (`functools.partial`), so that it can be sent to another process."""

_STEPS = 3
"""A first step makes what later ones keep, such as gradients and the state that is carried."""

_M_MMAP_THRESHOLD = -3
"""Of malloc.h: how large a piece must be to go back to the system as soon as it is free. It rises
as a program runs, and what the library holds back then would count, now more and now less."""


def compare_ways(
    name: str,
    setting: str,
    ways: dict[str, Way],
    repeats: int,
    memory: bool,
    steps: int = _STEPS,
    **details: Any,
) -> Comparison:
    """`compare` with the peak of memory of each side, measured first.

    Args:
        name: what is done.
        setting: the size of it.
        ways: by the name of the side, ours first.
        repeats: of each side.
        memory: whether to measure the peaks; each takes the start of a process.
        steps: how many of them may make the peak.
        **details: as for `compare`.
    """
    found = {side: peak_bytes(way, steps) if memory else None for side, way in ways.items()}
    peaks = {side: peak for side, peak in found.items() if peak is not None}
    sides = [Side(side, way()) for side, way in ways.items()]
    return compare(name, setting, sides, repeats, peak_bytes=peaks, **details)


def peak_bytes(way: Way, steps: int = _STEPS) -> int | None:
    """Bytes at the peak above those of the imported libraries, in a fresh process.

    The process imports, then makes what is measured and does its step a few times. Pages of files
    that are mapped into memory (code of the libraries, a corpus) are not counted: the system takes
    them back where it needs them.

    Args:
        way: its arguments are sent to the process, and count as imported.
        steps: how many.

    Returns:
        The bytes, those of weights and gradients included; `None` where the system is not Linux,
        which tells them.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measure, torch.get_num_threads(), steps, way).result()


def _measure(threads: int, steps: int, way: Way) -> int | None:
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # the memory of the processor is meant
    torch.set_num_threads(threads)
    _load_what_is_loaded_late()
    with contextlib.suppress(OSError):  # not Linux
        ctypes.CDLL("libc.so.6").mallopt(_M_MMAP_THRESHOLD, 1 << 20)
        Path("/proc/self/clear_refs").write_text("5")  # forget the peak of the imports
    before = _resident("VmHWM", "RssFile")
    step = way()
    for _ in range(steps):
        step()
    after = _resident("VmHWM", "RssFile")
    if before is None or after is None:
        return None
    return (after[0] - after[1]) - (before[0] - before[1])


def _load_what_is_loaded_late() -> None:
    """Let the libraries load what they leave until a first step of training."""
    layer = torch.nn.Linear(8, 8)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    for enabled in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            layer(torch.ones(8, 8)).sum().backward()
        torch.nn.utils.clip_grad_norm_(layer.parameters(), 1.0)
        optimizer.step()


def _resident(*names: str) -> list[int] | None:
    """Bytes from the kernel's account of this process; `None` where there is none."""
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        return None
    found = [re.search(rf"^{name}:\s+(\d+) kB", status, flags=re.MULTILINE) for name in names]
    return [1024 * int(match.group(1)) for match in found if match]

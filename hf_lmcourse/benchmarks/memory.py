"""What a way to do something needs of memory at its peak, in a process of its own."""

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

__all__ = ["peak_bytes"]

_STEPS = 3
"""A first step makes what later ones keep, such as gradients and the state that is carried."""

_M_MMAP_THRESHOLD = -3
"""Of malloc.h: how large a piece must be to go back to the system as soon as it is free. It rises
as a program runs, and what the library holds back then would count, now more and now less."""


def peak_bytes(build: Callable[..., Callable[[], object]], *arguments: Any) -> int | None:
    """Bytes at the peak above those of the imported libraries, in a fresh process.

    The process imports, then makes what is measured and does its step a few times. Pages of files
    that are mapped into memory (code of the libraries, a corpus) are not counted: the system takes
    them back where it needs them.

    Args:
        build: a function of a module that returns what does a step.
        *arguments: for it; they are sent to the process, and count as imported.

    Returns:
        The bytes, those of weights, gradients and data included; `None` where the system is not
        Linux, which tells them.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measure, torch.get_num_threads(), build, arguments).result()


def _measure(
    threads: int, build: Callable[..., Callable[[], object]], arguments: tuple[Any, ...]
) -> int | None:
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # the memory of the processor is meant
    torch.set_num_threads(threads)
    _load_what_is_loaded_late()
    with contextlib.suppress(OSError):  # not Linux
        ctypes.CDLL("libc.so.6").mallopt(_M_MMAP_THRESHOLD, 1 << 20)
        Path("/proc/self/clear_refs").write_text("5")  # forget the peak of the imports
    before = _resident("VmHWM", "RssFile")
    step = build(*arguments)
    for _ in range(_STEPS):
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

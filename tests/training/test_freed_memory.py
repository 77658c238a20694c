"""Freed tensors stay with the process while it trains, and go back to the system afterwards."""

import platform
import subprocess
import sys

import pytest
import torch

from hf_lmcourse.training.freed_memory import freed_memory_kept

PAGE_FAULTS = """
import resource, torch
from hf_lmcourse.training.freed_memory import freed_memory_kept

def faults(steps):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(steps):
        torch.ones(10_000_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

pages = 40_000_000 // resource.getpagesize()
outside = faults(10)
with freed_memory_kept():
    faults(1)
    inside = faults(10)
afterwards = faults(10)
print(outside / pages, inside / pages, afterwards / pages)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc")
def test_a_tensor_of_the_next_step_takes_the_pages_of_the_last() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PAGE_FAULTS], capture_output=True, text=True, check=True
    )
    outside, inside, afterwards = (float(share) for share in done.stdout.split())
    assert 5 * inside < outside
    assert 5 * inside < afterwards


def test_another_c_library_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    monkeypatch.setattr("ctypes.CDLL", None)
    with freed_memory_kept():
        assert torch.ones(3).sum() == 3

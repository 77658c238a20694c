"""The peak memory is that of the step, measured in a fresh process."""

import sys
from collections.abc import Callable
from functools import partial

import pytest
import torch

from benchmarks.memory import peak_bytes


def hold(megabytes: int, other: int) -> Callable[[], object]:
    """Keeps one tensor, and makes another at each step."""
    kept = torch.ones(megabytes << 18)
    return lambda: kept.sum() + torch.ones(other << 18).sum()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux reports the peak")
def test_what_is_kept_and_what_a_step_makes_add_up() -> None:
    found = peak_bytes(partial(hold, 40, 20))
    assert found is not None and 59 << 20 <= found <= 64 << 20

"""Weights shared out over processes (FSDP2) train as whole ones do, through every fast path."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
SHARDED = Path(__file__).with_name("sharded.py")


@pytest.mark.slow
def test_gradients_of_sharded_weights_are_those_of_one_process_and_not_their_sum() -> None:
    done = subprocess.run(
        [sys.executable, str(SHARDED)],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(found) == 8
    for model in found:
        assert model["difference"] < 1e-5, model
        assert model["saved"] is True, model

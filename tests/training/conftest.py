"""One tiny run with a checkpoint inside an epoch, trained once for all tests of checkpoints."""

import shutil
from pathlib import Path

import pytest

from hf_lmcourse.training.checkpoint_record import RECORD
from hf_lmcourse.training.trainer import StreamTrainer

from .resumed_runs import fresh


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> StreamTrainer:
    """A run of 8 steps with a checkpoint at step 5, inside the first epoch; not to be changed."""
    run = fresh(tmp_path_factory.mktemp("whole"))
    run.train()
    return run


@pytest.fixture(scope="session")
def checkpoint(whole: StreamTrainer) -> Path:
    return Path(str(whole.args.output_dir), "checkpoint-5")


@pytest.fixture(scope="session")
def older(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint as earlier versions wrote it, without a record."""
    copy = tmp_path_factory.mktemp("older") / checkpoint.name
    shutil.copytree(checkpoint, copy)
    (copy / RECORD).unlink()
    return copy

"""Train a model from a recipe, in one call."""

import os
import time
from pathlib import Path
from typing import Any

import torch.distributed
from tqdm.auto import tqdm

from ..errors import LmcourseError
from ..report.printing import lasting_streams
from ..report.quiet_libraries import quiet_libraries
from ..report.results import option_words
from ..training.other_processes import with_other_processes
from .settings import read_settings
from .start import prepare_run
from .training_run import RunSummary, TrainingRun

_SECONDS_TO_RELEASE = 0.2


class TrainingStopped(KeyboardInterrupt):
    """A signal stopped a training run, and its checkpoint is saved."""


@lasting_streams()
@quiet_libraries()
def train(recipe: str | Path, **changes: Any) -> RunSummary:
    """Train a model as a recipe describes, and write its run folder.

        run = hf_lmcourse.train("quickstart", hidden_size=128)
        run.metrics["validation"]["perplexity"]

    Progress is printed as by `lmcourse train`. To continue a run that was stopped, call again with
    its folder: `train(recipe, output_dir="runs/quickstart", resume_from_checkpoint="last")`.

    Args:
        recipe: The name of a recipe, as `lmcourse recipes` lists them, or a YAML file.
        changes: Settings that replace those of the file, from any of its sections; the options of
            `lmcourse train`, which `lmcourse train --help` lists.

    Returns:
        Metrics, model, tokenizer, run folder and result; a notebook displays the table of metrics.

    Raises:
        LmcourseError: An unknown setting, with the nearest known one; a wrong value; data, a
            tokenizer or a checkpoint that does not fit; or a loss that became NaN or infinite.
        TrainingStopped: The run was interrupted, and a checkpoint is saved.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise LmcourseError(
            "train() uses one process; for several, run accelerate launch scripts/train.py RECIPE"
        )
    values = {
        name: list(value) if isinstance(value, tuple) else value for name, value in changes.items()
    }
    settings = read_settings([str(recipe)], values)
    words = option_words({name: "None" if v is None else v for name, v in values.items()})
    command = ["lmcourse", "train", str(recipe), *words]
    run = prepare_run(settings, command)
    summary = carry_out(run)
    assert summary is not None  # this is the only process
    if settings.training.push_to_hub:
        tqdm.write(f"Shared: {run.push().url}")
    return summary


def carry_out(run: TrainingRun) -> RunSummary | None:
    """Train, score the trained model, and write the run folder.

    Args:
        run: From `prepare_run`.

    Returns:
        The summary; in the other processes of a distributed run None.

    Raises:
        LmcourseError: The loss became NaN or infinite, or another process of the run ended.
        TrainingStopped: A signal stopped the run after a checkpoint.
    """
    main_process = run.trainer.is_world_process_zero()
    if main_process:
        tqdm.write(run.describe())
    try:
        with with_other_processes():
            run.train()
        if run.stop.received is not None:
            raise TrainingStopped(f"a checkpoint is saved in {run.folder}")
        return run.finish() if main_process else None
    finally:
        if torch.distributed.is_initialized():
            # Gloo's threads need the GIL to release the tensors of the last operation, and the
            # group waits for them with the GIL held when it is destroyed: they would hang.
            time.sleep(_SECONDS_TO_RELEASE)
            torch.distributed.destroy_process_group()

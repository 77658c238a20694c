"""What every run prints, and nothing else does."""

from pathlib import Path

import pytest
from transformers import TrainerCallback, trainer

from hf_lmcourse.runs.settings import read_settings
from hf_lmcourse.runs.start import prepare_run
from hf_lmcourse.training.callbacks import LineProgress


class TableOfANotebook(TrainerCallback):
    pass


def test_a_notebook_gets_our_lines_and_not_also_the_table_of_the_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "DEFAULT_PROGRESS_CALLBACK", TableOfANotebook)
    yaml = tmp_path / "dan.yaml"
    yaml.write_text("model: {model_type: lmcourse_dan}\ndata: {corpus: toy_reviews}\n")
    changes = {"output_dir": str(tmp_path / "run"), "cache_dir": str(tmp_path / "cache")}
    run = prepare_run(read_settings([str(yaml)], changes), ["lmcourse"])
    run.stop.release()
    kinds = [type(callback) for callback in run.trainer.callback_handler.callbacks]
    assert LineProgress in kinds and TableOfANotebook not in kinds

"""Models and run folders that earlier commits saved still load, and mean the same."""

import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoModelForCausalLM, AutoModelForSequenceClassification

import hf_lmcourse
from hf_lmcourse.kernels import build
from hf_lmcourse.runs.settings import read_settings
from hf_lmcourse.runs.start import prepare_run

from .save_models import MODELS, TOKENS, save_models, weights_of

FOLDER = Path(__file__).parent
SAVED: dict[str, Any] = json.loads((FOLDER / "saved_0.1.0.json").read_text(encoding="utf-8"))
BEFORE_THE_NEW_LAYOUT = "05c1104"
"""The last commit with the first layout of the package."""

every_saved_family = pytest.mark.parametrize("name", MODELS)


@pytest.fixture
def saved_folder(name: str, tmp_path: Path) -> Path:
    """The folder that the earlier version saved, made again from its record."""
    record = SAVED[name]
    shapes: dict[str, list[int]] = record["parameters"]
    weights = {key: weights_of(shape, n) for n, (key, shape) in enumerate(shapes.items())}
    buffers = {
        key: torch.zeros(shape, dtype=torch.bool) for key, shape in record["buffers"].items()
    }
    (tmp_path / "config.json").write_text(json.dumps(record["config"]), encoding="utf-8")
    save_file(weights | buffers, tmp_path / "model.safetensors", metadata={"format": "pt"})
    return tmp_path


@every_saved_family
def test_a_saved_model_loads_whole_and_gives_the_same_logits(name: str, saved_folder: Path) -> None:
    prefix, head, _ = MODELS[name]
    auto: Any = AutoModelForCausalLM
    if head == "ForSequenceClassification":
        auto = AutoModelForSequenceClassification
    model, report = auto.from_pretrained(saved_folder, output_loading_info=True)
    assert type(model) is getattr(hf_lmcourse, prefix + head)
    assert not any(report.values())
    logits = model.eval()(torch.tensor(TOKENS)).logits.flatten()
    torch.testing.assert_close(logits, torch.tensor(SAVED[name]["logits"]), rtol=1e-4, atol=1e-4)
    assert type(AutoModel.from_pretrained(saved_folder)) is type(model.model)


@every_saved_family
def test_a_loaded_config_is_saved_with_the_same_settings(
    name: str, saved_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    prefix, _, _ = MODELS[name]
    config = getattr(hf_lmcourse, f"{prefix}Config").from_pretrained(saved_folder)
    again = tmp_path_factory.mktemp("again")
    config.save_pretrained(again)
    written = json.loads((again / "config.json").read_text(encoding="utf-8"))
    assert written.items() >= SAVED[name]["config"].items()


def test_the_record_says_what_is_saved_today(tmp_path: Path) -> None:
    """A family or a weight that is new needs no record; one that has gone or changed is a break."""
    today = save_models(tmp_path)
    for name in MODELS:
        for kind in ("parameters", "buffers"):
            assert today[name][kind] == SAVED[name][kind]


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as it was at an earlier commit."""
    repository = FOLDER.parents[1]
    command = ["git", "-C", str(repository), "archive", BEFORE_THE_NEW_LAYOUT, "hf_lmcourse"]
    archive = subprocess.run(command, capture_output=True)
    if archive.returncode:
        pytest.skip(f"commit {BEFORE_THE_NEW_LAYOUT} is not in the history of this clone")
    folder = tmp_path_factory.mktemp("earlier")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(folder, filter="data")
    return folder


RECIPE = """
model: {{model_type: lmcourse_lstm, hidden_size: 16, recurrent_dropout: 0.2}}
data: {{corpus: {text}, block_length: 8, cache_dir: {cache}}}
training:
  output_dir: {folder}
  max_steps: 12
  per_device_train_batch_size: 4
  eval_strategy: "no"
  save_strategy: steps
  save_steps: 5
  load_best_model_at_end: false
  sample_length: 5
  use_cpu: true
"""


@pytest.mark.slow
def test_a_run_of_an_earlier_commit_goes_on_inside_an_epoch_bit_for_bit(
    earlier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = tmp_path / "text.txt"
    text.write_text("".join(f"the cat number {n} sat on the mat {n * n}\n" for n in range(200)))
    recipe, folder = tmp_path / "recipe.yaml", tmp_path / "run"
    recipe.write_text(RECIPE.format(text=text, cache=tmp_path / "cache", folder=folder))
    monkeypatch.setattr(build, "kernel", lambda name: None)
    subprocess.run(
        [sys.executable, "-m", "hf_lmcourse.cli.main", "train", str(recipe)],
        cwd=earlier,
        env={
            **os.environ,
            "PYTHONPATH": str(earlier),
            "OMP_NUM_THREADS": str(torch.get_num_threads()),  # else sums differ in the last bits
            "LMCOURSE_KERNELS": "0",
        },
        check=True,
        capture_output=True,
    )
    finished = load_file(folder / "model.safetensors")
    assert AutoModelForCausalLM.from_pretrained(folder).config.hidden_size == 16

    checkpoint = folder / "checkpoints" / "checkpoint-10"
    assert (checkpoint / "stream_state_0.safetensors").exists(), "the step is inside an epoch"
    words = ["--output_dir", str(tmp_path / "on"), "--resume_from_checkpoint", str(checkpoint)]
    run = prepare_run(read_settings([str(recipe), *words]), ["lmcourse", "train"])
    run.train()
    resumed = run.trainer.model.state_dict()
    assert all(torch.equal(resumed[name], tensor) for name, tensor in finished.items())

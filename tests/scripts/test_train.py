"""A training script killed and resumed, and in several processes of `accelerate launch`."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from safetensors.torch import load_file

from ..ports import free_port

REPOSITORY = Path(__file__).parents[2]
COMMAND_SETTINGS = """
model: {model_type: lmcourse_lstm, hidden_size: 16, output_dropout: 0.3}
data: {tokenizer: character, block_length: 16, random_offset: true}
training:
  num_train_epochs: 3
  learning_rate: 1e-2
  save_strategy: steps
  save_steps: 10
  eval_strategy: steps
  eval_steps: 10
  logging_steps: 10
  sample_length: 0
  use_cpu: true
"""


def command(tmp_path: Path, *words: str, processes: int = 1, streams: int = 4) -> list[str]:
    config = tmp_path / "tiny.yaml"
    config.write_text(COMMAND_SETTINGS, encoding="utf-8")
    text = tmp_path / "text.txt"
    text.write_text("".join(f"line {i * i} of the text\n" for i in range(200)), encoding="utf-8")
    launch = ["-m", "accelerate.commands.launch", "--cpu", "--num_processes", str(processes)]
    launch += ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]
    launch += ["--main_process_port", str(free_port())]  # not that of other tests at this time
    script = str(REPOSITORY / "scripts" / "train.py")
    start = [sys.executable, *(launch if processes > 1 else []), script]
    sizes = ["--per_device_train_batch_size", str(streams)]
    sizes += ["--per_device_eval_batch_size", str(streams)]
    data = ["--corpus", str(text), "--cache_dir", str(tmp_path / "cache")]
    return [*start, str(config), *data, *sizes, *words]


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}


def run_command(*args: Any, **kwargs: Any) -> None:
    done = subprocess.run(
        command(*args, **kwargs), env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.slow
def test_a_run_killed_and_resumed_ends_with_the_same_weights(tmp_path: Path) -> None:
    run_command(tmp_path, "--output_dir", str(tmp_path / "whole"))
    killed = tmp_path / "killed"
    process = subprocess.Popen(
        command(tmp_path, "--output_dir", str(killed)), env=environment(), stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while not list(killed.glob("checkpoints/checkpoint-*/trainer_state.json")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (killed / "model.safetensors").exists()
    run_command(tmp_path, "--output_dir", str(killed), "--resume_from_checkpoint")
    whole = (tmp_path / "whole" / "model.safetensors").read_bytes()
    assert (killed / "model.safetensors").read_bytes() == whole


@pytest.mark.slow
def test_two_processes_equal_one_with_the_same_streams(tmp_path: Path) -> None:
    settings = ["--output_dropout", "0", "--random_offset", "false", "--seed", "1"]
    run_command(tmp_path, *settings, "--output_dir", str(tmp_path / "one"), streams=4)
    run_command(tmp_path, *settings, "--output_dir", str(tmp_path / "two"), streams=2, processes=2)
    one, two = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    for name in one:
        torch.testing.assert_close(two[name], one[name], rtol=1e-3, atol=1e-4)
    histories = []
    for name in ("one", "two"):
        checkpoints = (tmp_path / name / "checkpoints").glob("checkpoint-*")
        last = max(checkpoints, key=lambda path: int(path.name.split("-")[1]))
        states = json.loads((last / "trainer_state.json").read_text(encoding="utf-8"))
        histories.append([entry["loss"] for entry in states["log_history"] if "loss" in entry])
    assert histories[0] == pytest.approx(histories[1], rel=1e-3)
    results = [
        json.loads((tmp_path / name / "result.json").read_text(encoding="utf-8"))["metrics"]
        for name in ("one", "two")
    ]
    for key, value in results[0]["validation"].items():
        assert results[1]["validation"][key] == pytest.approx(value, rel=1e-3), key


@pytest.mark.slow
@pytest.mark.parametrize("processes", [2, 3])
def test_several_processes_go_on_inside_an_epoch_to_the_same_weights(
    processes: int, tmp_path: Path
) -> None:
    whole, on = tmp_path / "whole", tmp_path / "on"
    settings = ["--max_steps", "15", "--eval_strategy", "no", "--load_best_model_at_end", "false"]
    run_command(tmp_path, *settings, "--output_dir", str(whole), streams=2, processes=processes)
    checkpoint = whole / "checkpoints" / "checkpoint-10"
    for rank in range(processes):
        assert (checkpoint / f"stream_state_{rank}.safetensors").exists()
    words = ["--output_dir", str(on), "--resume_from_checkpoint", str(checkpoint)]
    run_command(tmp_path, *settings, *words, streams=2, processes=processes)
    assert (on / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_launcher_that_is_stopped_leaves_no_process_behind(number: int, tmp_path: Path) -> None:
    settings = ["--max_steps", "15", "--eval_strategy", "no", "--load_best_model_at_end", "false"]
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    run_command(tmp_path, *settings, "--output_dir", str(whole), streams=2, processes=2)
    words = [*settings, "--output_dir", str(stopped)]
    launcher = subprocess.Popen(
        command(tmp_path, *words, streams=2, processes=2),
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while not list(stopped.glob("checkpoints/checkpoint-*/trainer_state.json")):
        assert launcher.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    others = psutil.Process(launcher.pid).children(recursive=True)
    launcher.send_signal(number)
    launcher.wait()
    assert psutil.wait_procs(others, timeout=60)[1] == []
    run_command(tmp_path, *words, "--resume_from_checkpoint", streams=2, processes=2)
    assert (stopped / "model.safetensors").read_bytes() == (
        whole / "model.safetensors"
    ).read_bytes()

"""Several processes on streamed shards have the weights of the local run, stopped anywhere."""

import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from .test_several_processes import Stop, assert_resumed, results

SETTINGS = """\
model: {{model_type: lmcourse_lstm, embedding_size: 6, hidden_size: 8}}
data: {{corpus: {shards}, block_length: 8, cache_dir: {cache}}}
training:
  learning_rate: 1e-2
  max_steps: 14
  save_strategy: steps
  save_steps: 4
  eval_strategy: steps
  eval_steps: 4
  sample_length: 0
  use_cpu: true
"""
ROWS = 4


def recipe(folder: Path) -> str:
    """Settings of 9 steps per epoch; the shards have from one to forty lines."""
    lines, shards = [f"{n * n} of the text\n" for n in range(48)], folder / "shards"
    shards.mkdir()
    for number, (start, stop) in enumerate(((0, 40), (40, 41), (41, 41), (41, 48))):
        (shards / f"train-{number}.txt").write_text("".join(lines[start:stop]))
    (shards / "validation.txt").write_text("".join(lines[:9]))
    path = folder / "run.yaml"
    path.write_text(SETTINGS.format(shards=shards, cache=folder / "cache"))
    return str(path)


def job(folder: Path, path: str, size: int, name: str, *more: str) -> dict[str, Any]:
    rows = str(ROWS // size)
    batches = ["--per_device_train_batch_size", rows, "--per_device_eval_batch_size", rows]
    place = ["--output_dir", str(folder / "lstm" / name)]
    return {"size": size, "words": [path, *batches, *place, *more]}


STOPS: list[Stop] = [
    (signal.SIGKILL, [1], "step 6"),
    (signal.SIGKILL, [0, 1], "step 13"),
    (signal.SIGTERM, [1], "step 10"),
]


@pytest.mark.slow
def test_processes_train_on_shards_as_one_on_the_text_and_resume_bit_for_bit(
    tmp_path: Path,
) -> None:
    path, streamed = recipe(tmp_path), ["--streaming", "--output_dropout", "0.3"]
    jobs = [job(tmp_path, path, 2, "whole", *streamed)]
    for number, (sent, ranks, at) in enumerate(STOPS):
        stop = {"ranks": ranks, "at": at, "signal": sent}
        jobs.append(job(tmp_path, path, 2, str(number), *streamed) | {"stop": stop})
        resume = ["--resume_from_checkpoint"]
        jobs.append(job(tmp_path, path, 2, str(number), *streamed, *resume))
    jobs += [job(tmp_path, path, 1, "local"), job(tmp_path, path, 4, "four", "--streaming")]
    found = results(jobs)
    assert_resumed(tmp_path, "lstm", STOPS, found[:-2])
    assert [result["statuses"] for result in found[-2:]] == [[0], [0] * 4]
    local = load_file(tmp_path / "lstm" / "local" / "model.safetensors")
    for name, tensor in load_file(tmp_path / "lstm" / "four" / "model.safetensors").items():
        torch.testing.assert_close(tensor, local[name], rtol=1e-4, atol=1e-6)

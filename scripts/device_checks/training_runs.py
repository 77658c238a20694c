"""Training runs on a device, each a process of its own as a user starts it."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

__all__ = ["processes", "tiny_shakespeare", "wikitext2"]

_ROOT = Path(__file__).parents[2]
_TINY = ["--hidden_size", "8", "--max_steps", "2", "--per_device_train_batch_size", "2"]
_TINY += ["--per_device_eval_batch_size", "2", "--sample_length", "0"]


def processes(device: torch.device, quick: bool = False) -> Iterator[dict[str, Any]]:
    """The same steps by one process, and by two that share the device.

    Yields:
        A row for each: `name`, the seconds of training and the metrics on validation.
    """
    for number in (1, 2):
        rows = str(64 // number)
        words = ["configs/quickstart.yaml", "--max_steps", "200", "--save_strategy", "no"]
        words += ["--eval_strategy", "no", "--no_load_best_model_at_end"]
        words += ["--per_device_train_batch_size", rows, "--per_device_eval_batch_size", rows]
        if number > 1:
            words += ["--ddp_backend", "gloo"]  # NCCL takes one process a card
        words += [*_TINY[:4], "--sample_length", "0"] if quick else []
        yield _run(f"quickstart, {number} processes", words, device, number)


def wikitext2(device: torch.device, quick: bool = False) -> Iterator[dict[str, Any]]:
    """A layer of 650 units on WikiText-2 for five minutes; needs the corpus."""
    if not quick and not os.environ.get("LMCOURSE_DATA"):
        return
    words = ["configs/lstm_wikitext2.yaml", "--hidden_size", "650", "--embedding_size", "650"]
    words += ["--num_hidden_layers", "1", "--max_training_seconds", "300"]
    if quick:
        words = ["configs/quickstart.yaml", *_TINY]
    yield _run("one layer of 650 units on WikiText-2, five minutes", words, device)


def tiny_shakespeare(device: torch.device, quick: bool = False) -> Iterator[dict[str, Any]]:
    """Tiny Shakespeare at nanoGPT's recipe for a GPU; needs the corpus."""
    if not quick and not os.environ.get("LMCOURSE_DATA"):
        return
    words = ["configs/transformer_tiny_shakespeare.yaml", "--bf16"]
    if quick:
        words = ["configs/quickstart.yaml", *_TINY]
    yield _run("Transformer on tiny Shakespeare, nanoGPT's recipe", words, device)


def _run(name: str, words: list[str], device: torch.device, number: int = 1) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        if device.type == "cpu":
            words = [*words, "--use_cpu"]
        launch = ["-m", "torch.distributed.run", "--nproc-per-node", str(number)]
        command = [sys.executable, *(launch if number > 1 else []), "-m", "hf_lmcourse.cli.main"]
        done = subprocess.run(
            [*command, "train", *words, "--output_dir", folder, "--disable_tqdm"],
            cwd=_ROOT,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            return {"name": name, "ok": False, "error": done.stderr.strip()[-1000:]}
        result = json.loads(Path(folder, "result.json").read_text(encoding="utf-8"))
    kept = ("metrics", "wall_time_seconds", "epochs", "parameters")
    return {"name": name, "ok": True, **{key: result[key] for key in kept}}

"""The command line called in process, and the tiny run that its tests share."""

import contextlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hf_lmcourse.cli.main import main

SETTINGS = """\
# A tiny run.
model:
  model_type: lmcourse_lstm
  hidden_size: 8
data:
  corpus: {corpus}
  block_length: 16
training:
  num_train_epochs: 2
  per_device_train_batch_size: 4
  per_device_eval_batch_size: 2
  learning_rate: 2e-3
  lr_scheduler_type: constant
  logging_steps: 5
  sample_length: 10
"""


@dataclass(frozen=True)
class Outcome:
    """What a command leaves on the terminal."""

    status: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """What a command prints that refuses its input: one line, and nothing of Python's."""
        assert self.status == 2, self
        assert "Traceback" not in self.out + self.err
        line = self.err.split("\r")[-1].strip()
        assert len(line.splitlines()) == 1, line
        return line


@dataclass(frozen=True)
class FinishedRun:
    """A run, and the files that it was made from."""

    yaml: Path
    corpus: Path
    folder: Path
    outcome: Outcome


def lmcourse(*words: object) -> Outcome:
    """`lmcourse` with these words."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main([str(word) for word in words])
        except SystemExit as stopped:  # argparse leaves this way
            status = int(stopped.code or 0)
    return Outcome(status, out.getvalue(), err.getvalue())


def write_corpus(path: Path, lines: int = 60) -> Path:
    """A small text with something to learn in it."""
    path.write_text("".join(f"line {n} says {'so ' * (n % 3)}what\n" for n in range(lines)))
    return path


def write_yaml(path: Path, corpus: Path | str, changes: Sequence[tuple[str, str]] = ()) -> Path:
    """The settings of the tiny run, with words replaced."""
    text = SETTINGS.format(corpus=corpus)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    return path


def train_tiny(
    place: Path, changes: Sequence[tuple[str, str]] = (), results: bool = False
) -> FinishedRun:
    """Train the tiny run in a folder, with absolute paths everywhere."""
    corpus = write_corpus(place / "small.txt")
    yaml = write_yaml(place / "tiny.yaml", corpus, changes)
    folder = place / "runs" / "tiny"
    words = ("--results_dir", place / "results") if results else ()
    return FinishedRun(
        yaml, corpus, folder, lmcourse("train", yaml, "--output_dir", folder, *words)
    )


def result_of(folder: Path) -> dict[str, Any]:
    """The result file of a run folder."""
    return json.loads((folder / "result.json").read_text())


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path in it."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }

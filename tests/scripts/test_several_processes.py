"""Several processes: stopped anywhere they resume bit for bit, and they train as one does."""

import json
import os
import shutil
import signal
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

REPOSITORY = Path(__file__).parents[2]
WORLDS = Path(__file__).with_name("worlds.py")
FAMILIES = {
    "char_rnn": "embedding_size: 6, hidden_size: 8",
    "lstm": "embedding_size: 6, hidden_size: 8",
    "gru": "embedding_size: 6, hidden_size: 8",
    "ngram_fnn": "embedding_size: 6, hidden_size: 8, context_size: 3",
    "bigram_mlp": "embedding_size: 6, hidden_size: 8",
    "transformer": "hidden_size: 8, num_hidden_layers: 1, num_attention_heads: 2, "
    "max_position_embeddings: 8",
    "dan": "embedding_size: 6, hidden_size: 8, num_hidden_layers: 1, word_dropout: 0.0",
}
SETTINGS = """\
model: {{model_type: lmcourse_{family}, {model}}}
data: {{corpus: {corpus}, {data}cache_dir: {cache}}}
training:
  learning_rate: 1e-2
  save_strategy: steps
  save_steps: 4
  eval_strategy: steps
  eval_steps: 4
  num_train_epochs: 3
  max_steps: 14
  logging_steps: 2
  {sample}
  use_cpu: true
"""


def recipe(folder: Path, family: str) -> Path:
    """The settings of a tiny run with 12 rows per step: 7 steps in an epoch."""
    text = folder / "text.txt"
    text.write_text("".join(f"{n * n} of the text\n" for n in range(48)))
    dan = family == "dan"
    path = folder / f"{family}.yaml"
    path.write_text(
        SETTINGS.format(
            family=family,
            model=FAMILIES[family],
            corpus="toy_reviews" if dan else text,
            data="" if dan else "block_length: 8, ",
            cache=folder / "cache",
            sample="" if dan else "sample_length: 0",
        )
    )
    return path


def words(folder: Path, family: str, size: int, *others: str) -> list[str]:
    rows = str(12 // size)
    batches = ["--per_device_train_batch_size", rows, "--per_device_eval_batch_size", rows]
    return [str(recipe(folder, family)), *batches, *others]


def results(jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, str(WORLDS), json.dumps(jobs)],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert "hung" not in done.stdout, done.stderr[-3000:]
    return found


GRADIENTS = [
    *["--max_steps", "2", "--max_grad_norm", "0", "--eval_strategy", "no"],
    *["--save_strategy", "no", "--no_load_best_model_at_end"],
]
SETTINGS_OF_GRADIENTS = {
    "tied": ["lstm", "--output_layer", "tied", "--embedding_size", "8"],
    "adaptive": ["lstm", "--output_layer", "adaptive", "--adaptive_cutoffs", "9"],
    # of fewer words each process draws its own, as it reads its own targets
    "sampled": ["lstm", "--num_sampled", "20"],
    "mixture_of_softmaxes": ["lstm", "--num_softmaxes", "2"],
    "blocks_of_random_length": ["lstm", "--random_block_length", "--block_length", "10"],
    "random_offset": ["lstm", "--random_offset"],
    "accumulated": ["lstm", "--gradient_accumulation_steps", "2"],
    "averaged_weights": ["lstm", "--weight_averaging", "ema"],
    "label_smoothing": ["lstm", "--label_smoothing_factor", "0.1"],
    "bf16": ["lstm", "--bf16"],
    "sparse_gradients": ["dan", "--sparse_gradients", "--optim", "adagrad"],
    "sparse_rows": [
        *["lstm", "--num_sampled", "20", "--output_layer", "tied", "--embedding_size", "8"],
        *["--sparse_gradients", "--optim", "sgd"],
    ],
}
"""Of a family, what changes how its gradients are computed or added up."""

LONGER = {"lstm", "ngram_fnn", "transformer", "dan"}
"""A recurrent model, a window, a Transformer and a classifier, for the longer tests."""

Stop = tuple[int, list[int], str]
"""A signal, the ranks that send it to themselves, and where."""

KILLED = (signal.SIGKILL, [1], "step 6")


def stopped_and_resumed(folder: Path, family: str, stops: list[Stop]) -> list[dict[str, Any]]:
    """Jobs of a whole run of two processes, and of others that are stopped, and resumed."""
    dropout = {"lstm": "recurrent_dropout", "dan": "word_dropout", "transformer": "hidden_dropout"}
    others = [f"--{dropout.get(family, 'output_dropout')}", "0.3"]

    def job(name: str, *more: str) -> dict[str, Any]:
        place = ["--output_dir", str(folder / family / name)]
        return {"size": 2, "words": words(folder, family, 2, *others, *place, *more)}

    jobs = [job("whole")]
    for number, (sent, ranks, at) in enumerate(stops):
        jobs.append(job(str(number)) | {"stop": {"ranks": ranks, "at": at, "signal": sent}})
        jobs.append(job(str(number), "--resume_from_checkpoint"))
    return jobs


def assert_resumed(
    folder: Path, family: str, stops: list[Stop], found: list[dict[str, Any]]
) -> None:
    """Check that all processes ended after a stop, and the resumed run has the same weights."""
    assert found[0]["statuses"] == [0, 0]
    whole = (folder / family / "whole" / "model.safetensors").read_bytes()
    for number, (sent, ranks, at) in enumerate(stops):
        stopped, resumed = found[1 + 2 * number : 3 + 2 * number]
        for rank, status in enumerate(stopped["statuses"]):
            killed = sent == signal.SIGKILL and rank in ranks
            # 130 for a signal that all processes know of, 2 with a sentence for a lost process
            left = 130 if sent == signal.SIGTERM else 2
            assert status == (-sent if killed else left), (at, stopped)
        assert resumed["statuses"] == [0, 0], at
        assert (folder / family / str(number) / "model.safetensors").read_bytes() == whole, at


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((2,), id="two processes"),
        pytest.param((3, 4), id="more", marks=pytest.mark.slow),
    ],
)
def trained(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, tuple[int, ...]]:
    """The gradients of every family in one process and in several, and their numbers."""
    sizes = request.param
    folder = tmp_path_factory.mktemp("worlds")
    jobs = [
        {
            "size": size,
            "gradients": str(folder),
            "families": {
                **{name: words(folder, name, size, *GRADIENTS) for name in FAMILIES},
                **{
                    name: words(folder, family, size, *GRADIENTS, *others)
                    for name, (family, *others) in SETTINGS_OF_GRADIENTS.items()
                },
            },
        }
        for size in (1, *sizes)
    ]
    found = results(jobs)
    assert [result["statuses"] for result in found] == [[0] * size for size in (1, *sizes)]
    return folder, sizes


def test_gradients_of_several_processes_are_those_of_one(
    trained: tuple[Path, tuple[int, ...]],
) -> None:
    """All families in one test: of several, each process that runs tests would train them all."""
    folder, sizes = trained
    for name, size in product([*FAMILIES, *SETTINGS_OF_GRADIENTS], sizes):
        one, several = (load_file(folder / f"{name}-{count}.safetensors") for count in (1, size))
        assert any(gradient.abs().max() > 1e-3 for gradient in one.values()), name
        assert several.keys() == one.keys(), name
        for parameter, gradient in one.items():
            # bf16 rounds to 8 bits, in each process what it adds up itself
            close = 2**-6 if name == "bf16" else 1e-5
            close *= gradient.abs().max().item()
            torch.testing.assert_close(
                several[parameter],
                gradient,
                rtol=1e-4,
                atol=close,
                msg=lambda found, where=f"{name}, {parameter}": f"{where}: {found}",
            )


@pytest.mark.slow
def test_a_process_that_is_killed_ends_the_other_and_the_run_resumes_bit_for_bit(
    tmp_path: Path,
) -> None:
    found = results(stopped_and_resumed(tmp_path, "lstm", [KILLED]))
    assert_resumed(tmp_path, "lstm", [KILLED], found)


EVERYWHERE: list[Stop] = [
    *((signal.SIGTERM, [rank], "step 6") for rank in (0, 1)),
    *((signal.SIGKILL, ranks, f"step {step}") for ranks in ([0], [0, 1]) for step in (5, 10)),
    *(
        (signal.SIGKILL, ranks, f"{place} 2")
        for ranks, place in product(([0], [1], [0, 1]), ("before_weights", "before_random_state"))
    ),
    (signal.SIGKILL, [0], "before_record 2"),
]


@pytest.mark.slow
@pytest.mark.parametrize("family", sorted(LONGER))
def test_two_processes_stopped_anywhere_resume_bit_for_bit(family: str, tmp_path: Path) -> None:
    found = results(stopped_and_resumed(tmp_path, family, EVERYWHERE))
    assert_resumed(tmp_path, family, EVERYWHERE, found)


def merged(checkpoint: Path, folder: Path) -> Path:
    """The checkpoint as one process with all streams would have written it."""
    shutil.copytree(checkpoint, folder)
    state, about = folder / "stream_state_0.safetensors", folder / "stream_state_0.json"
    parts = [load_file(folder / f"stream_state_{process}.safetensors") for process in (0, 1)]
    save_file({name: torch.cat([part[name] for part in parts]) for name in parts[0]}, state)
    about.write_text(about.read_text().replace('"processes": 2', '"processes": 1'))
    (folder / "rng_state_0.pth").rename(folder / "rng_state.pth")
    for name in ("checkpoint.json", "stream_state_1.safetensors", "stream_state_1.json"):
        (folder / name).unlink()
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("family", ["lstm", "transformer"])
def test_another_number_of_processes_goes_on_with_the_streams_of_all(
    family: str, tmp_path: Path
) -> None:
    def job(size: int, name: str, *more: str) -> dict[str, Any]:
        place = ["--output_dir", str(tmp_path / name), "--no_load_best_model_at_end"]
        return {"size": size, "words": words(tmp_path, family, size, *place, *more)}

    assert results([job(2, "whole")])[0]["statuses"] == [0, 0]
    checkpoint = tmp_path / "whole" / "checkpoints" / "checkpoint-12"  # inside an epoch
    resume = "--resume_from_checkpoint"
    jobs = [job(size, f"as {size}", resume, str(checkpoint)) for size in (1, 3, 4)]
    if family == "lstm":
        jobs.append(job(1, "merged", resume, str(merged(checkpoint, tmp_path / "checkpoint-12"))))
    found = results(jobs)
    assert [status for result in found for status in result["statuses"]] == [0] * (
        8 + len(jobs[3:])
    )
    whole = load_file(tmp_path / "whole" / "model.safetensors")
    for size in (1, 3, 4):
        for name, tensor in load_file(tmp_path / f"as {size}" / "model.safetensors").items():
            torch.testing.assert_close(tensor, whole[name], rtol=1e-4, atol=1e-6)
    if family == "lstm":
        weights = [(tmp_path / n / "model.safetensors").read_bytes() for n in ("as 1", "merged")]
        assert weights[0] == weights[1]

"""What a whole run of `lmcourse train` prints and leaves in its folder."""

import io
import json
import math
import re
import shlex
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer, pipeline

from hf_lmcourse import LSTMForCausalLM
from hf_lmcourse.cli.main import main
from hf_lmcourse.report.results import RunResult

from .commands import FinishedRun, files_of, result_of

FILES = {
    "README.md",
    "checkpoints",
    "command.txt",
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "plots",
    "result.json",
    "samples.txt",
    "tokenizer.json",
    "tokenizer_config.json",
    "training_text.json",
}
PICKLES = (".bin", ".pt", ".pth", ".pkl")


def test_it_succeeds(finished: FinishedRun) -> None:
    assert finished.outcome.status == 0, finished.outcome.err


def test_the_folder_holds_a_model_repository(finished: FinishedRun) -> None:
    assert {path.name for path in finished.folder.iterdir()} == FILES
    assert [path.name for path in (finished.folder / "plots").iterdir()] == ["learning_curve.png"]
    assert all(path.stat().st_size for path in finished.folder.rglob("*") if path.is_file())


def test_nothing_next_to_the_checkpoints_is_a_pickle(finished: FinishedRun) -> None:
    outside = [name for name in files_of(finished.folder) if "checkpoint" not in name]
    assert not [name for name in outside if name.endswith(PICKLES)]


def test_weights_of_checkpoints_are_safetensors(finished: FinishedRun) -> None:
    checkpoints = list((finished.folder / "checkpoints").iterdir())
    assert len(checkpoints) == 2
    assert all((path / "model.safetensors").exists() for path in checkpoints)


def test_the_result_says_everything(finished: FinishedRun) -> None:
    result = result_of(finished.folder)
    assert result["name"] == "tiny"
    assert result["model_type"] == "lmcourse_lstm"
    assert result["corpus"] == "small"
    assert result["config"].endswith("tiny.yaml")
    assert result["command"].startswith("lmcourse train ")
    model = LSTMForCausalLM.from_pretrained(finished.folder)
    assert result["parameters"] == model.num_parameters()
    assert (result["seed"], result["epochs"], result["threads"] >= 1) == (42, 2.0, True)
    assert result["wall_time_seconds"] > 0
    assert result["device"]
    assert {"python", "torch", "transformers"} <= result["versions"].keys()
    assert result["commit"] is None or re.match(r"[0-9a-f]{7,}", result["commit"])
    assert RunResult.load(finished.folder / "result.json").name == "tiny"


def test_the_metrics_agree_with_each_other(finished: FinishedRun) -> None:
    splits = result_of(finished.folder)["metrics"]
    assert splits.keys() == {"validation"}
    metrics = splits["validation"]
    assert metrics["perplexity"] == pytest.approx(math.exp(metrics["nats_per_token"]))
    bits = metrics["nats_per_token"] / math.log(2)
    for unit in ("bits_per_token", "bits_per_character", "bits_per_byte"):
        assert metrics[unit] == pytest.approx(bits)  # tokens are ASCII characters here
    assert 0 <= metrics["accuracy"] <= 1
    assert metrics["unknown_share"] == 0
    text = finished.corpus.read_text().splitlines(keepends=True)
    assert metrics["tokens"] == len("".join(text[54:]))  # the last tenth of sixty lines


def test_the_folder_of_results_gets_the_same_files(finished: FinishedRun) -> None:
    results = finished.yaml.parent / "results"
    plot = finished.folder / "plots" / "learning_curve.png"
    assert (results / "tiny.json").read_bytes() == (finished.folder / "result.json").read_bytes()
    shared = results / "plots" / "tiny_learning_curve.png"
    assert shared.read_bytes() == plot.read_bytes()


def test_the_command_is_kept(finished: FinishedRun) -> None:
    words = shlex.split((finished.folder / "command.txt").read_text())
    assert words[:3] == ["lmcourse", "train", str(finished.yaml)]


def test_nothing_to_be_shared_holds_an_absolute_path(finished: FinishedRun) -> None:
    for name in FILES - {"checkpoints", "plots", "command.txt", "model.safetensors"}:
        text = (finished.folder / name).read_text()
        assert str(finished.yaml.parent) not in text, name
        assert str(Path.home()) not in text, name


def test_the_card_says_what_the_reader_asks(finished: FinishedRun) -> None:
    card = (finished.folder / "README.md").read_text()
    for needed in (
        "pipeline_tag: text-generation",
        "# LSTM on small",
        "c_t = f * c_{t-1} + i * g",
        "![Learning curve of tiny](plots/learning_curve.png)",
        "AutoModelForCausalLM.from_pretrained",
        "lmcourse train path/to/tiny.yaml",
        "# A tiny run.",
        "| `learning_rate` | 0.002 |",
    ):
        assert needed in card
    equation = card.partition("\n## Results")[0]
    assert "Reference" not in equation and "(batch" not in equation
    assert "output_dir" not in card.partition("**Settings.**")[2]


def test_there_is_a_sample_for_each_evaluation_and_a_last_one(finished: FinishedRun) -> None:
    samples = (finished.folder / "samples.txt").read_text()
    assert re.findall(r"^--- (\w+)", samples, re.MULTILINE) == ["step", "step", "final"]


def test_the_terminal_shows_what_is_going_on(finished: FinishedRun) -> None:
    out = finished.outcome.out
    lines = out.splitlines()
    assert re.match(r"LSTMForCausalLM with [\d,]+ parameters and \d+ tokens on small", lines[0])
    assert lines[1] == f"run folder: {finished.folder}"
    assert len(re.findall(r"^epoch .* validation ", out, re.MULTILINE)) == 2
    assert re.search(r"^epoch .* training ", out, re.MULTILINE)
    for needed in ("unigram counts", "bigram counts", "trigram counts", "this model", "A sample"):
        assert needed in out
    assert f"lmcourse generate {finished.folder}" in out
    perplexity = result_of(finished.folder)["metrics"]["validation"]["perplexity"]
    assert f"{perplexity:.4f}" in out


def test_no_progress_bar_where_there_is_no_terminal(finished: FinishedRun) -> None:
    assert "\n" not in finished.outcome.err


def test_the_model_loads_through_transformers_alone(finished: FinishedRun) -> None:
    model = AutoModelForCausalLM.from_pretrained(finished.folder)
    tokenizer = AutoTokenizer.from_pretrained(finished.folder)
    assert model.config.use_cache
    assert model.config.vocab_size == len(tokenizer)
    generate = pipeline("text-generation", model=model, tokenizer=tokenizer)
    assert generate("line ", max_new_tokens=4)[0]["generated_text"].startswith("line ")


def test_it_ends_with_the_best_checkpoint(finished: FinishedRun) -> None:
    state = max((finished.folder / "checkpoints").glob("*/trainer_state.json"))
    best = Path(json.loads(state.read_text())["best_model_checkpoint"]).name
    kept = load_file(finished.folder / "checkpoints" / best / "model.safetensors")
    saved = load_file(finished.folder / "model.safetensors")
    assert all((saved[name] == kept[name]).all() for name in kept)


@pytest.mark.filterwarnings("ignore:Glyph")
def test_a_run_in_a_terminal_that_lacks_characters_ends_as_any_other(
    finished: FinishedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = tmp_path / "\u4eca.txt"
    corpus.write_text(finished.corpus.read_text(encoding="utf-8"), encoding="utf-8")
    words = [finished.yaml, "--corpus", corpus, "--output_dir", tmp_path / "run", "--max_steps", 4]
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="ascii") for _ in range(2))
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        status = main(["train", *map(str, words)])
    printed, complained = (stream.buffer.getvalue().decode("ascii") for stream in (out, err))
    assert status == 0, complained
    assert "\\u4eca" in printed and "Traceback" not in complained


def test_a_saved_model_generates_without_a_prompt_from_the_start_of_a_line(
    finished: FinishedRun,
) -> None:
    model = AutoModelForCausalLM.from_pretrained(finished.folder)
    tokenizer = AutoTokenizer.from_pretrained(finished.folder)
    settings = {"max_new_tokens": 4, "do_sample": False}
    line_break = tokenizer("\n", return_tensors="pt")["input_ids"]
    without = model.generate(**settings)
    assert without.tolist() == model.generate(line_break, **settings).tolist()
    generator = pipeline("text-generation", model=str(finished.folder))
    (answer,) = generator("", **settings)
    assert answer["generated_text"] == tokenizer.decode(without[0], skip_special_tokens=True)

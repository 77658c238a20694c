"""`lmcourse train`: stopped, resumed, diverged, and given all kinds of wrong input."""

import json
import os
import re
import shlex
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from hf_lmcourse.cli.train import _resume_hint
from hf_lmcourse.training.callbacks import WallTime

from .commands import (
    FinishedRun,
    Outcome,
    files_of,
    lmcourse,
    result_of,
    write_corpus,
    write_yaml,
)


def short(finished: FinishedRun, folder: Path, *words: str | Path) -> Outcome:
    """The tiny run, cut to two steps."""
    return lmcourse(
        "train", finished.yaml, "--output_dir", folder, "--max_steps", "2", *map(str, words)
    )


def test_a_second_run_goes_to_a_new_folder(finished: FinishedRun) -> None:
    before = files_of(finished.folder)
    outcome = short(finished, finished.folder)
    assert outcome.status == 0
    assert files_of(finished.folder) == before
    assert (finished.folder.with_name("tiny-2") / "result.json").exists()


def test_the_command_line_wins_over_the_file(finished: FinishedRun, tmp_path: Path) -> None:
    words = ("--model_type", "lmcourse_gru", "--hidden_size", "5", "--seed", "3")
    assert short(finished, tmp_path / "run", *words).status == 0
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert (config["model_type"], config["hidden_size"]) == ("lmcourse_gru", 5)
    assert result_of(tmp_path / "run")["seed"] == 3


def test_a_run_too_short_for_a_curve_has_a_card_without_one(
    finished: FinishedRun, tmp_path: Path
) -> None:
    words = ("--eval_strategy", "no", "--save_strategy", "no")
    outcome = short(finished, tmp_path / "run", *words)
    assert outcome.status == 0, outcome.err
    assert "learning_curve" not in (tmp_path / "run" / "README.md").read_text()


def test_the_length_of_the_samples_is_also_that_of_the_last_one(
    finished: FinishedRun, tmp_path: Path
) -> None:
    for length in (0, 7):
        folder = tmp_path / str(length)
        outcome = short(finished, folder, "--sample_length", str(length), "--save_strategy", "no")
        assert outcome.status == 0, outcome.err
        card, file = (folder / "README.md").read_text(), folder / "samples.txt"
        assert ("## A sample" in card) == ("A sample" in outcome.out) == file.exists()
        assert file.exists() == (length > 0)
    sample = file.read_text().partition("--- final\n")[2].removesuffix("\n")
    assert len(sample) == len("\n") + 7, "the prompt and as many characters"


def test_a_run_names_both_scores_of_its_validation_text(
    finished: FinishedRun, tmp_path: Path
) -> None:
    out, card = finished.outcome.out, (finished.folder / "README.md").read_text()
    assert out.count("validation in 2 streams  ") == 2
    for text in (out, card):
        assert "Scored as one stream; the evaluations in training used 2" in text
    outcome = short(finished, tmp_path / "run", "--per_device_eval_batch_size", "1")
    assert "streams" not in outcome.out
    (nats,) = re.findall(r"validation  ([\d.]+) nats", outcome.out)
    metrics = result_of(tmp_path / "run")["metrics"]["validation"]
    assert f"{metrics['nats_per_token']:.4f}" == nats, "one score, since there is one stream"


def test_scores_of_a_text_with_unknown_words_have_an_asterisk(
    finished: FinishedRun, tmp_path: Path
) -> None:
    words = ("--tokenizer", "word", "--max_vocabulary", "9")
    outcome = short(finished, tmp_path / "run", *words)
    assert re.search(r"^  this model .*\d\*$", outcome.out, re.MULTILINE)
    assert re.search(r"validation in 2 streams .*\d\* bits per character", outcome.out)
    assert re.search(r"^  unigram counts .*\d\*$", outcome.out, re.MULTILINE)
    assert "* without the spelling of unknown tokens" in outcome.out
    assert "*" not in finished.outcome.out
    scored = lmcourse("evaluate", tmp_path / "run", "--data", finished.corpus)
    assert re.search(r"^  bits_per_character +[\d.]+\*$", scored.out, re.MULTILINE)
    assert "* without the spelling of unknown tokens" in scored.out


def test_a_warm_up_that_never_ends_is_warned_of_before_the_training(
    finished: FinishedRun, tmp_path: Path
) -> None:
    words = ("--lr_scheduler_type", "linear", "--warmup_steps", "50", "--logging_steps", "1")
    lines = short(finished, tmp_path / "run", *words).out.splitlines()
    (place,) = (i for i, line in enumerate(lines) if line.startswith("warning: "))
    assert "50 steps" in lines[place]
    assert place < next(i for i, line in enumerate(lines) if line.startswith("epoch"))


def test_a_test_split_is_scored_at_the_end(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for split, lines in (("train", 40), ("validation", 10), ("test", 12)):
        write_corpus(corpus / f"{split}.txt", lines)
    yaml = write_yaml(tmp_path / "split.yaml", corpus, [("epochs: 2", "epochs: 1")])
    outcome = lmcourse("train", yaml, "--output_dir", tmp_path / "run", "--tokenizer", "word")
    assert outcome.status == 0, outcome.err
    metrics = result_of(tmp_path / "run")["metrics"]
    assert metrics.keys() == {"validation", "test"}
    assert "this model (test)" in outcome.out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_continues_to_the_same_end(
    number: int, finished: FinishedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(callback: WallTime, args: Any, state: Any, *_: Any, **__: Any) -> None:
        if state.global_step == 20:  # in the second epoch
            os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    with monkeypatch.context() as patch:
        patch.setattr(WallTime, "on_step_begin", stop)
        stopped = lmcourse("train", finished.yaml, "--output_dir", tmp_path / "a run")
    assert stopped.status == 130
    assert signal.getsignal(number) is before
    folder = tmp_path / "a run"
    assert (folder / "checkpoints" / "checkpoint-21").is_dir()
    assert not (folder / "result.json").exists()

    hint = stopped.out.splitlines()[-1]
    words = shlex.split(hint)[1:]
    resumed = lmcourse(*words)
    assert resumed.status == 0, resumed.err
    assert result_of(folder)["metrics"] == result_of(finished.folder)["metrics"]
    assert len((folder / "command.txt").read_text().splitlines()) == 2
    assert (folder / "model.safetensors").read_bytes() == (
        finished.folder / "model.safetensors"
    ).read_bytes()


def test_a_finished_run_can_be_finished_again_and_names_the_command_once(
    finished: FinishedRun, run_copy: Path
) -> None:
    words = ("--output_dir", run_copy, "--resume_from_checkpoint")
    for _ in range(2):
        outcome = lmcourse("train", finished.yaml, *words)
        assert outcome.status == 0, outcome.err
    again, once = result_of(run_copy), result_of(finished.folder)
    assert again["metrics"] == once["metrics"]
    first, *resumed = again["command"].split(" && ")
    assert first == once["command"]
    assert len(resumed) == 1


def test_a_loss_that_is_not_a_number_stops_and_keeps_the_last_good_checkpoint(
    finished: FinishedRun, tmp_path: Path
) -> None:
    explode = "--lr_scheduler_type step --step_decay_every 20 --step_decay_factor 5e40"
    words = ("--output_dir", tmp_path / "run", "--max_grad_norm", "0", *explode.split())
    before = signal.getsignal(signal.SIGINT)
    outcome = lmcourse("train", finished.yaml, *words)
    match = re.search(
        r"the loss became (?:nan|inf) at step (\d+) .*learning_rate.*; (checkpoint-\d+) is kept",
        outcome.complaint,
    )
    assert match is not None, outcome.complaint
    assert int(match[1]) > 20
    kept = load_file(tmp_path / "run" / "checkpoints" / match[2] / "model.safetensors")
    assert all(weights.isfinite().all() for weights in kept.values())
    assert signal.getsignal(signal.SIGINT) is before
    assert lmcourse("generate", tmp_path / "run" / "checkpoints" / match[2]).status == 0


DAMAGES = {
    "truncated": "are damaged or missing",
    "corrupt": "are damaged or missing",
    "missing": "are damaged or missing",
    "another size": "are not of this architecture",
    "another layer": "are not of this architecture",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_checkpoint_that_does_not_fit_is_refused_and_left_as_it_is(
    damage: str, finished: FinishedRun, run_copy: Path
) -> None:
    for checkpoint in (run_copy / "checkpoints").iterdir():
        weights = checkpoint / "model.safetensors"
        if damage == "truncated":
            weights.write_bytes(weights.read_bytes()[:-100])
        elif damage == "corrupt":
            weights.write_bytes(b"\xff" * 1000)
        elif damage == "missing":
            weights.unlink()
        else:
            tensors = load_file(weights)
            if damage == "another layer":
                tensors["model.layers.1.input_projection.weight"] = tensors["lm_head.bias"].clone()
            else:
                tensors["lm_head.bias"] = tensors["lm_head.bias"][1:].clone()
            save_file(tensors, weights, metadata={"format": "pt"})
    before = files_of(run_copy)
    words = ("--output_dir", run_copy, "--resume_from_checkpoint")
    outcome = lmcourse("train", finished.yaml, *words)
    assert DAMAGES[damage] in outcome.complaint
    assert files_of(run_copy) == before


def test_a_checkpoint_of_another_run_is_refused(finished: FinishedRun, run_copy: Path) -> None:
    other = max((finished.folder / "checkpoints").iterdir())
    before = files_of(run_copy)
    words = ("--output_dir", run_copy, "--resume_from_checkpoint", other)
    outcome = lmcourse("train", finished.yaml, *words)
    assert f"is not of the run in {run_copy}: name its own folder" in outcome.complaint
    assert files_of(run_copy) == before


def test_a_checkpoint_of_another_family_is_refused(finished: FinishedRun, run_copy: Path) -> None:
    before = files_of(run_copy)
    words = ("--output_dir", run_copy, "--resume_from_checkpoint", "--model_type", "lmcourse_gru")
    outcome = lmcourse("train", finished.yaml, *words)
    assert "(a model of lmcourse_lstm) are not of this architecture" in outcome.complaint
    assert files_of(run_copy) == before


def test_the_newest_whole_checkpoint_is_resumed(finished: FinishedRun, run_copy: Path) -> None:
    newest = max((run_copy / "checkpoints").iterdir(), key=lambda path: int(path.name[11:]))
    (newest / "trainer_state.json").unlink()
    words = ("--output_dir", run_copy, "--resume_from_checkpoint")
    assert lmcourse("train", finished.yaml, *words).status == 0
    assert result_of(run_copy)["metrics"] == result_of(finished.folder)["metrics"]


@pytest.mark.parametrize("name", [(), ("nowhere",)])
def test_there_is_nothing_to_resume(
    name: tuple[str, ...], finished: FinishedRun, tmp_path: Path
) -> None:
    words = ("--output_dir", tmp_path / "run", "--resume_from_checkpoint", *name)
    outcome = lmcourse("train", finished.yaml, *words)
    assert re.search("no checkpoint to resume from in|is not a checkpoint", outcome.complaint)
    assert not (tmp_path / "run").exists()


def test_a_sample_prompt_with_unknown_characters_is_pointed_out(
    finished: FinishedRun, tmp_path: Path
) -> None:
    words = ("--output_dir", tmp_path / "run", "--max_steps", "1")
    outcome = lmcourse("train", finished.yaml, *words, "--sample_prompt", "line \u00e9")
    assert outcome.status == 0, outcome.err
    assert "sample_prompt has '\u00e9', unknown to the model" in outcome.err
    assert "unknown to the model" not in finished.outcome.err


BAD_CORPORA = {
    "missing.txt": (None, "there is no file and no corpus"),
    "tiny_shakespere": (None, "did you mean 'tiny_shakespeare'"),
    "empty.txt": (b"", "is empty"),
    "latin.txt": (b"na\xefve\n" * 30, "is not UTF-8"),
    "short.txt": (b"a\nb\n", "too few for 4 parallel streams"),
    "line.txt": (b"one line", "has only one line"),
    "mac.txt": (b"one line\rand another\r", "end in carriage returns alone"),
    "utf16.txt": ("one line\nand another\n".encode("utf-16-le"), "is not UTF-8"),
}


@pytest.mark.parametrize("name", BAD_CORPORA)
def test_a_bad_corpus_is_refused_before_anything_is_written(name: str, tmp_path: Path) -> None:
    content, message = BAD_CORPORA[name]
    if content is not None:
        (tmp_path / name).write_bytes(content)
    corpus = str(tmp_path / name) if name.endswith(".txt") else name
    yaml = write_yaml(tmp_path / "tiny.yaml", corpus)
    outcome = lmcourse("train", yaml, "--output_dir", tmp_path / "run")
    assert message in outcome.complaint
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--tokenizer", "nothing"], "tokenizer 'nothing' is neither"),
        (["--block_length", "0"], "both must be at least 1"),
        (["--per_device_train_batch_size", "100000"], "too few for 100,000 parallel streams"),
        (["--output_layer", "adaptive", "--adaptive_cutoffs", "5000"], "must rise below"),
        (["--sample_prompt", ""], "sample_prompt '' holds no token"),
        (["--sample_prompt", "\udce9"], "is not text in the encoding utf-8"),
        (["--output_dropout", "1"], "output_dropout must be at least 0 and below 1"),
        (["--hidden_size", "wide"], "'wide'"),
        (["--batches", "bigrams"], "LSTMForCausalLM reads more than one word back"),
        (
            ["--batches", "bigram_counts", "--lbfgs_iterations", "5", "--weight_decay", "1"],
            "L-BFGS knows no weight_decay",
        ),
        (["--lbfgs_iterations", "5"], "needs the exact gradient: batches bigram_counts"),
        (["--lerning_rate", "1"], "did you mean 'learning_rate'"),
        (["--max_vocabulary", "9"], "max_vocabulary does not go with tokenizer 'character'"),
        (["--tokenizer", "word", "--alphabet", "printable"], "alphabet does not go with tokenizer"),
        (["--patience", "2", "--eval_strategy", "no"], "patience counts evaluations"),
        (["--gradient_accumulation_steps", "0"], "accumulation_steps must be at least 1, not 0"),
        (["--results_dir", "/dev/null/x"], "/dev/null/x' (Not a directory)"),
    ],
)
def test_bad_settings_are_refused_before_anything_is_written(
    words: list[str], message: str, finished: FinishedRun, tmp_path: Path
) -> None:
    outcome = lmcourse("train", finished.yaml, "--output_dir", tmp_path / "run", *words)
    assert message in outcome.complaint
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["--batches", "bigrams", "--optim", "sgd"],
        ["--batches", "bigram_counts"],
        ["--batches", "bigram_counts", "--lbfgs_iterations", "2", "--learning_rate", "1"],
    ],
)
def test_a_bigram_network_is_trained_in_each_of_its_ways(
    words: list[str], finished: FinishedRun, tmp_path: Path
) -> None:
    words = ["--model_type", "lmcourse_bigram_mlp", *words]
    assert short(finished, tmp_path / "run", *words).status == 0
    result = result_of(tmp_path / "run")
    assert result["model_type"] == "lmcourse_bigram_mlp"
    expected = result_of(finished.folder)["metrics"]["validation"]["tokens"]
    assert result["metrics"]["validation"]["tokens"] == expected


def test_a_folder_that_cannot_be_made_is_reported(finished: FinishedRun, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    outcome = short(finished, tmp_path / "file" / "run")
    assert "cannot write to the folder" in outcome.complaint


def test_a_tokenizer_of_another_run_is_taken_as_it_is(
    finished: FinishedRun, tmp_path: Path
) -> None:
    outcome = short(finished, tmp_path / "run", "--tokenizer", finished.folder)
    assert outcome.status == 0, outcome.err
    mine, other = tmp_path / "run" / "tokenizer.json", finished.folder / "tokenizer.json"
    assert json.loads(mine.read_text()) == json.loads(other.read_text())


def test_a_tokenizer_that_is_broken_or_skips_ids_is_refused(
    finished: FinishedRun, tmp_path: Path
) -> None:
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(finished.folder / name, folder)
    content = json.loads((folder / "tokenizer.json").read_text())
    content["model"]["vocab"]["line"] = 1000
    (folder / "tokenizer.json").write_text(json.dumps(content))
    words = ("--tokenizer", folder)
    assert "token id 1000" in short(finished, tmp_path / "run", *words).complaint
    (folder / "tokenizer.json").write_text("{")
    assert "cannot load the tokenizer" in short(finished, tmp_path / "run", *words).complaint
    assert not (tmp_path / "run").exists()


def test_a_stopped_run_says_each_option_once_and_no_token() -> None:
    words = ["a.yaml", "--output_dir", "old", "--seed", "7", "--hub-token", "a-secret"]
    for more in ([], ["--resume_from_checkpoint"], ["--resume_from_checkpoint=checkpoint-1"]):
        hint = _resume_hint("new", [*words, *more])
        assert (
            hint.splitlines()[-1].split()
            == (
                "lmcourse train a.yaml --seed 7 --hub-token *** --output_dir new "
                "--resume_from_checkpoint"
            ).split()
        )


def test_a_token_is_in_no_file(finished: FinishedRun, tmp_path: Path) -> None:
    for option in ("--hub_token=a-secret", "--hub-token=a-secret"):
        words = (finished.yaml, "--output_dir", tmp_path / "run", "--max_steps", 4, option)
        assert lmcourse("train", *words).status == 0
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in files if b"a-secret" in path.read_bytes()]


def test_a_full_disk_at_the_end_is_one_sentence(
    finished: FinishedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = os.replace

    def full(old: Path, new: Path) -> None:
        if Path(new).name == "README.md":
            raise OSError(28, "No space left on device")
        replace(old, new)

    monkeypatch.setattr(os, "replace", full)
    outcome = lmcourse("train", finished.yaml, "--output_dir", tmp_path / "run", "--max_steps", 4)
    assert "README.md: No space left on device" in outcome.complaint
    assert (tmp_path / "run" / "result.json").exists()

"""`lmcourse generate` and `lmcourse evaluate` on a finished run."""

import json
import os
import re
import threading
from pathlib import Path

import pytest

from hf_lmcourse.evaluation.averaged_models import AVERAGE

from .commands import FinishedRun, lmcourse, write_corpus

TINY = ("--length", "5")


def test_a_prompt_is_continued_by_so_many_tokens(finished: FinishedRun) -> None:
    outcome = lmcourse("generate", finished.folder, "--prompt", "line 1", "--length", "12")
    assert outcome.status == 0, outcome.err
    assert outcome.out.startswith("line 1")
    assert len(outcome.out.removesuffix("\n")) == len("line 1") + 12


def test_special_tokens_are_never_drawn(finished: FinishedRun) -> None:
    for words in (["--temperature", "5"], ["--beams", "2"]):
        out = lmcourse("generate", finished.folder, "--length", "300", *words).out
        assert "<pad>" not in out and "<unk>" not in out


def test_what_is_unknown_in_a_prompt_is_said(finished: FinishedRun) -> None:
    outcome = lmcourse("generate", finished.folder, *TINY, "--prompt", "line \u00e9#")
    assert outcome.status == 0
    assert len(outcome.err.strip().splitlines()) == 1
    assert "the prompt has '\u00e9', '#', unknown to the model" in outcome.err
    assert lmcourse("generate", finished.folder, *TINY, "--prompt", "line").err == ""


def test_the_seed_determines_the_sample(finished: FinishedRun) -> None:
    words = ("generate", finished.folder, "--length", "30")
    assert lmcourse(*words) == lmcourse(*words, "--seed", "0")
    assert lmcourse(*words) != lmcourse(*words, "--seed", "1")


def test_greedy_beam_and_one_token_to_choose_from_need_no_seed(finished: FinishedRun) -> None:
    for words in (["--greedy"], ["--beams", "3"], ["--top_k", "1"]):
        first, second = (
            lmcourse("generate", finished.folder, *TINY, *words, "--seed", seed) for seed in "01"
        )
        assert first.status == 0, first.err
        assert first == second


def test_greedy_is_the_limit_of_low_temperature(finished: FinishedRun) -> None:
    words = ("generate", finished.folder, "--prompt", "line ")
    # float32 logits of order one that differ at all differ by 6e-8: 60 nats at this temperature.
    assert lmcourse(*words, "--greedy").out == lmcourse(*words, "--temperature", "1e-9").out


def test_several_samples_are_printed_below_each_other(finished: FinishedRun) -> None:
    words = ("--prompt", "says", "--samples", "3", "--top_p", "0.9")
    outcome = lmcourse("generate", finished.folder, *TINY, *words)
    assert outcome.out.count("says") == 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--temperature", "0"], "--temperature must be above 0; use --greedy"),
        (["--temperature", "-1"], "--temperature must be above 0; use --greedy"),
        (["--temperature", "nan"], "--temperature must be above 0; use --greedy"),
        (["--temperature", "inf"], "--temperature must be from 1e-30 on, and finite"),
        (["--temperature", "1e-300"], "--temperature must be from 1e-30 on, and finite"),
        (["--top_p", "nan"], "--top_p must be above 0 and at most 1"),
        (["--prompt", "caf\udce9"], "is not text in the encoding utf-8"),
        (["--top_p", "0"], "--top_p must be above 0 and at most 1"),
        (["--top_p", "1.5"], "--top_p must be above 0 and at most 1"),
        (["--top_k", "-1"], "--top_k must be at least 0"),
        (["--length", "0"], "--length must be at least 1"),
        (["--beams", "0"], "--beams must be at least 1"),
        (["--samples", "0"], "--samples must be at least 1"),
        (["--seed", "-1"], "--seed must be at least 0"),
        (["--prompt", ""], "the prompt is empty"),
        (["--greedy", "--samples", "3"], "--samples is for sampling, not for --greedy or --beams"),
        (["--beams", "2", "--top_p", "0.5"], "--top_p is for sampling"),
    ],
)
def test_wrong_options_of_generate_are_reported(
    words: list[str], message: str, finished: FinishedRun
) -> None:
    assert message in lmcourse("generate", finished.folder, *words).complaint


@pytest.mark.parametrize("verb", [("generate",), ("evaluate", "--data", "cpython-docs")])
def test_a_damaged_model_is_reported_and_left_as_it_is(
    verb: tuple[str, ...], run_copy: Path
) -> None:
    weights = run_copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:300])
    assert "are damaged" in lmcourse(verb[0], run_copy, *verb[1:]).complaint
    assert weights.stat().st_size == 300


@pytest.mark.parametrize("verb", [("generate",), ("evaluate", "--data", "cpython-docs")])
def test_a_folder_that_is_not_a_model_is_reported(verb: tuple[str, ...], tmp_path: Path) -> None:
    assert "is not a saved model" in lmcourse(verb[0], tmp_path, *verb[1:]).complaint
    missing = tmp_path / "missing"
    assert f"there is no model at {missing}" in lmcourse(verb[0], missing, *verb[1:]).complaint


@pytest.mark.parametrize("words", [["--bogus"], ["--length", "long"]])
def test_words_that_generate_does_not_know_exit_with_2(
    words: list[str], finished: FinishedRun
) -> None:
    outcome = lmcourse("generate", finished.folder, *words)
    assert outcome.status == 2
    assert "Traceback" not in outcome.err


def test_evaluation_repeats_the_metrics_of_the_run(finished: FinishedRun, tmp_path: Path) -> None:
    words = ("--data", finished.corpus, "--json", tmp_path / "metrics.json")
    outcome = lmcourse("evaluate", finished.folder, *words, "--split", "validation")
    assert outcome.status == 0, outcome.err
    expected = json.loads((finished.folder / "result.json").read_text())["metrics"]["validation"]
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics == pytest.approx(expected)
    assert outcome.out.splitlines()[0] == f"{finished.folder} on small, validation"
    for name, value in metrics.items():
        shown = f"{value:,}" if name == "tokens" else f"{value:,.4f}"
        assert re.search(rf"^  {name} +{re.escape(shown)}$", outcome.out, re.MULTILINE)


def test_a_text_file_is_scored_whole(finished: FinishedRun, tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("line 1 says one")
    outcome = lmcourse("evaluate", finished.folder, "--data", tmp_path / "one.txt")
    assert outcome.out.splitlines()[0] == f"{finished.folder} on one, whole text"
    assert re.search(r"^  tokens +15$", outcome.out, re.MULTILINE)


def test_a_text_comes_out_of_a_pipe_as_from_a_file(finished: FinishedRun, tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("line 1 says one")
    os.mkfifo(tmp_path / "pipe")
    tables = []
    for name in ("one.txt", "pipe"):
        if name == "pipe":
            write = (tmp_path / "pipe").write_text
            threading.Thread(target=write, args=["line 1 says one"], daemon=True).start()
        outcome = lmcourse("evaluate", finished.folder, "--data", tmp_path / name)
        assert outcome.status == 0, outcome.err
        tables.append(outcome.out.splitlines()[1:])
    assert tables[0] == tables[1]


def test_the_length_of_blocks_does_not_change_the_metrics(
    finished: FinishedRun, tmp_path: Path
) -> None:
    metrics = []
    for words in ([], ["--block_length", "7"]):
        written = tmp_path / "metrics.json"
        outcome = lmcourse(
            "evaluate", finished.folder, "--data", finished.corpus, "--json", written, *words
        )
        assert outcome.status == 0, outcome.err
        metrics.append(json.loads(written.read_text()))
    # The order of float32 sums depends on the length and the number of threads.
    assert metrics[0] == pytest.approx(metrics[1], rel=1e-5)


def test_streams_cut_the_context_but_score_as_many_tokens(finished: FinishedRun) -> None:
    words = ("evaluate", finished.folder, "--data", finished.corpus, "--split", "train")
    whole, cut = lmcourse(*words).out, lmcourse(*words, "--streams", "4").out
    tokens = re.compile(r"^  tokens +([\d,]+)$", re.MULTILINE)
    assert tokens.findall(whole) == tokens.findall(cut) != []
    assert whole != cut


def test_the_test_text_is_scored_where_there_is_one(finished: FinishedRun, tmp_path: Path) -> None:
    write_corpus(tmp_path / "test.txt", 5)
    outcome = lmcourse("evaluate", finished.folder, "--data", tmp_path)
    assert outcome.out.splitlines()[0].endswith(", test")


def test_characters_that_were_never_seen_are_counted(finished: FinishedRun, tmp_path: Path) -> None:
    (tmp_path / "test.txt").write_text("qq\nqq\n")
    outcome = lmcourse("evaluate", finished.folder, "--data", tmp_path)
    assert re.search(r"^  unknown_share +0\.6667$", outcome.out, re.MULTILINE)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--data", "nothing.txt"], "there is no file and no corpus"),
        (["--data", "CORPUS", "--split", "dev"], "has no dev split, only train, validation"),
        (["--data", "CORPUS", "--streams", "0"], "must be at least 1"),
        (["--data", "CORPUS", "--streams", "9999"], "too few for 9,999 parallel streams"),
        (["--data", "CORPUS", "--block_length", "0"], "must be at least 1"),
        (["--data", "CORPUS", "--json", "CORPUS/x.json"], "cannot write"),
    ],
)
def test_wrong_options_of_evaluate_are_reported(
    words: list[str], message: str, finished: FinishedRun
) -> None:
    words = [word.replace("CORPUS", str(finished.corpus)) for word in words]
    assert message in lmcourse("evaluate", finished.folder, *words).complaint


def test_evaluation_needs_to_know_its_text(finished: FinishedRun) -> None:
    outcome = lmcourse("evaluate", finished.folder)
    assert outcome.status == 2
    assert "--data" in outcome.err


def test_the_average_of_several_models_has_a_column(
    finished: FinishedRun, transformer: FinishedRun, tmp_path: Path
) -> None:
    written = tmp_path / "metrics.json"
    words = ("evaluate", finished.folder, transformer.folder, "--data", finished.corpus)
    outcome = lmcourse(*words, "--average", "--json", written, "--results_dir", tmp_path)
    assert outcome.status == 0, outcome.err
    metrics = json.loads(written.read_text())
    assert list(metrics) == [str(finished.folder), str(transformer.folder), AVERAGE]
    line = next(x for x in outcome.out.splitlines() if x.startswith("  perplexity"))
    assert line.split()[1:] == [f"{column['perplexity']:.4f}" for column in metrics.values()]
    assert (tmp_path / "average_tiny_tiny.json").exists()
    assert "--average" in lmcourse(*words).complaint
    assert "--rank" in lmcourse(*words, "--average", "--rank", "9").complaint

"""A Transformer from the command line: train, evaluate, generate beyond its context."""

import re
from pathlib import Path

import pytest

from .commands import FinishedRun, Outcome, lmcourse, result_of


def evaluate(run: FinishedRun, *words: object) -> Outcome:
    return lmcourse("evaluate", run.folder, "--data", run.corpus, "--split", "validation", *words)


def perplexity(outcome: Outcome) -> float:
    found = re.search(r"perplexity +([\d.]+)", outcome.out)
    assert found, outcome
    return float(found[1])


def test_training_leaves_a_scored_model_and_a_card_with_its_equation(
    transformer: FinishedRun,
) -> None:
    assert transformer.outcome.status == 0, transformer.outcome.err
    result = result_of(transformer.folder)
    assert result["model_type"] == "lmcourse_transformer"
    assert "Attention(LayerNorm(x))" in (transformer.folder / "README.md").read_text()
    evaluated = perplexity(evaluate(transformer))
    assert evaluated == pytest.approx(result["metrics"]["validation"]["perplexity"], rel=1e-4)


def test_the_stride_changes_the_context_but_not_the_tokens(transformer: FinishedRun) -> None:
    tokens = re.compile(r"tokens +([\d,]+)$", re.MULTILINE)
    outcomes = [evaluate(transformer, *words) for words in ([], ["--stride", "1"])]
    assert len({tokens.search(outcome.out)[1] for outcome in outcomes}) == 1  # type: ignore[index]
    assert perplexity(outcomes[0]) != perplexity(outcomes[1])


def test_generation_continues_beyond_the_context(transformer: FinishedRun) -> None:
    outcome = lmcourse("generate", transformer.folder, "--length", "50")
    assert outcome.status == 0, outcome.err
    assert len(outcome.out) >= 50


def test_sizes_that_do_not_fit_the_model_are_reported(
    transformer: FinishedRun, finished: FinishedRun
) -> None:
    assert "block_length 17 is too long" in evaluate(transformer, "--block_length", "17").complaint
    assert "stride of 17" in evaluate(transformer, "--stride", "17").complaint
    assert "carries its state" in evaluate(finished, "--stride", "4").complaint


def test_a_block_must_be_the_whole_context(tmp_path: Path, transformer: FinishedRun) -> None:
    folder = tmp_path / "run"
    outcome = lmcourse("train", transformer.yaml, "--output_dir", folder, "--block_length", "12")
    assert "block_length 12 must be the model's max_position_embeddings 16" in outcome.complaint
    assert not folder.exists()

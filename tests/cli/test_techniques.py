"""All techniques that go together, switched on from the command line."""

from pathlib import Path

import pytest
from safetensors.torch import load_file

from .commands import lmcourse, result_of, write_corpus, write_yaml

RAW = "raw_weights.safetensors"
ALL = (
    ["--locked_dropout", "true", "--word_dropout", "0.1", "--recurrent_dropout", "0.2"]
    + ["--activation_regularization", "2", "--temporal_activation_regularization", "1"]
    + ["--random_block_length", "true", "--weight_averaging", "ema", "--ema_decay", "0.9"]
    + ["--input_masking", "0.1", "--adversarial_epsilon", "0.02", "--num_softmaxes", "2"]
    + ["--num_sampled", "10", "--output_layer", "tied", "--output_dropout", "0.2"]
    + ["--optim", "muon", "--vectors_learning_rate", "1", "--forget_state", "0.1"]
)


@pytest.mark.parametrize("model_type", ["lmcourse_lstm", "lmcourse_gru"])
def test_all_together_train_and_what_is_saved_is_the_average(
    model_type: str, tmp_path: Path
) -> None:
    corpus = write_corpus(tmp_path / "small.txt")
    yaml = write_yaml(tmp_path / "tiny.yaml", corpus, [("lmcourse_lstm", model_type)])
    folder = tmp_path / "run"
    outcome = lmcourse("train", yaml, "--output_dir", folder, *ALL)
    assert outcome.status == 0, outcome.err
    metrics = result_of(folder)["metrics"]["validation"]
    evaluated = lmcourse("evaluate", folder, "--data", corpus, "--split", "validation")
    assert f"{metrics['perplexity']:.4f}" in evaluated.out
    checkpoint = max((folder / "checkpoints").glob("checkpoint-*"), key=lambda p: p.stat().st_mtime)
    averaged, raw = (load_file(checkpoint / n) for n in ("model.safetensors", RAW))
    assert any(not averaged[name].equal(raw[name]) for name in averaged)


@pytest.mark.parametrize("model_type", ["lmcourse_lstm", "lmcourse_ngram_fnn"])
def test_a_training_run_reports_the_rank_of_its_log_probabilities(
    model_type: str, tmp_path: Path
) -> None:
    yaml = write_yaml(
        tmp_path / "tiny.yaml",
        write_corpus(tmp_path / "small.txt"),
        [("lmcourse_lstm", model_type)],
    )
    words = ["--output_dir", tmp_path / "run", "--rank_contexts", "30", "--hidden_size", "4"]
    outcome = lmcourse("train", yaml, *words)
    assert outcome.status == 0, outcome.err
    for metrics in result_of(tmp_path / "run")["metrics"].values():
        assert 1 < metrics["log_probability_rank"] <= 6, "the width, the biases, the normalisers"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--word_dropout", "1"], "word_dropout must be at least 0 and below 1"),
        (["--adversarial_epsilon", "-1"], "adversarial_epsilon must be at least 0"),
        (["--augmented_loss", "-1"], "augmented_loss must be at least 0"),
        (["--augmented_loss", "1", "--num_sampled", "9"], "augmented_loss goes without"),
        (["--augmented_temperature", "0"], "augmented_temperature must be above 0"),
        (["--num_softmaxes", "0"], "num_softmaxes must be at least 1"),
        (["--activation_regularization", "-1"], "activation_regularization must be at least 0"),
        (["--input_masking", "1.5"], "input_masking must be at least 0 and below 1"),
        (["--rank_contexts", "-1"], "rank_contexts must be at least 0"),
        (["--optim", "mouon"], "optim: invalid choice: 'mouon': did you mean 'muon'"),
        (["--forget_state", "1"], "forget_state must be at least 0 and below 1"),
        (["--weight_averaging", "swa"], "invalid choice: 'swa'"),
        (["--random_block_length", "true", "--block_length", "5"], "block_length of at least 10"),
        (
            ["--num_softmaxes", "2", "--output_layer", "adaptive", "--adaptive_cutoffs", "5"],
            'num_softmaxes goes with output_layer "full" or "tied"',
        ),
    ],
)
def test_settings_that_make_no_sense_are_reported(
    words: list[str], message: str, tmp_path: Path
) -> None:
    yaml = write_yaml(tmp_path / "tiny.yaml", write_corpus(tmp_path / "small.txt"))
    outcome = lmcourse("train", yaml, "--output_dir", tmp_path / "run", *words)
    assert message in outcome.complaint
    assert not (tmp_path / "run").exists()

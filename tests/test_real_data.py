"""A few steps of training on the real corpora, from their published configurations."""

import json
from pathlib import Path

import pytest

from hf_lmcourse.cli.main import main

REPOSITORY = Path(__file__).parents[1]
SHORT = ["--max_steps", "3", "--hidden_size", "8", "--embedding_size", "8", "--eval_strategy", "no"]
SHORT += ["--save_strategy", "no", "--load_best_model_at_end", "false", "--sample_length", "0"]


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("config", "tokens"),
    [
        ("lstm_tiny_shakespeare", {"validation": 111_540}),
        ("lstm_ptb", {"validation": 73_760, "test": 82_430}),
    ],
)
def test_a_published_configuration_trains_on_its_corpus(
    config: str, tokens: dict[str, int], data_dir: Path, tmp_path: Path
) -> None:
    yaml = str(REPOSITORY / "configs" / f"{config}.yaml")
    places = ["--data_dir", str(data_dir), "--cache_dir", str(tmp_path / "cache")]
    assert main(["train", yaml, *places, "--output_dir", str(tmp_path / "run"), *SHORT]) == 0
    result = json.loads((tmp_path / "run" / "result.json").read_text(encoding="utf-8"))
    scored = {split: metrics["tokens"] for split, metrics in result["metrics"].items()}
    assert scored == tokens

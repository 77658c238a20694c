"""The linear baselines: the ratio is that of the paper, and validation picks the regularisation."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from hf_lmcourse.cli.main import main
from hf_lmcourse.data.labelled import LabelledCorpus, load_labelled_corpus
from hf_lmcourse.data.labelled_texts import LabelledTexts
from hf_lmcourse.data.toy_reviews import NOISE
from hf_lmcourse.evaluation.linear_baselines import BASELINES, LogCountRatio, score_baseline


def test_the_ratio_is_that_of_the_paper() -> None:
    X, y = sparse.csr_matrix(np.array([[1, 1, 0], [1, 0, 0], [0, 0, 1]])), [1, 1, 0]
    p, q = np.array([3, 2, 1]) / 6, np.array([1, 1, 2]) / 4
    ratio = LogCountRatio().fit(X, y)
    np.testing.assert_allclose(ratio.r_, np.log(p / q))
    np.testing.assert_allclose(ratio.transform(X).toarray(), X.toarray() * np.log(p / q))
    with pytest.raises(ValueError, match="about two classes"):
        LogCountRatio().fit(X, [0, 1, 2])


@pytest.mark.parametrize("name", BASELINES)
def test_a_baseline_is_between_chance_and_the_best_possible(name: str) -> None:
    corpus = load_labelled_corpus("toy_reviews")
    score = score_baseline(name, corpus)
    assert set(score.accuracy) == {"validation", "test"}
    assert 0.6 < score.accuracy["test"] < 1 - NOISE + 0.02
    assert score.parameters > 100


@pytest.mark.parametrize("name", BASELINES)
def test_words_of_the_test_texts_are_none_of_the_features(name: str) -> None:
    texts = LabelledTexts(["good film", "bad film"] * 4, [1, 0] * 4)
    secret = LabelledTexts(["secret secret", "secret"], [1, 0])
    splits = {"train": texts, "validation": texts, "test": secret}
    score = score_baseline(name, LabelledCorpus("tiny", "local", ("0", "1"), splits))
    assert score.accuracy["validation"] == 1.0
    assert score.accuracy["test"] == 0.5
    assert score.parameters == 5 + 1  # good, bad, film and two pairs


def test_the_command_writes_a_result_of_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["baselines", "--data", "toy_reviews", "--results_dir", str(tmp_path)]
    assert main(words) == 0
    out = capsys.readouterr().out
    for name in BASELINES:
        result = json.loads((tmp_path / f"{name}_toy_reviews.json").read_text())
        assert result["command"].startswith("lmcourse baselines --data toy_reviews")
        assert str(tmp_path) not in result["command"]
        assert f"{name}: validation {result['metrics']['validation']['accuracy']:.2%}" in out


def test_more_than_two_classes_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "three.csv"
    table.write_text("text,label\n" + "a,0\nb,1\nc,2\n" * 4)
    assert main(["baselines", "--data", str(table)]) == 2
    assert "three has 3 classes; the baselines are for two" in capsys.readouterr().err


def test_training_texts_of_one_class_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for split, rows in (("train", "good,1\nbad,0\n"), ("validation", "fine,1\n")):
        (tmp_path / f"{split}.csv").write_text(f"text,label\n{rows}")
    assert main(["baselines", "--data", str(tmp_path)]) == 2
    assert "no word occurs in two" in capsys.readouterr().err
    (tmp_path / "validation.csv").unlink()
    assert main(["baselines", "--data", str(tmp_path)]) == 2, "one of the two is held out"
    assert "give more texts of each class" in capsys.readouterr().err


def test_texts_that_share_no_word_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "few.csv"
    table.write_text("text,label\nfine,1\ndull,0\ngood,1\nbad,0\n")
    assert main(["baselines", "--data", str(table)]) == 2
    assert "no word occurs in two of the training texts" in capsys.readouterr().err

"""Errors of a classifier: counts by hand, contributions against perturbation, the command."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from hf_lmcourse import DANConfig, DANForSequenceClassification
from hf_lmcourse.cli.main import main
from hf_lmcourse.data.labelled_texts import LabelledTexts
from hf_lmcourse.data.ragged import encode_texts
from hf_lmcourse.evaluation.classifier_scores import probabilities
from hf_lmcourse.inspection.classifier_error_plots import (
    plot_calibration,
    plot_confusion,
    plot_groups,
)
from hf_lmcourse.inspection.classifier_error_report import WrongText, errors_markdown
from hf_lmcourse.inspection.classifier_errors import (
    Contributions,
    Group,
    accuracy_by_length,
    accuracy_by_negation,
    calibration,
    confusion_matrix,
    log_odds,
    word_contributions,
)
from hf_lmcourse.tokenization import WordPunctuationTokenizer

from ..drawing import lengths, unreadable

P = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.45, 0.55], [0.05, 0.95]])
RIGHT = np.array([0, 1, 1, 0, 1])


def tiny(**changes: Any) -> DANForSequenceClassification:
    torch.manual_seed(0)
    settings = {"vocab_size": 9, "embedding_size": 6, "hidden_size": 5, "num_labels": 3}
    config = DANConfig(**{**settings, "initializer_range": 1.0, **changes})
    model = DANForSequenceClassification(config).double().eval()
    if model.config.log_count_ratios:
        model.model.word_ratios.uniform_()
        model.model.ngram_ratios.uniform_()
    return model


def odds(logits: torch.Tensor, predicted: int) -> torch.Tensor:
    """Log-odds of one text from its probabilities."""
    p = logits.softmax(-1)[0, predicted]
    return (p / (1 - p)).log()


def test_log_odds_are_of_the_predicted_class_against_all_others_and_do_not_saturate() -> None:
    logits = torch.tensor([[3.0, 1.0, 2.0], [0.0, 0.5, -1.0]], dtype=torch.float64)
    p = logits.softmax(-1)[[0, 1], [0, 1]]
    expected = (p / (1 - p)).log()
    torch.testing.assert_close(log_odds(logits, torch.tensor([0, 1])), expected)
    torch.testing.assert_close(log_odds(logits.log_softmax(-1), torch.tensor([0, 1])), expected)
    torch.testing.assert_close(log_odds(torch.tensor([[90.0, 0.0]]), 0), torch.tensor([90.0]))


def test_a_sure_prediction_still_has_contributions() -> None:
    """Its probability is 1, whatever word is left out, but its log-odds change."""
    model = tiny(num_hidden_layers=0, num_labels=2)
    with torch.no_grad():
        model.classifier.bias.copy_(torch.tensor([80.0, 0.0]))
    found = word_contributions(model, torch.tensor([1, 4, 2]))
    assert found.leave_one_out.abs().min() > 1e-3
    assert found.gradient_times_input.abs().min() > 1e-3


def test_the_confusion_matrix_counts_texts() -> None:
    assert confusion_matrix(P.argmax(-1), RIGHT, 2).tolist() == [[1, 1], [1, 2]]


def test_calibration_compares_confidence_with_accuracy() -> None:
    groups, error = calibration(P, RIGHT, bins=2)
    assert [(g.name, g.texts) for g in groups] == [("50% to 100%", 5)]
    assert groups[0].accuracy == pytest.approx(3 / 5)
    assert groups[0].confidence == pytest.approx((0.9 + 0.6 + 0.8 + 0.55 + 0.95) / 5)
    assert error == pytest.approx(abs(3 / 5 - groups[0].confidence))
    sure = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert calibration(sure, np.array([0, 1]))[1] == 0


def test_groups_by_length_hold_every_text_once() -> None:
    lengths = np.array([3, 3, 10, 50, 7])
    groups = accuracy_by_length(P, RIGHT, lengths, parts=2)
    assert sum(group.texts for group in groups) == 5
    assert groups[0].name == "3 to 6 words" and groups[0].accuracy == pytest.approx(0.5)
    same = accuracy_by_length(P, RIGHT, np.full(5, 4))
    assert [(g.name, g.texts) for g in same] == [("4 words", 5)]


def test_groups_by_negation() -> None:
    texts = [["fine"], ["not", "fine"], ["no", "never"], [], ["did", "n't"]]
    none, one, several = accuracy_by_negation(P, RIGHT, texts)
    assert (none.texts, one.texts, several.texts) == (2, 2, 1)
    assert (none.accuracy, one.accuracy, several.accuracy) == (0.5, 0.5, 1.0)
    assert np.isnan(accuracy_by_negation(P, RIGHT, [["fine"]] * 5)[1].accuracy)


@pytest.mark.parametrize(
    "ngrams",
    [
        {},
        {"ngram_buckets": 50, "max_ngram": 3},
        {"ngram_buckets": 50, "max_ngram": 3, "log_count_ratios": True},
    ],
)
@pytest.mark.parametrize("distinct", [False, True])
@pytest.mark.parametrize("exponent", [1, 0.5])
def test_gradient_times_input_is_the_slope_of_the_mean(
    ngrams: dict[str, int], distinct: bool, exponent: float
) -> None:
    """Without a hidden layer the logits are linear: the shares add up to the predicted logit."""
    settings = {"distinct_words": distinct, "length_exponent": exponent}
    model = tiny(num_hidden_layers=0, **settings, **ngrams)
    words = torch.tensor([1, 4, 4, 7])
    shares = word_contributions(model, words).gradient_times_input
    mean = model.model.mean(words, torch.tensor([4])).detach()
    logits = mean @ model.classifier.weight.T + model.classifier.bias
    predicted = int(logits.argmax())
    others = [index for index in range(3) if index != predicted]
    p = logits[0, others].softmax(-1)
    gradient = model.classifier.weight[predicted] - p @ model.classifier.weight[others]
    torch.testing.assert_close(shares.sum(), (mean @ gradient)[0])
    if not ngrams:
        vectors = model.model.embed_tokens.weight[words]
        weights = torch.tensor([1, 0.5, 0.5, 1]) if distinct else torch.ones(4)
        weights = weights / weights.sum() ** exponent
        torch.testing.assert_close(shares, vectors @ gradient * weights)


@pytest.mark.parametrize("ngrams", [{}, {"ngram_buckets": 50, "max_ngram": 2}])
def test_leave_one_out_takes_the_word_out(ngrams: dict[str, int]) -> None:
    model, words = tiny(**ngrams), torch.tensor([1, 4, 2, 7, 3])
    found = word_contributions(model, words).leave_one_out
    whole = model(words, lengths=torch.tensor([5])).logits
    predicted = int(whole.argmax())
    for place in range(5):
        rest = torch.cat([words[:place], words[place + 1 :]])
        without = model(rest, lengths=torch.tensor([4])).logits
        expected = odds(whole, predicted) - odds(without, predicted)
        torch.testing.assert_close(found[place], expected)


def test_a_word_that_counts_once_is_taken_out_of_all_its_places() -> None:
    model, words = tiny(distinct_words=True), torch.tensor([4, 1, 4])
    found = word_contributions(model, words).leave_one_out
    whole, other = (
        model(ids, lengths=torch.tensor([len(ids)])).logits for ids in (words, torch.tensor([1]))
    )
    predicted = int(whole.argmax())
    torch.testing.assert_close(found[0], odds(whole, predicted) - odds(other, predicted))
    torch.testing.assert_close(found[0], found[2])


def test_a_text_of_one_word_can_be_explained() -> None:
    found = word_contributions(tiny(ngram_buckets=50), torch.tensor([5]))
    assert found.leave_one_out.shape == found.gradient_times_input.shape == (1,)


def test_probabilities_are_those_of_the_texts(tmp_path: Path) -> None:
    tokenizer = WordPunctuationTokenizer.train(["a b c d e f g"])
    texts = LabelledTexts(["a b", "", "c d e"], [0, 1, 2])
    model = tiny()
    p = probabilities(model, encode_texts(texts, tokenizer, tmp_path))
    for row, text in zip(p, texts.texts, strict=True):
        logits = model(tokenizer(text, return_tensors="pt")["input_ids"].long()).logits
        np.testing.assert_allclose(row, logits.softmax(-1)[0].detach().numpy())


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("classifier")
    tokenizer = WordPunctuationTokenizer.train(["fine dull film not"])
    model = tiny(vocab_size=len(tokenizer), num_labels=2, id2label={0: "bad", 1: "good"}).float()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    rows = [f"{a} film,{label}" for a in ("fine", "dull", "not fine", "not dull")
            for label in ("bad", "good")]  # fmt: skip
    (folder / "texts").mkdir()
    for split in ("train", "test"):
        (folder / "texts" / f"{split}.csv").write_text("text,label\n" + "\n".join(rows) + "\n")
    return folder


def test_the_command_writes_a_report(
    saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LMCOURSE_CACHE", str(tmp_path / "cache"))
    words = ["errors", str(saved), "--data", str(saved / "texts"), "--examples", "2"]
    assert main([*words, "--output_dir", str(tmp_path / "out")]) == 0
    assert "4 of 8 wrong (50.00% right)" in capsys.readouterr().out
    report = (tmp_path / "out" / "errors.md").read_text()
    assert "4 of 8 texts are classified correctly: 50.00%" in report
    assert report.count("leave one out") == 4, "two of the most confident errors and two drawn"
    assert report.count(", predicted: ") == 4 and "## Most confident errors" in report
    for picture in ("confusion.png", "calibration.png", "groups.png"):
        assert picture in report
        assert (tmp_path / "out" / picture).stat().st_size > 5_000


def wrong_text(words: list[str], left_out: list[float]) -> WrongText:
    contributions = Contributions(torch.zeros(len(words)), torch.tensor(left_out))
    return WrongText("a text", "bad_", "good", 7.25, words, contributions)


def test_an_error_names_its_classes_its_log_odds_and_each_word_once() -> None:
    wrong = wrong_text(["a", "<unk>", "a", "b"], [0.5, -0.25, 0.75, 0.0])
    groups = {"By length": [Group("1 word", 2, 0.5, 0.9)]}
    confusion = np.array([[0, 1], [0, 1]])
    report = errors_markdown("t", confusion, ["bad_", "good"], groups, 0.1, {"Errors": [wrong]})
    assert "1. True: bad\\_, predicted: good, log-odds 7.25" in report
    rows = [line for line in report.splitlines() if " good | " in line and line.count("|") == 6]
    assert [row.split(" | ")[:4] for row in rows] == [
        ["| a", "2", "for good", "+0.750"],
        [r"| \<unk\>", "1", "against good", "-0.250"],
        ["| b", "1", "against good", "+0.000"],
    ]


@pytest.mark.parametrize("number", [2, 6, 20])
def test_the_plots_can_be_read(number: int, drawn: list[Figure], tmp_path: Path) -> None:
    classes = [f"a rather long name of class {n}" for n in range(number)]
    confusion = np.full((number, number), 1234) + np.eye(number, dtype=int) * 56789
    groups = [Group(f"{n} to {n + 9} words", 500 * n, 0.9, 0.91) for n in range(1, 6)]
    plot_confusion(confusion, classes, "model on corpus", tmp_path / "confusion.png")
    plot_calibration(groups, "model on corpus", tmp_path / "calibration.png")
    empty = Group("none", 0, float("nan"), float("nan"))
    plot_groups({"A": groups, "B": [*groups[:2], empty]}, "model", tmp_path / "groups.png")
    for figure in drawn:
        assert unreadable(figure) == []
        assert len(figure.get_suptitle().splitlines()) == 2
    error = 100 * (0.9 * 0.1 / 500) ** 0.5
    assert lengths(drawn[1].axes[0])[0] == pytest.approx(error)
    assert lengths(drawn[2].axes[0])[0] == pytest.approx(error)
    assert len(drawn[2].axes[1].lines[0].get_xdata()) == 2, "nothing is drawn of a group of no text"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--data", "toy_reviews"], "knows the classes bad, good, and toy_reviews has negative"),
        (["--examples", "0"], "--examples must be at least 1"),
        (["--split", "dev"], "has no dev split"),
    ],
)
def test_what_does_not_fit_is_refused(
    words: list[str], told: str, saved: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = ["errors", str(saved), "--data", str(saved / "texts")]
    assert main([*start, *words]) == 2
    assert told in capsys.readouterr().err


def test_classes_are_matched_by_name_with_those_of_the_model(
    saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LMCOURSE_CACHE", str(tmp_path / "cache"))
    start = ["errors", str(saved), "--output_dir", str(tmp_path / "out"), "--data"]
    table = tmp_path / "mine.csv"
    table.write_text("text,label\n" + "fine film, good\n" * 20)
    assert main([*start, str(table)]) == 0, "a table may lack the first class"
    lines = (tmp_path / "out" / "errors.md").read_text().splitlines()
    assert [line.split("|")[1].strip() for line in lines if line.startswith("| bad")] == ["bad"]
    table.write_text("text,label\n" + "fine film,1\n" * 20)
    assert main([*start, str(table)]) == 2
    assert "row 1 of " in (told := capsys.readouterr().err) and "not one of bad, good" in told

"""Every side reads the same texts; what is not installed is said in the row."""

from pathlib import Path

import pytest
import torch

from benchmarks import optional, word_averages

TINY = word_averages.AverageSetting(texts=60, width=8, epochs=2)


def test_our_classes_and_vectors_are_those_of_the_padded_texts(tmp_path: Path) -> None:
    path = tmp_path / "reviews.txt"
    texts = word_averages.write_reviews(path, TINY.texts)
    ours = word_averages.our_training(TINY, path)
    vectors, classes = (
        word_averages.our_vectors(ours, texts),
        word_averages.our_classes(ours, texts),
    )
    table = ours.model.model.embed_tokens.weight
    for text, vector, number in zip(texts, vectors, classes, strict=True):
        ids = torch.tensor([ours.tokenizer.token_to_id(word) for word in text.split()])
        torch.testing.assert_close(vector, table[ids].mean(0))
        assert ours.model.classifier(vector).argmax() == number


def test_training_reads_labels_and_texts_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "films.txt"
    path.write_text("__label__0 a bad film\n__label__1 a good one\n" * 30)
    setting = word_averages.AverageSetting(width=8, epochs=20)
    ours = word_averages.our_training(setting, path)
    assert word_averages.our_classes(ours, ["a bad film", "a good one"]) == [0, 1]


def test_a_row_says_that_a_library_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optional, "find_spec", lambda name: None)
    rows = list(word_averages.word_averages(1, TINY))
    assert [list(row.unmeasured) for row in rows] == [["fastText"], ["fastText"], ["model2vec"]]
    assert "fasttext not installed" in rows[0].unmeasured["fastText"]
    assert '".[bench]"' in rows[2].unmeasured["model2vec"]
    assert all(list(row.medians) == ["ours"] and row.ratios == {} for row in rows)
    assert rows[0].amount == 2 * rows[1].amount > 0


def test_fasttext_learns_the_classes(tmp_path: Path) -> None:
    pytest.importorskip("fasttext", reason='pip install ".[bench]"')
    path = tmp_path / "films.txt"
    path.write_text("__label__0 a bad film\n__label__1 a good one\n" * 30)
    model = word_averages.fasttext_training(word_averages.AverageSetting(width=8, epochs=50), path)
    assert word_averages.fasttext_classes(model, ["a bad film", "a good one"]) == [0, 1]


def test_model2vec_has_our_vectors(tmp_path: Path) -> None:
    pytest.importorskip("model2vec", reason='pip install ".[bench]"')
    texts = word_averages.write_reviews(tmp_path / "reviews.txt", TINY.texts)
    ours = word_averages.our_training(TINY, tmp_path / "reviews.txt")
    found = word_averages.model2vec_vectors(word_averages.static_model(ours), texts)
    torch.testing.assert_close(torch.from_numpy(found), word_averages.our_vectors(ours, texts))

"""Labelled texts: the same from wherever they come, and clear words where they do not fit."""

import json
from collections.abc import Sequence
from pathlib import Path

import datasets
import pytest

from hf_lmcourse import LmcourseError
from hf_lmcourse.data.labelled import check_classes, load_labelled_corpus
from hf_lmcourse.data.toy_reviews import NOISE, toy_reviews

ROWS = [("good", "pos"), ("bad", "neg"), ("fine", "pos"), ("dull", "neg")] * 5


@pytest.fixture(autouse=True)
def no_folder_of_corpora(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LMCOURSE_DATA", raising=False)


def write_table(path: Path, rows: Sequence[tuple[object, object]] = ROWS) -> Path:
    if path.suffix in (".csv", ".tsv"):
        comma = "," if path.suffix == ".csv" else "\t"
        lines = [comma.join(map(str, row)) for row in [("text", "label"), *rows]]
        path.write_text("\n".join(lines) + "\n")
        return path
    records = [{"text": text, "label": label} for text, label in rows]
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
    elif path.suffix == ".json":
        path.write_text(json.dumps(records))
    else:
        datasets.Dataset.from_list(records).to_parquet(path)
    return path


@pytest.mark.parametrize("ending", ["csv", "tsv", "json", "jsonl", "parquet"])
def test_a_table_of_ones_own_is_read_whatever_its_format(ending: str, tmp_path: Path) -> None:
    corpus = load_labelled_corpus(str(write_table(tmp_path / f"mine.{ending}")))
    assert (corpus.name, corpus.source, corpus.label_names) == ("mine", "local", ("neg", "pos"))
    train, validation = corpus.splits["train"], corpus.splits["validation"]
    texts, labels = train.texts + validation.texts, train.labels + validation.labels
    together = list(zip(texts, labels, strict=True))
    assert sorted(together) == sorted((text, int(label == "pos")) for text, label in ROWS)
    assert len(validation) == 2


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_classes_may_have_numbers_for_names(ending: str, tmp_path: Path) -> None:
    rows = [(f"text {label}", label) for label in ("1", "2", "5+")] * 10
    corpus = load_labelled_corpus(str(write_table(tmp_path / f"mine.{ending}", rows)))
    assert corpus.label_names == ("1", "2", "5+")
    for part in corpus.splits.values():
        for text, label in zip(part.texts, part.labels, strict=True):
            assert text == f"text {corpus.label_names[label]}"


def test_a_text_may_say_na_and_a_class_be_called_none(tmp_path: Path) -> None:
    rows = [("NA", "None"), ("null", "some")] * 5
    corpus = load_labelled_corpus(str(write_table(tmp_path / "mine.csv", rows)))
    assert corpus.label_names == ("None", "some")
    assert set(corpus.splits["train"].texts) == {"NA", "null"}


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_a_missing_label_is_refused_and_a_text_may_be_empty(ending: str, tmp_path: Path) -> None:
    rows = [("good", 1), ("", 0)] * 5
    corpus = load_labelled_corpus(str(write_table(tmp_path / f"mine.{ending}", rows)))
    assert set(corpus.splits["train"].texts) == {"good", ""}
    rows[3] = ("bad", "")
    with pytest.raises(LmcourseError, match=rf"row 4 of .*mine.{ending} has no 'label'"):
        load_labelled_corpus(str(write_table(tmp_path / f"mine.{ending}", rows)))


def test_the_held_out_texts_are_drawn_the_same_way_each_time(tmp_path: Path) -> None:
    path = str(write_table(tmp_path / "mine.csv", [(f"text {i}", i // 50) for i in range(100)]))
    first = load_labelled_corpus(path).splits["validation"]
    assert first == load_labelled_corpus(path).splits["validation"]
    assert first != load_labelled_corpus(path, seed=1).splits["validation"]
    assert set(first.labels) == {0, 1}, "a file sorted by label is shuffled before it is cut"


def test_a_folder_has_its_own_splits(tmp_path: Path) -> None:
    for split in ("train", "validation", "test"):
        write_table(tmp_path / f"{split}.csv", [(split, 1), ("other", 0)])
    corpus = load_labelled_corpus(str(tmp_path))
    assert {split: texts.texts[0] for split, texts in corpus.splits.items()} == {
        "train": "train",
        "validation": "validation",
        "test": "test",
    }
    assert corpus.label_names == ("0", "1")


def test_other_columns_are_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("review,stars\n" + "fine,2\nbad,0\nso,1\n" * 4)
    corpus = load_labelled_corpus(str(path), text_column="review", label_column="stars")
    assert corpus.label_names == ("0", "1", "2")
    with pytest.raises(LmcourseError, match="no column 'text', only review, stars: name yours"):
        load_labelled_corpus(str(path))


def test_a_label_that_training_never_saw_is_refused(tmp_path: Path) -> None:
    write_table(tmp_path / "train.csv")
    write_table(tmp_path / "test.csv", [("so", "mixed")])
    with pytest.raises(LmcourseError, match="row 1 of .*test.csv .*'mixed', not one of neg, pos"):
        load_labelled_corpus(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("imbd", "did you mean 'imdb'"),
        ("nothing.csv", "there is no file and no labelled corpus"),
        ("n" * 5_000, "there is no file and no labelled corpus"),
        ("~nobody/mine.csv", "there is no file and no labelled corpus"),
    ],
)
def test_an_unknown_name_is_refused(name: str, told: str) -> None:
    with pytest.raises(LmcourseError, match=told):
        load_labelled_corpus(name)


def test_broken_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("text\n")
    with pytest.raises(LmcourseError, match="is not a table: give one of .csv"):
        load_labelled_corpus(str(tmp_path / "mine.txt"))
    (tmp_path / "mine.json").write_text("{")
    with pytest.raises(LmcourseError, match="cannot read .*mine.json"):
        load_labelled_corpus(str(tmp_path / "mine.json"))
    with pytest.raises(LmcourseError, match="has no train table"):
        load_labelled_corpus(str(tmp_path))
    with pytest.raises(LmcourseError, match="leaves none to validate on"):
        load_labelled_corpus(str(write_table(tmp_path / "one.csv", [("a", 0)])))


def test_a_table_of_ones_own_may_be_called_as_a_known_corpus(tmp_path: Path) -> None:
    rows = [(f"text {i}", i % 2) for i in range(100)]
    known, other = (
        load_labelled_corpus(str(write_table(tmp_path / name, rows)))
        for name in ("imdb.csv", "mine.csv")
    )
    assert known.splits == other.splits


def test_training_texts_of_one_class_are_refused(tmp_path: Path) -> None:
    corpus = load_labelled_corpus(str(write_table(tmp_path / "mine.csv", [("a", "pos")] * 9)))
    with pytest.raises(LmcourseError, match="all training texts of mine have the label 'pos'"):
        check_classes(corpus)
    check_classes(load_labelled_corpus(str(write_table(tmp_path / "mine.csv"))))


def test_films_of_the_validation_reviews_are_in_no_training_review(tmp_path: Path) -> None:
    """Rows of IMDB are sorted by label, and reviews of one film are neighbours."""
    (tmp_path / "imdb").mkdir()
    films = [f"film {film} of class {label}" for label in (0, 1) for film in range(50)]
    rows: list[tuple[str, str | int]] = [(film, int(film[-1])) for film in films for _ in range(5)]
    for split in ("train", "test"):
        write_table(tmp_path / "imdb" / f"{split}.parquet", rows)
    corpus = load_labelled_corpus("imdb", tmp_path, validation_share=0.2)
    train, validation = corpus.splits["train"], corpus.splits["validation"]
    assert len(validation) == 100 and len(train) == 400
    assert not set(validation.texts) & set(train.texts)
    assert set(validation.labels) == {0, 1}


def test_the_hub_is_asked_where_no_folder_has_the_corpus(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(repository: str, config: str | None) -> datasets.DatasetDict:
        assert repository == "stanfordnlp/sst2"
        rows = {"sentence": ["fine ", "bad "] * 5, "label": [1, 0] * 5}
        secret = {"sentence": ["who knows"], "label": [-1]}
        parts = {"train": rows, "validation": rows, "test": secret}
        return datasets.DatasetDict(
            {split: datasets.Dataset.from_dict(part) for split, part in parts.items()}
        )

    monkeypatch.setattr(datasets, "load_dataset", load)
    corpus = load_labelled_corpus("sst2")
    assert list(corpus.splits) == ["train", "validation"], "secret labels are none"
    assert corpus.source == "Hub stanfordnlp/sst2"
    assert corpus.splits["train"].labels == [1, 0] * 5


def test_without_hub_and_folder_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*args: object) -> None:
        raise ConnectionError("no route")

    monkeypatch.setattr(datasets, "load_dataset", offline)
    with pytest.raises(
        LmcourseError, match="from the Hub: no route; put its files into LMCOURSE_DATA"
    ):
        load_labelled_corpus("imdb")


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("imdb", {"train": 22_500, "test": 25_000, "validation": 2_500}),
        ("sst2", {"train": 67_349, "validation": 872, "test": 1_821}),
        ("rotten_tomatoes", {"train": 8_530, "validation": 1_066, "test": 1_066}),
    ],
)
def test_the_published_sizes_come_out(name: str, sizes: dict[str, int], data_dir: Path) -> None:
    corpus = load_labelled_corpus(name, data_dir)
    assert {split: len(part) for split, part in corpus.splits.items()} == sizes
    for part in corpus.splits.values():
        assert set(part.labels) == {0, 1}
        assert 0.4 < sum(part.labels) / len(part) < 0.6


def test_toy_reviews_are_what_their_grammar_says() -> None:
    for split, size in (("train", 4_000), ("validation", 500), ("test", 1_000)):
        texts, labels = toy_reviews(split)
        assert (texts, labels) == toy_reviews(split)
        assert len(texts) == len(labels) == size
    texts, labels = toy_reviews("train")
    good = set("good great lovely excellent charming fresh perfect".split())
    negation, right = {"not", "never", "hardly"}, 0
    for text, label in zip(texts, labels, strict=True):
        better = []
        for clause in text.split(" was ")[1:]:
            words = clause.split()
            quality = next(i for i, word in enumerate(words) if word in good or word in _BAD)
            negated = bool(negation & set(words[:quality]))
            better.append((words[quality] in good) != negated)
        right += label == (2 * sum(better) > len(better))
    assert right / len(texts) == pytest.approx(1 - NOISE, abs=0.01)


_BAD = set("bad awful dull terrible stale horrible dreadful".split())

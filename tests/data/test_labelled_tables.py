"""The classes of a user's tables: what training found, by name, the same in every split."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from hf_lmcourse import LmcourseError
from hf_lmcourse.data.labelled_tables import read_labelled_tables


def write(path: Path, labels: Sequence[object]) -> Path:
    if path.suffix == ".csv":
        path.write_text("text,label\n" + "".join(f"text,{label}\n" for label in labels))
    else:
        path.write_text(json.dumps([{"text": "text", "label": label} for label in labels]))
    return path


def classes_of(path: Path) -> tuple[str, ...]:
    return read_labelled_tables(path, "text", "label")[1]


@pytest.mark.parametrize("name", ["mine.csv", "mine.json"])
@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ([1, 90_210, 5] * 4, ("1", "5", "90210")),
        ([10, 9, -1] * 4, ("-1", "9", "10")),
        ([10**18, 10**9] * 4, (str(10**9), str(10**18))),
        ([10**25, 9 * 10**24, 7] * 4, ("7", str(9 * 10**24), str(10**25))),
        (
            ["1" + "0" * 5_000, "-" + "9" * 5_000, "2"] * 4,
            ("-" + "9" * 5_000, "2", "1" + "0" * 5_000),
        ),
        ([1.0, 2.0, 10.0] * 4, ("1.0", "10.0", "2.0")),
        (["1", "01", "2"] * 4, ("01", "1", "2")),
        ([" pos", "neg ", "pos\t", "neg"] * 4, ("neg", "pos")),
    ],
)
def test_classes_are_the_labels_that_occur(
    labels: list[object], names: tuple[str, ...], name: str, tmp_path: Path
) -> None:
    splits, found = read_labelled_tables(write(tmp_path / name, labels), "text", "label")
    assert found == names
    assert [names[number] for number in splits["train"].labels] == [str(x).strip() for x in labels]


@pytest.mark.parametrize("label", ["1", "0", "Pos", "2.0", "mixed"])
def test_a_label_of_another_spelling_is_refused_and_never_an_index(
    label: str, tmp_path: Path
) -> None:
    write(tmp_path / "train.csv", ["neg", "pos", "1.0"] * 3)
    write(tmp_path / "test.csv", [" pos ", label])
    with pytest.raises(LmcourseError, match=rf"row 2 of .*test.csv .*'{label}'.* 1.0, neg, pos"):
        read_labelled_tables(tmp_path, "text", "label")


def test_a_split_may_lack_a_class(tmp_path: Path) -> None:
    write(tmp_path / "train.csv", ["b", "a", "c"])
    write(tmp_path / "test.json", ["c", "c"])
    splits, names = read_labelled_tables(tmp_path, "text", "label")
    assert [names[number] for number in splits["test"].labels] == ["c", "c"]


def test_the_names_of_a_model_are_taken_instead_of_those_of_the_table(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.csv", ["c", "b", "c"])
    splits, names = read_labelled_tables(path, "text", "label", [" c", "a", "b"])
    assert (splits["train"].labels, names) == ([0, 2, 0], (" c", "a", "b"))
    with pytest.raises(LmcourseError, match="row 1 of .*has the label 'c', not one of 0, 1"):
        read_labelled_tables(path, "text", "label", ["0", "1"])


def test_a_column_with_a_label_for_nearly_every_row_is_refused(tmp_path: Path) -> None:
    ids = list(range(1_700_000_000, 1_700_000_090)) + [1_700_000_000] * 10
    with pytest.raises(LmcourseError, match="90 different labels in 100 rows.*--label_column"):
        classes_of(write(tmp_path / "mine.csv", ids))
    with pytest.raises(LmcourseError, match="12 different labels in 12 rows"):
        classes_of(write(tmp_path / "mine.csv", range(12)))
    with pytest.raises(LmcourseError, match="10,001 different labels in 30,003 rows"):
        classes_of(write(tmp_path / "mine.csv", list(range(10_001)) * 3))
    assert len(classes_of(write(tmp_path / "mine.csv", [*range(20), *range(10)]))) == 20
    assert len(classes_of(write(tmp_path / "mine.csv", range(4)))) == 4


@pytest.mark.parametrize("cell", ["", "  "])
def test_an_empty_label_is_refused(cell: str, tmp_path: Path) -> None:
    with pytest.raises(LmcourseError, match="row 2 of .*mine.csv has no 'label'"):
        classes_of(write(tmp_path / "mine.csv", ["a", cell]))


def test_a_folder_has_one_table_per_split(tmp_path: Path) -> None:
    write(tmp_path / "TRAIN.csv", ["a", "b"])
    (tmp_path / "notes.txt").write_text("-")
    assert classes_of(tmp_path) == ("a", "b")
    write(tmp_path / "train.json", ["a", "c"])
    with pytest.raises(LmcourseError, match="two train tables, TRAIN.csv and train.json"):
        classes_of(tmp_path)


def test_messages_stay_short_and_on_one_line(tmp_path: Path) -> None:
    names = [f"class {i} \n" + 200 * "x" for i in range(9)]
    path = write(tmp_path / "mine.json", names)
    with pytest.raises(LmcourseError) as caught:
        read_labelled_tables(path, "text", "label", [name.replace("x", "y") for name in names])
    assert len(str(caught.value)) < 300 and str(caught.value).isprintable()

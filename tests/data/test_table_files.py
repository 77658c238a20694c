"""Tables of every format: the same cells, or one sentence that names file, row and column."""

import gzip
import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from hf_lmcourse import LmcourseError
from hf_lmcourse.data.table_files import TABLE_FILES, read_columns

BOTH = ("text", "label")


def write_parquet(path: Path, text: Any, label: Any) -> Path:
    parquet.write_table(pyarrow.table({"text": text, "label": label, "n": [0] * len(text)}), path)
    return path


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["01", " a "], ["01", " a "]),
        ([1, -90_211], ["1", "-90211"]),
        ([1.0, 2.5], ["1.0", "2.5"]),
        (pyarrow.array([1.0, 0.1], pyarrow.float32()), ["1.0", "0.1"]),
        ([True, False], ["true", "false"]),
        ([date(2020, 1, 2), date(1999, 12, 31)], ["2020-01-02", "1999-12-31"]),
        ([Decimal("1.50"), Decimal("2.00")], ["1.50", "2.00"]),
        ([b"a", "\u00e9".encode()], ["a", "\u00e9"]),
        (pyarrow.array(["a", "b"], pyarrow.string_view()), ["a", "b"]),
        (pyarrow.array(["b", "a"]).dictionary_encode(), ["b", "a"]),
    ],
)
def test_cells_of_parquet_become_text_by_one_rule(
    cells: Any, expected: list[str], tmp_path: Path
) -> None:
    path = write_parquet(tmp_path / "mine.parquet", ["x", "y"], cells)
    assert read_columns(path, BOTH) == [["x", "y"], expected]


def test_booleans_and_numbers_have_one_name_in_json_and_parquet(tmp_path: Path) -> None:
    for cells in ([1, 2], [1.0, 0.25], [True, False]):
        rows = [{"text": "a", "label": cell} for cell in cells]
        (tmp_path / "mine.json").write_text(json.dumps(rows))
        table = write_parquet(tmp_path / "mine.parquet", ["a", "a"], cells)
        assert read_columns(tmp_path / "mine.json", BOTH) == read_columns(table, BOTH)


def json_lines(path: Path, text: list[Any], label: list[Any]) -> Path:
    rows = [{"text": t, "label": c} for t, c in zip(text, label, strict=True)]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


@pytest.mark.parametrize(("ending", "write"), [("parquet", write_parquet), ("jsonl", json_lines)])
@pytest.mark.parametrize(
    ("cell", "found"),
    [(None, "nothing"), (float("nan"), "nothing"), (["b"], "a list"), ({"b": 1}, "an object")],
)
def test_missing_and_nested_cells_are_refused_with_row_and_column(
    cell: Any, found: str, ending: str, write: Callable[..., Path], tmp_path: Path
) -> None:
    other: Any = {float: 1.5, list: ["b"], dict: {"b": 1}}.get(type(cell), "b")
    row = 1 if isinstance(cell, list | dict) else 2
    cells, plain = [other, cell], ["x", "y"]
    for column, columns in (("text", (cells, plain)), ("label", (plain, cells))):
        path = write(tmp_path / f"mine.{ending}", *columns)
        with pytest.raises(LmcourseError, match=rf"row {row} of .*mine.{ending} .*'{column}'") as e:
            read_columns(path, BOTH)
        assert found in str(e.value)


def test_half_a_surrogate_pair_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text(r'[{"text": "a \ud800", "label": "x"}]')
    with pytest.raises(LmcourseError, match=r"row 1 of .*surrogate.*'text'"):
        read_columns(tmp_path / "mine.json", BOTH)


def test_a_folder_named_like_a_partition_adds_no_column(tmp_path: Path) -> None:
    (tmp_path / "label=3").mkdir()
    path = tmp_path / "label=3" / "mine.parquet"
    parquet.write_table(pyarrow.table({"text": ["a"]}), path)
    with pytest.raises(LmcourseError, match="no column 'label', only text"):
        read_columns(path, BOTH)


@pytest.mark.parametrize("name", ["MINE.CSV", "m.Csv.GZ", "m.tsv.gz", "m.json.gz", "m.JSONL"])
def test_endings_may_be_written_in_capitals_and_followed_by_gz(name: str, tmp_path: Path) -> None:
    cells = {"c": "text,label\na,x\n", "t": "text\tlabel\na\tx\n", "j": '{"text":"a","label":"x"}'}
    content = cells[name.split(".")[1][0].lower()].encode()
    packed = name.lower().endswith("gz")
    (tmp_path / name).write_bytes(gzip.compress(content) if packed else content)
    assert read_columns(tmp_path / name, BOTH) == [["a"], ["x"]]


def test_parquet_may_be_compressed_once_more(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "mine.parquet", ["a"], ["x"])
    (tmp_path / "mine.parquet.gz").write_bytes(gzip.compress(path.read_bytes()))
    assert read_columns(tmp_path / "mine.parquet.gz", BOTH) == [["a"], ["x"]]


@pytest.mark.parametrize("ending", TABLE_FILES)
def test_a_file_that_is_not_whole_is_refused(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"mine{ending}.gz"
    path.write_bytes(gzip.compress(b"text,label\na,x\n" * 99)[:-9])
    with pytest.raises(LmcourseError, match="cannot read"):
        read_columns(path, BOTH)
    with pytest.raises(LmcourseError, match=f"none{ending}"):
        read_columns(tmp_path / f"none{ending}", BOTH)


def test_a_table_without_a_row_is_refused(tmp_path: Path) -> None:
    for name, content in (("a.csv", "text,label\n"), ("b.tsv", "text\tlabel"), ("c.json", "[]")):
        (tmp_path / name).write_text(content)
        with pytest.raises(LmcourseError, match="has no row"):
            read_columns(tmp_path / name, BOTH)
    with pytest.raises(LmcourseError, match="has no row"):
        read_columns(write_parquet(tmp_path / "d.parquet", [], []), BOTH)


PIECES = st.sampled_from(
    [b"text", b"label", b",", b"\t", b"\n", b"\r\n", b'"', b"a", b"01", b"\xff", b"\xef\xbb\xbf"]
    + [b"[", b"]", b"{", b"}", b":", b"null", b"NaN", b"1.0", b'"text":', b'"label":', b'"\\ud800"']
    + [b'{"text":"a","label":"x"}', b"text,label\n", b"text\tlabel\n", b"\0", b" ", b"\x1f\x8b"]
)
CONTENTS = st.lists(PIECES, max_size=25).map(b"".join) | st.binary(max_size=60)


@settings(deadline=None, max_examples=300)
@given(ending=st.sampled_from(list(TABLE_FILES)), content=CONTENTS, packed=st.booleans())
def test_any_file_is_read_or_refused_in_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, ending: str, content: bytes, packed: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / f"any{ending}"
    path.write_bytes(gzip.compress(content) if packed else content)
    try:
        columns = read_columns(path, BOTH)
    except LmcourseError as error:
        assert len(str(error)) < 300 and str(error).isprintable()
    else:
        assert len(columns[0]) == len(columns[1]) > 0
        assert all(isinstance(cell, str) for column in columns for cell in column)


@settings(deadline=None)
@given(rows=st.lists(st.tuples(*[st.text(st.characters(codec="utf-8"))] * 2), min_size=1))
def test_what_pyarrow_writes_is_read_equal(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    columns = [list(column) for column in zip(*rows, strict=True)]
    path = tmp_path_factory.getbasetemp() / "round_trip.parquet"
    assert read_columns(write_parquet(path, *columns), BOTH) == columns

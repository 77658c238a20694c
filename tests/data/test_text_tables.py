"""Tables in text files: every cell as written, every broken row refused with its line."""

import csv
import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_lmcourse import LmcourseError
from hf_lmcourse.data.text_tables import read_delimited, read_json

BOTH = ("text", "label")
AS_WRITTEN = ("00501", "12.50", "1e5", "NA", "null", "None", "nan", "", " a ", "2020-01-02", "True")
NOT_A_LINE_END = "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def refused(path: Path, message: str) -> None:
    read = read_json if path.suffix.startswith(".json") else read_delimited
    with pytest.raises(LmcourseError, match=message) as caught:
        read(path, BOTH)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("tabs", [False, True])
def test_cells_stay_as_they_are_written(tabs: bool, tmp_path: Path) -> None:
    lines = [("\t" if tabs else ",").join((cell, "01")) for cell in AS_WRITTEN]
    header = "text\tlabel" if tabs else "text,label"
    path = written(tmp_path / "mine", "\n".join([header, *lines]))
    assert read_delimited(path, BOTH, tabs) == [list(AS_WRITTEN), ["01"] * len(AS_WRITTEN)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("start", ["", "\ufeff", "\n\n"])
def test_line_ends_a_byte_order_mark_and_empty_lines_are_no_matter(
    end: str, start: str, tmp_path: Path
) -> None:
    text = f"{start}label , text\nx,a{NOT_A_LINE_END}\n\ny,\u00e9\n\n".replace("\n", end)
    path = written(tmp_path / "mine.csv", text)
    assert read_delimited(path, ("text", "label")) == [
        [f"a{NOT_A_LINE_END}", "\u00e9"],
        ["x", "y"],
    ]
    packed = written(tmp_path / "mine.csv.gz", gzip.compress(text.encode()))
    assert read_delimited(packed, BOTH) == read_delimited(path, BOTH)


def test_quotes_are_the_format_of_csv_and_characters_of_tsv(tmp_path: Path) -> None:
    path = written(tmp_path / "m", 'text,label\n"a ""b"", c\nd",x\nsay "e",y\n')
    assert read_delimited(path, BOTH) == [['a "b", c\nd', 'say "e"'], ["x", "y"]]
    lines = ['"a\tx', '"b" c\ty', 'd"\tx', '""\ty', "\\\tx"]
    path = written(tmp_path / "m", "\n".join(["text\tlabel", *lines]))
    assert read_delimited(path, BOTH, tabs=True)[0] == ['"a', '"b" c', 'd"', '""', "\\"]


def test_a_cell_may_be_long(tmp_path: Path) -> None:
    limit, text = csv.field_size_limit(), "word " * 60_000
    path = written(tmp_path / "mine.csv", f'text,label\n"{text}",x\n')
    assert read_delimited(path, ("text",)) == [[text]]
    assert csv.field_size_limit() == limit


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a,x\nb, c,x\n", "line 3 of .* has 3 cells"),
        ("a,x\nb\n", "line 3 of .* has 1 cells"),
        ("a,x,\n", "line 2 of .* has 3 cells"),
        ('"a\nb",x\n\nc,d,x\n', "line 5 of .* has 3 cells"),
        ('"a\nb",x\n"c,x\nd,x\n', "line 4 of .* quoted"),
        ('a,x\n"b" c,x\n', "line 3 of .* quoted"),
        ("a,x\nb\0,x\n", "NUL|0x00"),
    ],
)
def test_a_broken_row_is_refused_with_its_line(rows: str, message: str, tmp_path: Path) -> None:
    refused(written(tmp_path / "mine.csv", f"text,label\n{rows}"), message)


def test_columns_that_are_missing_or_ambiguous_are_refused(tmp_path: Path) -> None:
    refused(written(tmp_path / "a.csv", "text;label\na,b;x\n"), "no column 'text', only text;label")
    refused(written(tmp_path / "b.csv", "text,label,label\na,x,y\n"), "two columns 'label'")
    long = ",".join(f"column {i}" for i in range(999))
    refused(written(tmp_path / "c.csv", long), "no column 'text', only column 0, column 1")
    assert read_delimited(written(tmp_path / "d.csv", "n,n,text\n1,2,a\n"), ("text",)) == [["a"]]


@pytest.mark.parametrize("text", ["text,label\na,x\n", '[{"text": "a", "label": "x"}]'])
def test_another_encoding_is_refused_with_the_remedy(text: str, tmp_path: Path) -> None:
    path = tmp_path / ("mine.json" if text[0] == "[" else "mine.csv")
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        refused(written(path, text.encode(encoding)), "convert it to UTF-8")
    refused(written(path, text.replace("a", "\u00e9").encode("latin-1")), "convert it to UTF-8")
    refused(written(path, b""), "is empty")


ROWS = [{"text": "a", "label": 1.0}, {"text": "0501", "label": True}, {"text": "", "label": -3}]


@pytest.mark.parametrize("suffix", ["json", "jsonl"])
def test_json_is_an_array_an_object_of_columns_or_lines(suffix: str, tmp_path: Path) -> None:
    columns = {name: [row[name] for row in ROWS] for name in BOTH}
    keyed = {name: {str(i): row[name] for i, row in enumerate(ROWS)} for name in BOTH}
    lines = "\n\n".join(map(json.dumps, ROWS))
    for content in (*map(json.dumps, (ROWS, columns, keyed)), lines, lines.replace("\n", "\r\n")):
        for mark in ("", "\ufeff"):
            path = written(tmp_path / f"mine.{suffix}", mark + content)
            assert read_json(path, BOTH) == [["a", "0501", ""], ["1.0", True, "-3"]]
    path = written(tmp_path / f"one.{suffix}", json.dumps(ROWS[0]))
    assert read_json(path, BOTH) == [["a"], ["1.0"]]


def test_numbers_of_json_stay_as_they_are_written(tmp_path: Path) -> None:
    numbers = ["1.50", "1E5", "-0", "9" * 5_000, "0.10000000000000000001", "Infinity"]
    lines = [f'{{"text": {number}}}' for number in [*numbers, "NaN", "null"]]
    path = written(tmp_path / "mine.json", "\n".join(lines))
    assert read_json(path, ("text",)) == [[*numbers, None, None]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"text": "a", "label": "x"}\n{"text": "b", "label": "y"\n', "line 2 is not one JSON"),
        ('[{"text": "a", "label": "x"},\n{"text": "b" "label": "y"}]', "line 2, character 14"),
        ('[{"text": "a", "label": "x"}, null]', "row 2 of .* is not an object"),
        ('{"text": "a", "label": "x"}\n["b", "y"]', "row 2 of .* is not an object"),
        ('[{"text": "a", "label": "x", "label": "y"}]', "row 1 of .* each name once"),
        ('{"text": ["a", "b"], "label": ["x"]}', "do not have the same rows"),
        ('{"text": {"1": "a"}, "label": {"2": "x"}}', "do not have the same rows"),
        ('{"data": [{"text": "a", "label": "x"}]}', "no column 'text', only data"),
        ("[" * 100_000, "nested too deeply"),
        ("3", "row 1 of .* is not an object"),
    ],
)
def test_json_that_is_no_table_is_refused(content: str, message: str, tmp_path: Path) -> None:
    refused(written(tmp_path / "mine.json", content), message)


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
TABLES = st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=5)


@settings(deadline=None)
@given(rows=TABLES, end=st.sampled_from(["\n", "\r\n"]), every=st.booleans())
def test_what_the_csv_module_writes_is_read_equal(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, str]],
    end: str,
    every: bool,
) -> None:
    path = tmp_path_factory.getbasetemp() / "round_trip.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        every = every or any("\r" in cell for row in rows for cell in row)  # needs quotes
        quoting = csv.QUOTE_ALL if every else csv.QUOTE_MINIMAL
        csv.writer(file, lineterminator=end, quoting=quoting).writerows([BOTH, *rows])
    assert read_delimited(path, BOTH) == [list(column) for column in zip(*rows, strict=True)]


@settings(deadline=None)
@given(rows=TABLES, ascii_only=st.booleans(), lines=st.booleans())
def test_what_the_json_module_writes_is_read_equal(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, str]],
    ascii_only: bool,
    lines: bool,
) -> None:
    path = tmp_path_factory.getbasetemp() / "round_trip.json"
    records = [dict(zip(BOTH, row, strict=True)) for row in rows]
    dumps = json.JSONEncoder(ensure_ascii=ascii_only).encode
    path.write_text("\n".join(map(dumps, records)) if lines else dumps(records), encoding="utf-8")
    assert read_json(path, BOTH) == [list(column) for column in zip(*rows, strict=True)]

"""JSON files are strict JSON."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_lmcourse.errors import LmcourseError
from hf_lmcourse.report.json_files import json_text, read_json, with_infinities
from hf_lmcourse.report.results import RunResult

contents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


def refuse(constant: str) -> None:
    raise ValueError(constant)


@given(contents)
def test_what_is_written_is_read_by_a_strict_reader(content: Any) -> None:
    text = json_text(content)
    read = json.loads(text, parse_constant=refuse)
    assert json.loads(json_text(read)) == read
    assert text == json_text(read), "null in the place of what is no number, nothing else changes"


def test_an_infinite_perplexity_is_null_and_comes_back(result: RunResult, tmp_path: Path) -> None:
    result.metrics["test"]["perplexity"] = math.inf
    result.save(tmp_path / "result.json")
    record = json.loads((tmp_path / "result.json").read_text(), parse_constant=refuse)
    assert record["metrics"]["test"]["perplexity"] is None
    assert RunResult.load(tmp_path / "result.json") == result
    assert with_infinities({"test": {"a": None, "b": 1.5}}) == {"test": {"a": math.inf, "b": 1.5}}


def test_a_file_of_an_earlier_version_with_infinity_is_read(
    result: RunResult, tmp_path: Path
) -> None:
    result.save(tmp_path / "result.json")
    record = json.loads((tmp_path / "result.json").read_text())
    record["metrics"]["test"]["perplexity"] = math.inf
    (tmp_path / "result.json").write_text(json.dumps(record))
    assert RunResult.load(tmp_path / "result.json").metrics["test"]["perplexity"] == math.inf


@pytest.mark.parametrize("content", ["[" * 100_000, "{", ""])
def test_what_is_no_json_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(LmcourseError, match=r"a\.json"):
        read_json(tmp_path / "a.json")

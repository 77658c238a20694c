"""A study as a table and a CSV file."""

import math
from pathlib import Path

from hf_lmcourse.studies.table import study_rows, study_table, write_study_csv

from .records import point, study


def test_the_csv_file_of_a_grid_has_a_column_for_each_factor(tmp_path: Path) -> None:
    record = study({"pattern": ["full", "local"], "length": ["64", "256"]})
    write_study_csv(record, tmp_path / "grid.csv")
    header, *lines = (tmp_path / "grid.csv").read_text().splitlines()
    assert header.startswith("pattern,length,seed,split,")
    assert lines[2].startswith("full,256,1,validation,") and len(lines) == 4 + 1
    table = study_table(record).splitlines()
    assert table[0].split()[:3] == ["pattern,", "length", "split"]
    assert "full, 64" in table[1] and len(table) == 6


def test_the_spread_of_values_that_are_not_finite_is_not_a_number() -> None:
    points = [point("a", 1), point("a", 2)]
    points[1]["metrics"] = {"validation": {"perplexity": math.inf}}
    record = study({"variant": ["a"]}, points=points)
    (row,) = study_rows(record)
    assert row[2] == math.inf and math.isnan(row[3] or 0.0)
    assert "nan" in study_table(record)

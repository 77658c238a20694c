"""The page of benchmarks agrees with their result files."""

import json
import math
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from benchmarks.page import (
    BenchmarkRecord,
    benchmark_page,
    fitted_exponent,
    load_benchmarks,
)
from benchmarks.plots import plot_benchmark, show_a_decade
from benchmarks.timing import Comparison
from hf_lmcourse.errors import LmcourseError

from ..drawing import outside


def curve(size: int) -> Comparison:
    return Comparison(
        name="scoring",
        setting=f"{size} tokens",
        seconds={"ours": [1e-6 * size], "theirs": [1e-9 * size**2]},
        amount=size,
        unit="tokens",
        variable="tokens",
        size=size,
        aims={"theirs": 3.0},
        peak_bytes={"ours": 5_000_000, "theirs": 1_000_000 * size},
    )


PLAIN = Comparison("step", "2 x 3", {"ours": [0.5, 1.0, 1.5], "theirs": [2.0, 2.0, 2.0]})


def save(folder: Path, name: str, comparisons: list[Comparison]) -> None:
    record = {
        "name": f"benchmark_{name}",
        "command": f"lmcourse bench {name} --results_dir /home/me/results",
        "device": "AMD EPYC",
        "cores": 2,
        "threads": 1,
        "versions": {"torch": "2.13.0", "transformers": "5.23.0"},
        "commit": "abc1234",
        "points": [comparison.as_dict() for comparison in comparisons],
    }
    (folder / f"benchmark_{name}.json").write_text(json.dumps(record))


@pytest.fixture
def records(tmp_path: Path) -> list[BenchmarkRecord]:
    save(tmp_path, "one", [PLAIN])
    save(tmp_path, "two", [curve(10), curve(100), curve(1_000)])
    (tmp_path / "lstm_ptb.json").write_text("the result of a run")
    return load_benchmarks(tmp_path)


def cells(page: str, start: str) -> list[str]:
    (line,) = [line for line in page.splitlines() if line.startswith(start)]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_row_for_each_way_of_each_comparison(records: list[BenchmarkRecord]) -> None:
    page = benchmark_page(records, "plots")
    assert page.startswith("# Benchmarks\n\n") and page.count("\n## ") == 2
    assert page.index("(../docs/benchmarks.md)") < page.index("\n## one\n")
    assert cells(page, "| step | 2 x 3 | ours") == ["step", "2 x 3", "ours", "1.00 s", "100%", ""]
    assert cells(page, "| step | 2 x 3 | theirs")[3:] == ["2.00 s", "0%", "2.00"]
    assert cells(page, "| scoring | 1000 tokens | ours")[3:] == [
        "1.00 ms", "-", "1,000,000 tokens/s", "5 MB", ""
    ]  # fmt: skip
    assert cells(page, "| scoring | 100 tokens | theirs")[-1] == "0.10 (aim 3)"
    assert "![two](plots/benchmark_two.png)" in page
    assert "/home/me" not in page and "AMD EPYC, 2 cores, 1 threads" in page


def test_exponents_are_those_of_the_powers(records: list[BenchmarkRecord]) -> None:
    assert fitted_exponent([1, 2, 4], [3, 24, 192]) == pytest.approx(3)
    page = benchmark_page(records, "plots")
    assert cells(page, "| scoring | ours | tokens") == [
        "scoring", "ours", "tokens", "10", "1,000", "1.00", "0.00"
    ]  # fmt: skip
    assert cells(page, "| scoring | theirs | tokens")[-2:] == ["2.00", "1.00"]


def test_curves_and_ratios_are_plotted_as_wide_as_a_page(
    records: list[BenchmarkRecord], drawn: list[Figure], tmp_path: Path
) -> None:
    for record in records:
        path = tmp_path / "plots" / f"{record.name}.png"
        plot_benchmark(record, path)
        assert path.read_bytes().startswith(b"\x89PNG")
        assert drawn[-1].get_figwidth() == 8 and outside(drawn[-1]) == []


@pytest.mark.parametrize(("growth", "decades"), [(1.02, 1.0), (1_000, 3.0)])
def test_an_axis_shows_a_decade_at_least(growth: float, decades: float) -> None:
    axes = Figure().add_subplot()
    axes.plot([1, 10], [20.0, 20.0 * growth])
    axes.set_yscale("log")
    show_a_decade(axes)
    low, high = axes.get_ylim()
    assert low <= 20.0 and high >= 20.0 * growth
    assert math.log10(high / low) >= decades - 1e-9


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"points": [{"name": "a"}]}'])
def test_a_file_of_another_form_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "benchmark_bad.json").write_text(content)
    with pytest.raises(LmcourseError, match="benchmark_bad.json is not the result of a benchmark"):
        load_benchmarks(tmp_path)

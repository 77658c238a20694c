"""The page of benchmarks agrees with their result files."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from benchmarks.page import benchmark_page, fitted_exponent, merged
from benchmarks.plots import plot_benchmark, show_a_decade
from benchmarks.records import BenchmarkRecord, by_name, load_benchmarks
from benchmarks.timing import Comparison
from hf_lmcourse.errors import LmcourseError

from ..drawing import legend_labels, lines_of, unreadable, values


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


XEON = {"family": 6, "model": 143, "instructions": ["amx_bf16"]}


def save(
    folder: Path, name: str, comparisons: list[Comparison], file: str = "", **about: object
) -> None:
    record = {
        "name": f"benchmark_{name}",
        "command": f"lmcourse bench {name} --results_dir /home/me/results",
        "device": "AMD EPYC",
        "cores": 2,
        "threads": 1,
        "versions": {"torch": "2.13.0", "transformers": "5.23.0"},
        "commit": "abc1234",
        "points": [comparison.as_dict() for comparison in comparisons],
        **about,
    }
    (folder / f"benchmark_{file or name}.json").write_text(json.dumps(record))


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
    assert cells(page, "| step | 2 x 3 | ours") == ["step", "2 x 3", "ours", "1.00 s (100%)"]
    assert cells(page, "| step | 2 x 3 | theirs")[3:] == [
        "2.00 s (0%)<br>**2.00** [1.33, 4.00]"
    ]  # fmt: skip
    assert cells(page, "| scoring | 1000 tokens | ours")[3:] == [
        "1.00 ms, 1,000,000 tokens/s, 5 MB"
    ]  # fmt: skip
    assert cells(page, "| scoring | 100 tokens | theirs")[-1].endswith("MB<br>**0.10**, aim 3")
    assert "![two](plots/benchmark_two.png)" in page
    assert "/home/me" not in page and "AMD EPYC: 2 cores, 1 threads" in page


def test_a_column_for_each_processor_and_a_tie_where_it_is_one(tmp_path: Path) -> None:
    tie = replace(PLAIN, seconds={"ours": [1.0, 1.0, 1.0], "theirs": [0.9, 1.1, 1.2]})
    more = replace(PLAIN, name="another", unmeasured={"a library": "not installed"})
    save(tmp_path, "one", [PLAIN])
    about = {"device": "Intel(R) Xeon(R) Processor", "processor": XEON}
    save(tmp_path, "one", [replace(tie, clock=[1.0, 1.1]), more], "one.xeon", **about)
    page = benchmark_page(load_benchmarks(tmp_path), "plots")
    assert page.count("\n## ") == 1
    assert cells(page, "| what")[3:] == ["AMD EPYC", "Intel Xeon 6/143, AMX"]
    assert cells(page, "| step | 2 x 3 | theirs")[3:] == [
        "2.00 s (0%)<br>**2.00** [1.33, 4.00]", "1.10 s (27%)<br>**1.10** [0.90, 1.20], a tie"
    ]  # fmt: skip
    assert cells(page, "| another | 2 x 3 | ours")[3:] == ["", "1.00 s (100%)"]
    assert cells(page, "| another | 2 x 3 | a library")[3:] == ["", "not installed"]
    assert "- AMD EPYC: 2 cores, 1 threads of torch; torch" in page
    assert (
        "- Intel Xeon 6/143, AMX: 2 cores, 1 threads of torch; a fixed loop varied by 10%" in page
    )


def test_exponents_are_those_of_the_powers(tmp_path: Path) -> None:
    save(tmp_path, "two", [curve(10), curve(100), curve(1_000)])
    save(tmp_path, "two", [curve(10), curve(100)], "two.xeon", device="Xeon")
    assert fitted_exponent([1, 2, 4], [3, 24, 192]) == pytest.approx(3)
    page = benchmark_page(load_benchmarks(tmp_path), "plots")
    assert cells(page, "| scoring | ours | tokens | 10 | 1,000")[5:] == [
        "time 1.00, peak memory 0.00", ""
    ]  # fmt: skip
    assert cells(page, "| scoring | theirs | tokens | 10 | 100")[5:] == [
        "", "time 2.00, peak memory 1.00"
    ]  # fmt: skip


def test_rows_that_only_a_later_list_has_follow_those_before_them() -> None:
    lists = [[("a",), ("c",)], [("a",), ("b",), ("c",), ("d",)], [("e",), ("c",)]]
    assert merged(lists) == [("e",), ("a",), ("b",), ("c",), ("d",)]


def choices() -> list[Comparison]:
    """The second is surely wrong, the third within its spread."""
    ours_faster, tie = [2.0, 2.2, 2.4], [0.9, 1.0, 1.3]
    sizes = (
        ("1 x 8", ours_faster, "ours"),
        ("8 x 8", ours_faster, "theirs"),
        ("8 x 9", tie, "ours"),
    )
    return [
        replace(
            PLAIN,
            name="LSTM",
            setting=setting,
            seconds={"ours": [1.0, 1.0, 1.0], "theirs": theirs},
            taken=taken,
        )
        for setting, theirs, taken in sizes
    ]


def test_choices_are_counted_and_the_worst_is_named(tmp_path: Path, drawn: list[Figure]) -> None:
    right = replace(choices()[0], name="GRU")
    save(tmp_path, "one", [*choices(), right])
    records = load_benchmarks(tmp_path)
    page = benchmark_page(records, "plots")
    assert cells(page, "| LSTM") == [
        "LSTM", "ours 2, theirs 1; the slower at 1, **2.20** at worst (8 x 8)"
    ]  # fmt: skip
    assert cells(page, "| GRU") == ["GRU", "ours 1, theirs 0; never the slower"]
    plot_benchmark(records, tmp_path / "one.png")
    (axes,) = drawn[-1].axes
    ours, theirs = lines_of(axes)[:2]
    assert values(ours, "x") == [2.2, 1.0, 2.2] and values(theirs, "x") == [2.2]
    assert legend_labels(drawn[-1]) == ["ours is taken", "theirs is taken"]
    assert unreadable(drawn[-1]) == []


def test_the_way_that_is_taken_may_be_the_slower_of_either() -> None:
    _, wrong, tie = choices()
    assert wrong.lost == {"ours": pytest.approx(2.2)}
    assert tie.lost == PLAIN.lost == {}
    assert replace(wrong, seconds={"ours": [3.0] * 3, "theirs": [1.0] * 3}, taken="ours").lost == {
        "theirs": pytest.approx(3)
    }


def test_curves_and_ratios_are_plotted_as_wide_as_a_page(
    records: list[BenchmarkRecord], drawn: list[Figure], tmp_path: Path
) -> None:
    for name, group in by_name(records).items():
        path = tmp_path / "plots" / f"{name}.png"
        plot_benchmark(group, path)
        assert path.read_bytes().startswith(b"\x89PNG")
        assert drawn[-1].get_figwidth() == 8 and unreadable(drawn[-1]) == []


def test_a_plot_has_a_panel_for_each_processor(
    records: list[BenchmarkRecord], drawn: list[Figure], tmp_path: Path
) -> None:
    one, two = records
    faster = replace(PLAIN, aims={"theirs": 3.0}, seconds={"ours": [0.5] * 3, "theirs": [2.0] * 3})
    other = {"processor": "Intel Xeon 6/143, AMX"}
    plot_benchmark([one, replace(one, **other, comparisons=[faster])], tmp_path / "one.png")
    left, right = drawn[-1].axes
    assert [axes.get_title() for axes in (left, right)] == ["AMD EPYC", "Intel Xeon 6/143\nAMX"]
    assert values(lines_of(left)[0], "x") == [2.0] and values(lines_of(right)[0], "x") == [4.0]
    assert legend_labels(drawn[-1]) == ["theirs", "aim"]
    assert unreadable(drawn[-1]) == []
    plot_benchmark([two, replace(two, **other)], tmp_path / "two.png")
    titles = [axes.get_title() for axes in drawn[-1].axes if axes.get_title()]
    assert titles == ["scoring\nAMD EPYC", "scoring\nIntel Xeon 6/143, AMX"]
    assert unreadable(drawn[-1]) == []


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


def test_two_files_of_one_benchmark_and_processor_are_refused(tmp_path: Path) -> None:
    save(tmp_path, "one", [PLAIN])
    save(tmp_path, "one", [PLAIN], "one.amd_epyc")
    with pytest.raises(LmcourseError, match=r"one\.amd_epyc\.json.*one\.json.*AMD EPYC"):
        load_benchmarks(tmp_path)

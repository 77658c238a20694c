"""What scripts/benchmark.py has written: one benchmark on one processor a file."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hf_lmcourse.errors import LmcourseError

from .processor import processor_label
from .timing import Comparison

__all__ = ["BenchmarkRecord", "by_name", "load_benchmarks"]


@dataclass(frozen=True)
class BenchmarkRecord:
    """The content of a file that scripts/benchmark.py wrote.

    Attributes:
        name: Name of the benchmark.
        processor: What it ran on in a few words, see `processor_label`.
        command: The command that wrote the file.
        device, cores, threads, versions, commit: What it ran on.
        comparisons: What was measured.
    """

    name: str
    processor: str
    command: str
    device: str
    cores: int
    threads: int
    versions: dict[str, str]
    commit: str | None
    comparisons: list[Comparison]

    @property
    def curves(self) -> dict[str, list[Comparison]]:
        """The comparisons of one name at several sizes, by that name."""
        named: dict[str, list[Comparison]] = {}
        for comparison in self.comparisons:
            if comparison.size is not None:
                named.setdefault(comparison.name, []).append(comparison)
        return {name: points for name, points in named.items() if len(points) > 1}


def load_benchmarks(directory: str | Path) -> list[BenchmarkRecord]:
    """Read every `benchmark_<name>.json` and `benchmark_<name>.<processor>.json` of a folder.

    Returns:
        The benchmarks sorted by name, then by processor.

    Raises:
        LmcourseError: A file is not the result of a benchmark, or two are of one benchmark on one
            processor.
    """
    paths: dict[tuple[str, str], Path] = {}
    records = []
    for path in sorted(Path(directory).glob("benchmark_*.json")):
        record = _load(path)
        other = paths.setdefault((record.name, record.processor), path)
        if other != path:
            raise LmcourseError(
                f"{other} and {path.name} both measure {record.name} on {record.processor}: "
                "delete one of them"
            )
        records.append(record)
    return sorted(records, key=lambda record: (record.name, record.processor))


def _load(path: Path) -> BenchmarkRecord:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return BenchmarkRecord(
            name=path.name.removeprefix("benchmark_").partition(".")[0],
            processor=processor_label(record["device"], record.get("processor", {})),
            comparisons=[Comparison.from_dict(point) for point in record["points"]],
            **{key: record[key] for key in ("command", "device", "cores", "threads")},
            versions=record["versions"],
            commit=record["commit"],
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise LmcourseError(
            f"{path} is not the result of a benchmark ({error}); run scripts/benchmark.py again"
        ) from error


def by_name(records: Sequence[BenchmarkRecord]) -> dict[str, list[BenchmarkRecord]]:
    """Group the measurements of one benchmark on several processors, by its name."""
    named: dict[str, list[BenchmarkRecord]] = {}
    for record in records:
        named.setdefault(record.name, []).append(record)
    return named

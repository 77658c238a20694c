"""A race between trainings as a table: for the terminal, and on the page of studies."""

from pathlib import Path
from typing import Any

from .json_files import read_records
from .redact import make_shareable
from .tables import markdown_table

__all__ = ["load_races", "race_notes", "race_rows", "race_section"]


def load_races(directory: str | Path) -> list[dict[str, Any]]:
    """Read every race of a folder of results, sorted by name.

    Raises:
        LmcourseError: a file is no JSON.
    """
    return list(read_records(directory, "race_*.json"))


def race_rows(record: dict[str, Any]) -> list[list[str]]:
    """A header, and times and perplexities of every training, count models and published figures.

    The mark is the validation perplexity that the first training ends with.
    """
    splits = list(record["points"][0]["metrics"])
    rows = [["", "seconds", "to the mark", *splits]]
    for point in record["points"]:
        passed = point["seconds_to_mark"]
        figures = (f"{point['metrics'][split]['perplexity']:.2f}" for split in splits)
        to_mark = "" if passed is None else f"{passed:.2f}"
        rows.append([point["name"], f"{point['seconds']:.1f}", to_mark, *figures])
    counts = record["count_models"]
    for name in next(iter(counts.values())):
        figures = (f"{counts[s][name]:.2f}" if s in counts else "" for s in splits)
        rows.append([name, "", "", *figures])
    for published in record["published"]:
        place = f"{published['corpus']} {published['split']}"
        figures = (f"{published['value']:g}" if split == place else "" for split in splits)
        rows.append([f"{published['model']} (published)", "", "", *figures])
    return rows


def race_notes(record: dict[str, Any]) -> list[str]:
    """What a reader of the rows has to know."""
    unknown = record["points"][0]["metrics"].items()
    shares = ", ".join(f"{split} {figures['unknown_share']:.1%}" for split, figures in unknown)
    notes = [
        f"every split is read with the vocabulary of {record['corpus']}; unknown words: {shares}"
    ]
    return notes + [
        f"{p['model']} (published): {p['note']}" for p in record["published"] if p["note"]
    ]


def race_section(record: dict[str, Any]) -> str:
    """A race in Markdown."""
    header, *rows = race_rows(record)
    parts = [
        f"## {record['name']}",
        f"Seconds of training until the validation perplexity is that which the first ends with: "
        f"`{make_shareable(record['command'])}`",
        f"Device and threads: {record['device']}, {record['threads']}; commit {record['commit']}.",
        markdown_table(["perplexity", *header[1:]], rows),
        *(f"{note[0].upper()}{note[1:]}." for note in race_notes(record)),
    ]
    return "\n\n".join(parts)

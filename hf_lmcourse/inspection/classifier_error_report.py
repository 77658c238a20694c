"""Report on the errors of a classifier in Markdown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..report.markdown import escaped
from ..report.tables import markdown_table
from .classifier_errors import Contributions, Group

_SHOWN_WORDS = 8
_SHOWN_CHARACTERS = 600

_LOG_ODDS = (
    "Log-odds are log(p / (1 - p)) in nats, with p the probability of the predicted class: 0 at p ="
    " 50%, 4.6 at 99%. A contribution is that of one occurrence of the word to the log-odds."
)


@dataclass(frozen=True)
class WrongText:
    """A text that was classified incorrectly.

    Attributes:
        text: The text.
        true: True class.
        predicted: Predicted class.
        log_odds: Log-odds of the predicted class, in nats.
        words: Words of the text.
        contributions: Contribution of each word.
    """

    text: str
    true: str
    predicted: str
    log_odds: float
    words: Sequence[str]
    contributions: Contributions


def errors_markdown(
    title: str,
    confusion: NDArray[np.int64],
    classes: Sequence[str],
    tables: Mapping[str, Sequence[Group]],
    calibration_error: float,
    examples: Mapping[str, Sequence[WrongText]],
) -> str:
    """Format the report.

    Args:
        title: Model and texts.
        confusion: Number of texts by true class (row) and predicted class (column).
        classes: Names of the classes.
        tables: Groups of texts by title.
        calibration_error: Expected calibration error.
        examples: Incorrectly classified texts by title.

    Returns:
        Markdown that refers to confusion.png, calibration.png and groups.png in the same folder.
    """
    right, total = int(np.trace(confusion)), int(confusion.sum())
    parts = [
        f"# {escaped(title)}",
        f"{right:,} of {total:,} texts are classified correctly: {right / total:.2%}.",
        "## Confusion",
        markdown_table(
            ["true class", *(f"predicted {escaped(name)}" for name in classes)],
            [
                [escaped(name), *(f"{n:,}" for n in row)]
                for name, row in zip(classes, confusion.tolist(), strict=True)
            ],
        ),
        "![Predicted classes of each true class](confusion.png)",
        "## Calibration",
        f"Expected calibration error: {calibration_error:.2%}.",
        "![Accuracy by confidence](calibration.png)",
        "## Accuracy by group",
        "![Accuracy of groups of texts](groups.png)",
    ]
    for name, groups in tables.items():
        parts += [f"### {name}", _groups_table(groups)]
    parts += ["## Words", _LOG_ODDS]
    for name, wrong in examples.items():
        parts.append(f"## {name}")
        parts += [_example(number, text) for number, text in enumerate(wrong, start=1)]
    return "\n\n".join(parts) + "\n"


def _groups_table(groups: Sequence[Group]) -> str:
    rows = [
        [
            g.name,
            f"{g.texts:,}",
            *(f"{v:.2%}" if g.texts else "-" for v in (g.accuracy, g.confidence)),
        ]
        for g in groups
    ]
    return markdown_table(["texts", "number", "accuracy", "mean confidence"], rows)


def _example(number: int, wrong: WrongText) -> str:
    text = " ".join(wrong.text.split())
    if len(text) > _SHOWN_CHARACTERS:
        text = f"{text[:_SHOWN_CHARACTERS]} ..."
    head = (
        f"{number}. True: {escaped(wrong.true)}, predicted: {escaped(wrong.predicted)}, log-odds "
        f"{wrong.log_odds:.2f}"
    )
    against = f"against {escaped(wrong.predicted)}"
    header = ["word", "occurrences", "speaks", "leave one out", "gradient x input"]
    rows = [
        [
            escaped(wrong.words[place]),
            f"{list(wrong.words).count(wrong.words[place])}",
            f"for {escaped(wrong.predicted)}" if contribution > 0 else against,
            f"{contribution:+.3f}",
            f"{wrong.contributions.gradient_times_input[place]:+.3f}",
        ]
        for place, contribution in _strongest(wrong)
    ]
    return f"### {head}\n\n> {escaped(text)}\n\n{markdown_table(header, rows)}"


def _strongest(wrong: WrongText) -> list[tuple[int, float]]:
    """Places of the words that speak most for the predicted class, then of those against it.

    A word that occurs several times is shown once, at its strongest place.
    """
    left_out = wrong.contributions.leave_one_out.tolist()
    strongest: dict[str, int] = {}
    for place, word in enumerate(wrong.words):
        if word not in strongest or abs(left_out[place]) > abs(left_out[strongest[word]]):
            strongest[word] = place
    places = sorted(strongest.values(), key=lambda place: -left_out[place])
    speak_for = [place for place in places if left_out[place] > 0][:_SHOWN_WORDS]
    against = [place for place in reversed(places) if left_out[place] <= 0][:_SHOWN_WORDS]
    return [(place, left_out[place]) for place in (*speak_for, *against)]

"""Figures as files."""

from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.text import Text

from .files import whole_file


def save_figure(
    figure: Figure, path: str | Path, dpi: int = 150, *, formulas: bool = False
) -> None:
    """Save a figure, whole or not at all, and create its folder if it does not exist.

    Args:
        figure: The figure.
        path: Its extension is the format, such as .png.
        dpi: Dots per inch.
        formulas: Its texts have formulas between dollar signs; otherwise a dollar sign is one, as
            in the name of a file or a class.

    Raises:
        LmcourseError: The file cannot be written.
    """
    path = Path(path)
    for text in figure.findobj(Text):
        text.set_parse_math(formulas)
    with whole_file(path) as unfinished, rc_context({"text.parse_math": formulas}):
        figure.savefig(unfinished, format=path.suffix.removeprefix(".") or None, dpi=dpi)

"""A run whose steps are computed by a cell of the user's own, and its comparison with ours."""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..checking.adapters import FILE_NAME as ADAPTERS
from ..checking.cell import OwnCell, load_cell
from ..errors import LmcourseError
from ..layers.recurrence import DenseRecurrence
from ..report.files import whole_file, write_text
from ..report.redact import redacted
from ..report.results import RunResult
from .recipes import published_results
from .settings import RunSettings, read_settings

FILE_NAME = "cell.py"
"""The copy of the user's file in the run folder, which nothing reads."""

OUR_STEP = "our step, same weights"
"""What the score of the saved model by our own layers is called."""

OWN_STEP_NOTE = (
    "Every step of this model was computed by your own cell; the saved weights are those of our "
    f"layer and load without your file, whose copy is {FILE_NAME}."
)

_REPORTS = {
    "cache_dir",
    "cell",
    "data_dir",
    "disable_tqdm",
    "hub_model_id",
    "logging_dir",
    "logging_steps",
    "output_dir",
    "push_to_hub",
    "report_to",
    "results_dir",
    "resume_changes",
    "resume_from_checkpoint",
    "run_name",
    "sample_length",
    "sample_prompt",
    "save_total_limit",
    "use_cpu",
}
"""Settings with which a result does not change."""


@dataclass(frozen=True)
class CellRun:
    """A cell and what its run is compared with.

    Attributes:
        cell: The user's step.
        ours: The result of our own step with the same settings, if there is one.
    """

    cell: OwnCell
    ours: RunResult | None

    @classmethod
    def of(cls, settings: RunSettings) -> "CellRun | None":
        """Check and import the cell that the settings name, if they name one.

        The run takes the name of the cell too, so that its result is a row of its own.

        Raises:
            LmcourseError: See `load_cell`.
        """
        if settings.training.cell is None:
            return None
        cell = load_cell(settings.training.cell, settings.config)
        ours = next(_results_of_ours(settings), None)
        settings.name = f"{settings.name}_{cell.name}"
        return cls(cell, ours)

    @property
    def made_from(self) -> dict[str, str]:
        """What a checkpoint records: the file by its content, wherever it is."""
        return {"cell": self.cell.origin}

    @property
    def sentence(self) -> str:
        """What the card says of the training and of the saved weights."""
        return (
            f" Every step was computed by `{self.cell.name}` of {self.cell.path.name}, which "
            f"passed `lmcourse check`; the run folder has a copy, {FILE_NAME}. The weights are "
            "those of the package's own layer, and load without that file."
        )

    @property
    def record(self) -> dict[str, str]:
        """A row of the card."""
        return {"cell, SHA-256 of its file": self.cell.origin}

    @property
    def trained_by_us(self) -> dict[str, dict[str, float]]:
        """Metrics on the validation text of our own run, if there is one."""
        return {"our step, own run": self.ours.metrics["validation"]} if self.ours else {}

    def check(self, model: Any, rows: int) -> None:
        """Compare the cell with the layers of a model in batches of that many rows.

        Raises:
            LmcourseError: See `OwnCell.demand_agreement`.
        """
        for layer in _layers(model):
            self.cell.demand_agreement(layer, rows)

    def attach(self, model: Any) -> None:
        """Compute the steps of every recurrent layer by the cell."""
        for layer in _layers(model):
            layer.cell = self.cell

    def save(self, folder: Path) -> None:
        """Copy the file, as it was when the run began, and its adapter into the run folder."""
        with whole_file(folder / FILE_NAME) as unfinished:
            unfinished.write_bytes(self.cell.source)
        adapter = {key: v for key, v in self.cell.task["adapter"].items() if key != "function"}
        if adapter:
            text = f"ADAPTERS = { ({self.cell.task['name']: adapter})!r}\n"
            write_text(folder / ADAPTERS, text)


def _layers(model: Any) -> list[DenseRecurrence]:
    return [module for module in model.modules() if isinstance(module, DenseRecurrence)]


def _results_of_ours(settings: RunSettings) -> Iterator[RunResult]:
    """Results of the same recipe with the same settings, the newest first."""
    folder = settings.training.results_dir
    own = Path(folder, f"{settings.name}.json") if folder is not None else None
    if own is not None and own.is_file():
        yield from (r for r in [RunResult.load(own)] if _same_settings(r, settings))
    for result in published_results(settings.name):
        if _same_settings(result, settings):
            yield result


def _same_settings(result: RunResult, settings: RunSettings) -> bool:
    """Whether the command of a result says the same as these settings; it has no absolute paths."""
    overrides = shlex.split(result.command.rpartition(" && ")[2])[3:]  # lmcourse train RECIPE
    if result.config != redacted(settings.config_file):
        return False
    try:
        other = read_settings([settings.config_path, *overrides])
    except LmcourseError:  # what it names is not here any more
        return False
    return _decisive(other) == _decisive(settings)


def _decisive(settings: RunSettings) -> Mapping[str, str]:
    config = {n: v for n, v in settings.config.to_dict().items() if n != "backend"}
    found = config | vars(settings.data) | settings.training.to_dict()
    return {name: redacted(str(v)) for name, v in found.items() if name not in _REPORTS}

"""Begin and end a run of whatever model the settings name."""

from ..models.families import CLASSIFIERS
from .classifier import ClassificationRun, prepare_classification
from .classifier_report import ClassificationSummary, finish_classification
from .language_model import Run, prepare_run
from .language_model_report import RunSummary, finish_run
from .settings import RunSettings

__all__ = ["finish_any_run", "prepare_any_run"]


def prepare_any_run(settings: RunSettings, command: list[str]) -> Run | ClassificationRun:
    """A run of a language model or of a classifier, ready to train.

    Args:
        settings: from `read_settings`.
        command: the words of the command line, kept in the run folder.

    Raises:
        LmcourseError: whatever is wrong with the data, the settings or the checkpoint.
    """
    if settings.config.model_type in CLASSIFIERS:
        return prepare_classification(settings, command)
    return prepare_run(settings, command)


def finish_any_run(run: Run | ClassificationRun) -> RunSummary | ClassificationSummary:
    """Score a trained model, and write its run folder."""
    if isinstance(run, ClassificationRun):
        return finish_classification(run)
    return finish_run(run)

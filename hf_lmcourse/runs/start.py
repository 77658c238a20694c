"""Start a training run of the model that the settings name."""

from ..errors import LmcourseError
from ..models.families import is_classifier
from ..training.other_processes import with_other_processes
from .classifier_setup import prepare_classifier
from .language_model_setup import prepare_language_model
from .settings import RunSettings
from .training_run import TrainingRun


def prepare_run(settings: RunSettings, command: list[str]) -> TrainingRun:
    """Load the data, and build the tokenizer, the model and the trainer.

    Args:
        settings: From `read_settings`; the run folder is resolved, and what the data determine
            (vocabulary, classes) is filled in here.
        command: The words of the command line, kept in the run folder.

    Returns:
        A run that is ready to train.

    Raises:
        LmcourseError: Something is wrong with the data, the tokenizer, the settings, or the
            checkpoint to resume from, or another process ended. Nothing is written before all of
            them are checked.
    """
    classifier = is_classifier(settings.config.model_type)
    if classifier and settings.training.cell is not None:
        raise LmcourseError(
            "cell is for language models, and a classifier has no steps: leave it out"
        )
    with with_other_processes():
        return (prepare_classifier if classifier else prepare_language_model)(settings, command)

"""What is tried with a model of another package before it is trained."""

from transformers import PreTrainedModel

from ..errors import LmcourseError
from ..evaluation.token_scores import check_causal, scorer_of
from .settings import RunSettings


def check_model(settings: RunSettings, model: PreTrainedModel) -> None:
    """Read a few tokens with a model of another package; those of this package are known.

    Args:
        settings: Of the run.
        model: The model with its first weights.

    Raises:
        LmcourseError: The model cannot read text alone, looks ahead, or changes its weights when it
            is evaluated; or a setting is for models of the package.
    """
    if hasattr(model, "carries_state"):
        return
    kind = settings.config.model_type
    if settings.training.rank_contexts:
        raise LmcourseError(f"rank_contexts is for models of the package: set it to 0 for {kind}")
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    try:
        check_causal(model, settings.config_file)
        scorer_of(model)  # looks for a state
    except LmcourseError:
        raise
    except Exception as error:  # whatever the settings of a model lead to
        what = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise LmcourseError(
            f"model settings of {settings.config_file}: {kind} cannot read text ({what})"
        ) from error
    changed = [n for n, weight in model.named_parameters() if not weight.equal(before[n])]
    if changed:
        raise LmcourseError(
            f"{kind} changes its weights when it is evaluated ({changed[0]}), so that checkpoints "
            "would hold others: choose settings with which it does not, for rwkv rescale_every 0"
        )

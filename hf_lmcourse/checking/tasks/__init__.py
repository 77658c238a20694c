"""The tasks that students can check, by name."""

from ...errors import LmcourseError, nearest
from ..task import Task
from .dan_forward import DAN_FORWARD
from .gru_step import GRU_STEP
from .lstm_step import LSTM_STEP
from .multi_head_attention import MULTI_HEAD_ATTENTION
from .one_hidden_layer import ONE_HIDDEN_LAYER
from .perplexity import PERPLEXITY
from .softmax_gradient import SOFTMAX_GRADIENT

__all__ = ["TASKS", "find_task"]

TASKS = {
    task.name: task
    for task in (
        SOFTMAX_GRADIENT,
        ONE_HIDDEN_LAYER,
        LSTM_STEP,
        GRU_STEP,
        MULTI_HEAD_ATTENTION,
        PERPLEXITY,
        DAN_FORWARD,
    )
}


def find_task(name: str) -> Task:
    """Return the task of that name.

    Raises:
        LmcourseError: There is no such task; the message suggests the nearest.
    """
    if name in TASKS:
        return TASKS[name]
    near = nearest(name.replace("-", "_"), TASKS)
    hint = f"did you mean {near}?" if near else f"choose from {', '.join(TASKS)}"
    raise LmcourseError(f"there is no task {name!r}: {hint}")

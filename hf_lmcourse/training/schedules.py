"""The learning-rate schedule "step"."""

import math
from collections.abc import Callable

from ..errors import LmcourseError
from .arguments import RunArguments


def step_decay(args: RunArguments, num_training_steps: int) -> Callable[[int], float]:
    """Return the factor of the learning rate as a function of the step.

    The factor is 1 until step `start`, and from there on

        factor ** (1 + floor((t - start) / every))

    Args:
        args: `step_decay_every`, `step_decay_start`, `step_decay_factor`.
        num_training_steps: The total, for values below 1, which are shares of it.

    Raises:
        LmcourseError: `step_decay_every` is not positive.
    """
    every, start = args.step_decay_every, args.step_decay_start
    if every <= 0:
        raise LmcourseError('lr_scheduler_type "step" needs step_decay_every above 0')
    start = every if start is None else start
    every, start = (v * num_training_steps if v < 1 else v for v in (every, start))
    factor = args.step_decay_factor

    def rate(step: int) -> float:
        return factor ** max(0, math.floor((step - start) / every) + 1)

    return rate

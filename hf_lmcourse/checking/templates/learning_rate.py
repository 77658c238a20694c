"""A learning-rate schedule: linear warm-up, then cosine decay.

For step s = 0, 1, ..., total - 1:

    rate = peak s / warmup                                                  if s < warmup
    rate = peak (1 + cos(pi (s - warmup) / (total - warmup))) / 2           if not

Check it with `lmcourse check FILE`. A file that imports NumPy and not torch gets NumPy arrays.
"""

from torch import Tensor


def learning_rate(steps: Tensor, peak: float, warmup: int, total: int) -> Tensor:
    """The rate at each of the steps.

    Shape:
        steps: (steps,), integers in any order; rates: (steps,).
    """
    raise NotImplementedError

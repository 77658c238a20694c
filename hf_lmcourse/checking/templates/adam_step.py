"""One step of Adam.

With g the gradient, m and v the moments before the step, t = 1 in the first step, and * entry by
entry:

    m' = beta1 m + (1 - beta1) g            mhat = m' / (1 - beta1^t)
    v' = beta2 v + (1 - beta2) g * g        vhat = v' / (1 - beta2^t)

    theta' = theta - lr mhat / (sqrt(vhat) + eps)

Return m' and v', not mhat and vhat.

Check it with `lmcourse check FILE`. A file that imports NumPy and not torch gets NumPy arrays.
"""

from torch import Tensor


def adam_step(
    theta: Tensor,
    g: Tensor,
    m: Tensor,
    v: Tensor,
    t: int,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """The new parameters theta' and the new moments m' and v'.

    Shape:
        theta, g, m, v, theta', m', v': (parameters,).
    """
    raise NotImplementedError

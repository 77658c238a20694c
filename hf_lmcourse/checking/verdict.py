"""The verdict on a task, and what it is made of."""

from collections.abc import Sequence
from dataclasses import dataclass

CLOSE = 1e-5
"""The relative error of values that go through float32 is below this; that of every known mistake
is far above."""
PARTS = ("values", "gradients", "shapes")
"""What is right or wrong by itself, and earns points in a course."""


@dataclass(frozen=True)
class Difference:
    """The largest error of one output or gradient.

    Attributes:
        quantity: The name of the output, or dJ/dW for a gradient.
        error: The relative error.
        case: The label of the case with the largest error.
        block: The block of rows with the largest error there, if rows are blocks.
        allowed: The largest error that is right: `CLOSE`, or `SINGLE` if results are in float32.
    """

    quantity: str
    error: float
    case: str
    block: str | None = None
    allowed: float = CLOSE

    @property
    def ok(self) -> bool:
        """Whether the error is allowed; nan is not."""
        return self.error <= self.allowed


@dataclass(frozen=True)
class Verdict:
    """The result of the comparison for one task.

    Attributes:
        task: The name of the task.
        agrees: Whether all answers are right; `None` if nothing could be compared.
        cases: The number of cases.
        differences: The largest difference of each output and gradient that could be compared.
        message: A sentence on what is wrong, or a remark.
        likely: The known mistakes that give exactly the student's outputs.
        isolated: Whether the file had no network, and saw no other processes.
        right: Which of `PARTS` are right in all cases.
    """

    task: str
    agrees: bool | None
    cases: int = 0
    differences: Sequence[Difference] = ()
    message: str = ""
    likely: Sequence[str] = ()
    isolated: bool = True
    right: frozenset[str] = frozenset()

"""What a process says when another one of the same run has ended."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch.distributed import DistError

from ..errors import LmcourseError


@contextmanager
def with_other_processes() -> Iterator[None]:
    """Say in one sentence that the processes of a distributed run no longer answer.

    A process that ends is noticed at the next exchange of gradients; one that hangs after
    `ddp_timeout` seconds.

    Raises:
        LmcourseError: An exchange with the other processes failed.
    """
    try:
        yield
    except RuntimeError as error:
        # gloo raises errors of no type of their own, which begin with the file they come from
        if not isinstance(error, DistError) and "/gloo/" not in str(error):
            raise
        raise LmcourseError(
            "another process of this run ended or does not answer: its own output says why; start "
            "all of them again, with --resume_from_checkpoint if there is a checkpoint"
        ) from error

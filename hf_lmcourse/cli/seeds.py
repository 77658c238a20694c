"""Seeds of the command line."""

from ..errors import LmcourseError


def check_seed(seed: int) -> None:
    """Refuse a seed that not every generator of random numbers takes.

    Raises:
        LmcourseError: It is not from 0 to 2^32 - 1.
    """
    if not 0 <= seed < 2**32:
        raise LmcourseError(f"--seed must be at least 0 and below {2**32}, not {seed}")

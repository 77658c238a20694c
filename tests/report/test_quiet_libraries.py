"""Libraries are silent inside, and as talkative as before afterwards, whatever happens."""

import logging
import warnings

import pytest
from transformers.utils import logging as transformers_logging

from hf_lmcourse.report.quiet_libraries import quiet_libraries


def state() -> tuple[int, bool, int, int]:
    return (
        transformers_logging.get_verbosity(),
        transformers_logging.is_progress_bar_enabled(),
        logging.getLogger("accelerate").level,
        len(warnings.filters),
    )


@pytest.mark.parametrize("verbosity", [logging.INFO, logging.WARNING])
def test_libraries_are_silent_inside_and_as_before_afterwards(verbosity: int) -> None:
    before_test = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity(verbosity)
    try:
        before = state()
        with pytest.raises(ZeroDivisionError), quiet_libraries():
            assert transformers_logging.get_verbosity() == logging.ERROR
            assert not transformers_logging.is_progress_bar_enabled()
            raise ZeroDivisionError
        assert state() == before
    finally:
        transformers_logging.set_verbosity(before_test)


def test_other_warnings_are_still_seen() -> None:
    with pytest.warns(UserWarning, match="of the user"), quiet_libraries():
        warnings.warn("of the user", stacklevel=1)

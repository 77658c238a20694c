"""Numbers are readable at any magnitude."""

import math

import pytest

from hf_lmcourse.report.numbers import readable


@pytest.mark.parametrize(
    ("value", "digits", "expected"),
    [
        (98.304, 2, "98.30"),
        (398_816.06, 1, "398,816.1"),
        (999_999.4, 0, "999,999"),
        (1.2e43, 2, "1.20e+43"),
        (0.00012, 4, "0.0001"),
        (0.000012, 4, "1.20e-05"),
        (-2.5, 1, "-2.5"),
        (0, 4, "0.0000"),
        (math.inf, 2, "inf"),
        (math.nan, 2, "nan"),
    ],
)
def test_the_digits_that_matter_are_shown(value: float, digits: int, expected: str) -> None:
    assert readable(value, digits) == expected

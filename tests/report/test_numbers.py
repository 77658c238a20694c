"""Numbers are readable at any magnitude."""

import math

import pytest

from hf_lmcourse.report.numbers import four_digits, readable, spread, standard_error


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


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (98.304, "98.30"),
        (4.58765, "4.588"),
        (0.874, "0.8740"),
        (9.9999, "10.00"),
        (1234.567, "1,235"),
        (123_456.7, "123,500"),
        (0.00012345, "0.0001234"),
        (1.2341e43, "1.234e+43"),
        (1.2341e-7, "1.234e-07"),
        (-2.5, "-2.500"),
        (0, "0"),
        (math.inf, "inf"),
        (math.nan, "nan"),
    ],
)
def test_four_digits_are_significant(value: float, expected: str) -> None:
    assert four_digits(value) == expected


def test_the_spread_is_that_of_finite_values_and_unknown_for_one() -> None:
    assert spread([1.0, 3.0]) == pytest.approx(2**0.5)
    assert spread([1.0]) is None
    assert math.isnan(spread([1.0, math.inf]) or 0.0)


def test_the_standard_error_is_that_of_a_share() -> None:
    assert standard_error(0.5, 100) == 0.05 and standard_error(1.0, 10) == 0

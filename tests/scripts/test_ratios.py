"""A ratio is compared in pairs, and a tie is what the pairs do not agree on."""

import math

import pytest

from benchmarks.ratios import Ratio, interval_of_median


def test_a_drift_that_both_sides_share_cancels() -> None:
    ours = [1.0, 2.0, 4.0, 8.0, 16.0]
    found = Ratio.of_pairs(ours, [1.5 * value for value in ours])
    assert found == Ratio(1.5, 1.5, 1.5) and not found.tie


@pytest.mark.parametrize(("last", "tie"), [(1.1, False), (0.9, True)])
def test_a_tie_has_1_within_its_spread(last: float, tie: bool) -> None:
    found = Ratio.of_pairs([1.0] * 7, [1.2, 1.3, 1.2, 1.25, 1.2, 1.4, last])
    assert (found.median, found.low, found.high) == (1.2, last, 1.4)
    assert found.tie is tie


def test_one_pair_alone_has_no_spread_and_is_no_tie() -> None:
    found = Ratio.of_pairs([2.0], [2.0])
    assert found == Ratio(1.0, 1.0, 1.0) and not found.tie


@pytest.mark.parametrize("count", range(1, 40))
def test_the_interval_is_the_narrowest_with_the_median_in_95_percent(count: int) -> None:
    low, high = interval_of_median(list(range(count, 0, -1)))
    left_out = low - 1
    assert high == count - left_out

    def missed(left_out: int) -> float:
        """Probability that the median is outside the interval."""
        return 2 * sum(math.comb(count, k) for k in range(left_out + 1)) / 2**count

    assert missed(left_out) <= 0.05 or left_out == 0
    assert missed(left_out + 1) > 0.05


def test_from_nine_pairs_on_an_outlier_is_left_out() -> None:
    assert interval_of_median([1.0] * 8 + [9.0]) == (1.0, 1.0)
    assert interval_of_median([1.0] * 7 + [9.0]) == (1.0, 9.0)

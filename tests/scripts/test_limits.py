"""Matrix products and memory traffic alone."""

import pytest

from benchmarks.limits import limits


def test_amounts_are_the_operations_of_a_product_and_the_bytes_that_move() -> None:
    product, copy, read = limits(2, {"small": (3, 4, 5)}, copied=1_000)
    assert list(product.medians) == ["bf16", "float32"]
    assert product.amount == pytest.approx(2 * 3 * 4 * 5 / 1e9)
    assert copy.amount == pytest.approx(8_000 / 1e9) and read.amount == copy.amount / 2
    assert set(copy.rates) == {"copy"} and set(read.rates) == {"sum"}

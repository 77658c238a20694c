"""Positions: their definitions, and what they are for."""

import cmath
import math

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_lmcourse.layers.positions import position_angles, rotate, sinusoidal_positions


def test_sinusoids_are_those_of_the_paper() -> None:
    table = sinusoidal_positions(torch.arange(50), 6, torch.float64)
    for t in (0, 1, 7, 49):
        for i in range(3):
            angle = t / 10_000 ** (2 * i / 6)
            assert math.isclose(table[t, 2 * i], math.sin(angle), abs_tol=1e-12)
            assert math.isclose(table[t, 2 * i + 1], math.cos(angle), abs_tol=1e-12)


def test_a_step_along_the_sinusoids_is_one_linear_map() -> None:
    table = sinusoidal_positions(torch.arange(40), 8, torch.float64)
    step = torch.linalg.lstsq(table[:30], table[3:33]).solution
    torch.testing.assert_close(table[:37] @ step, table[3:])


def test_rotation_is_multiplication_of_complex_numbers() -> None:
    x = torch.randn(5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    angles = position_angles(torch.arange(5), 6, dtype=torch.float64)
    turned = rotate(x, angles.cos(), angles.sin())
    for t in range(5):
        for i in range(3):
            pair = complex(x[t, i], x[t, i + 3]) * cmath.exp(1j * t * 10_000 ** (-2 * i / 6))
            assert cmath.isclose(complex(turned[t, i], turned[t, i + 3]), pair, abs_tol=1e-12)


@settings(max_examples=20, deadline=None)
@given(start=st.integers(0, 1000), shift=st.integers(0, 1000), size=st.sampled_from([2, 6, 16]))
def test_rotary_products_depend_on_the_distance_alone(start: int, shift: int, size: int) -> None:
    chance = torch.Generator().manual_seed(size)
    q, k = torch.randn(2, 1, size, dtype=torch.float64, generator=chance)

    def product(query_at: int, key_at: int) -> torch.Tensor:
        angles = position_angles(torch.tensor([[query_at], [key_at]]), size, dtype=torch.float64)
        turned = rotate(torch.stack([q, k]), angles.cos(), angles.sin())
        return (turned[0] * turned[1]).sum()

    torch.testing.assert_close(product(start + 5, start), product(start + shift + 5, start + shift))
    torch.testing.assert_close(product(start, start), (q * k).sum())


def test_angles_keep_their_digits_in_low_precision() -> None:
    far = torch.tensor([4001])
    low = sinusoidal_positions(far, 4, torch.bfloat16)
    exact = sinusoidal_positions(far, 4, torch.float64)
    torch.testing.assert_close(low.double(), exact, rtol=0, atol=0.01)

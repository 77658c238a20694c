"""Where levels are on an axis."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_lmcourse.studies.levels import LevelAxis, level_title


@pytest.mark.parametrize(
    ("levels", "numeric", "logarithmic"),
    [
        (["0", "1", "2"], True, False),
        (["64", "256", "1024"], True, True),
        (["1e-3", "1e-2"], True, True),
        (["0", "0.001", "0.01", "1"], False, False),  # the first labels would cover each other
        ([str(n) for n in range(20)], False, False),
        (["1", "1.0"], False, False),
        (["inf", "1"], False, False),
        (["nan"], False, False),
        (["relu", "0.5"], False, False),
    ],
)
def test_numbers_are_an_axis_if_their_labels_fit(
    levels: list[str], numeric: bool, logarithmic: bool
) -> None:
    axis = LevelAxis.of(levels)
    assert (axis.numeric, axis.logarithmic) == (numeric, logarithmic)
    assert list(axis.places) == levels
    assert numeric or list(axis.places.values()) == list(range(len(levels)))


@given(st.lists(st.floats(allow_nan=False).map(str), min_size=1, unique=True))
def test_every_level_has_a_place_of_its_own(levels: list[str]) -> None:
    places = list(LevelAxis.of(levels).places.values())
    assert len(set(places)) == len(levels)


@pytest.mark.parametrize("levels", [["0", "10"], ["1", "100"], ["a", "b"]])
def test_a_place_is_moved_a_little_along_the_axis(levels: list[str]) -> None:
    axis = LevelAxis.of(levels)
    first, second = axis.places.values()
    assert first < axis.beside(first, 0.01) < first + 0.1 * (second - first)
    assert axis.beside(second, 0) == second


def test_long_names_are_wrapped_and_activations_have_their_names() -> None:
    assert all(len(line) <= 32 for line in level_title("a long name " * 9).splitlines())
    assert level_title("leaky_relu") == "leaky ReLU"

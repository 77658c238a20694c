"""Some of the training texts are drawn with a seed, and the classes keep their shares."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_lmcourse import LmcourseError
from hf_lmcourse.data.labelled_texts import LabelledTexts, draw_training_texts

LABELS = [0, 1, 1] * 10
SPLITS = {
    "train": LabelledTexts([f"text {number}" for number in range(30)], LABELS),
    "test": LabelledTexts(["other"], [1]),
}


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 28), st.integers(0, 9))
def test_the_drawn_texts_keep_their_labels_their_order_and_the_shares(
    number: int, seed: int
) -> None:
    splits = draw_training_texts(SPLITS, number, seed)
    train = splits["train"]
    places = [int(text.split()[1]) for text in train.texts]
    assert len(train) == number and places == sorted(set(places))
    assert train.labels == [LABELS[place] for place in places]
    assert abs(sum(train.labels) - number * 2 / 3) < 1
    assert splits["test"] == SPLITS["test"]


def test_the_seed_decides_which() -> None:
    draws = [draw_training_texts(SPLITS, 12, seed)["train"].texts for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]


def test_all_of_them_may_be_asked_for() -> None:
    assert draw_training_texts(SPLITS, 30, 1) == SPLITS


@pytest.mark.parametrize("number", [-1, 0, 1, 31])
def test_a_number_that_cannot_be_drawn_is_refused(number: int) -> None:
    with pytest.raises(LmcourseError, match=rf"max_training_texts {number} of 30 training texts"):
        draw_training_texts(SPLITS, number, 1)

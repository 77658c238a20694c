"""Texts with the class of each, and the draw of those that are held out of training."""

import random
from dataclasses import dataclass

from ..errors import LmcourseError, reason


@dataclass(frozen=True)
class LabelledTexts:
    """Texts, and the class of each.

    Attributes:
        texts: The texts.
        labels: Their classes, from 0.
    """

    texts: list[str]
    labels: list[int]

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, places: list[int]) -> "LabelledTexts":
        """Some of the texts, in the order asked for."""
        return LabelledTexts([self.texts[i] for i in places], [self.labels[i] for i in places])


def draw_training_texts(
    splits: dict[str, LabelledTexts], number: int, seed: int
) -> dict[str, LabelledTexts]:
    """Keep some of the training texts, drawn at random with the same share of each class.

    Args:
        splits: All texts; those of the other splits are kept.
        number: How many training texts to keep, in their order.
        seed: Of the draw.

    Raises:
        LmcourseError: There are not as many, or too few for all classes.
    """
    from sklearn.model_selection import train_test_split  # half a second that few runs need

    train = splits["train"]
    if number == len(train):
        return splits
    try:
        chosen, _ = train_test_split(
            range(len(train)), train_size=number, stratify=train.labels, random_state=seed
        )
    except ValueError as error:
        raise LmcourseError(
            f"max_training_texts {number} of {len(train)} training texts: {reason(error)}"
        ) from error
    return {**splits, "train": train.take(sorted(chosen))}


def with_validation(
    splits: dict[str, LabelledTexts], share: float, seed: int | None
) -> dict[str, LabelledTexts]:
    """With a validation split, taken from the training texts if there is none.

    It is drawn at random, or without a seed the end of each tenth of each class.
    """
    if "validation" in splits:
        return splits
    train = splits["train"]
    places = list(range(len(train)))
    if seed is None:
        held_out = [p for label in set(train.labels) for p in _ends_of_tenths(train, label, share)]
    else:
        random.Random(seed).shuffle(places)
        held_out = places[: max(1, round(share * len(train)))]
    chosen = set(held_out)
    if len(chosen) == len(train):
        raise LmcourseError("one labelled text leaves none to validate on")
    return {
        **splits,
        "train": train.take([place for place in places if place not in chosen]),
        "validation": train.take(held_out),
    }


def _ends_of_tenths(train: LabelledTexts, label: int, share: float) -> list[int]:
    """The positions of the last texts of each tenth of a class."""
    places = [place for place, found in enumerate(train.labels) if found == label]
    borders = [round(tenth * len(places) / 10) for tenth in range(11)]
    return [
        place
        for start, end in zip(borders, borders[1:], strict=False)
        for place in places[end - round(share * (end - start)) : end]
    ]

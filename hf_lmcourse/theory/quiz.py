"""Multiple-choice questions about the statements of the theory, each with its reason."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

import yaml

from .items import ITEMS, demand_item


@dataclass(frozen=True)
class Question:
    """A question.

    Attributes:
        item: The item of the theory that answers it.
        question: The question.
        choices: The answers to choose from, all different.
        right: The place of the right one.
        reason: Why it is right.
    """

    item: str
    question: str
    choices: tuple[str, ...]
    right: int
    reason: str

    @property
    def letter(self) -> str:
        """The letter of the right answer."""
        return "abcd"[self.right]

    def __str__(self) -> str:
        rows = (
            f"  {letter}) {choice}" for letter, choice in zip("abcd", self.choices, strict=True)
        )
        return "\n".join([f"[{self.item}] {self.question}", *rows])


def quiz(item: str | None = None, count: int | None = None, seed: int = 0) -> list[Question]:
    """Return questions in the order of the items, with the choices in a random order.

    Args:
        item: Only questions about this item.
        count: So many, chosen at random; all by default.
        seed: Of the random order.

    Raises:
        LmcourseError: There is no such item.
    """
    if item is not None:
        demand_item(item)
    rng = random.Random(seed)
    entries = [entry for entry in _entries() if item in (None, entry["item"])]
    if count is not None:
        places = sorted(rng.sample(range(len(entries)), min(count, len(entries))))
        entries = [entries[place] for place in places]
    return [_mixed(entry, rng) for entry in entries]


def _entries() -> Sequence[dict]:
    text = files(__package__).joinpath("quiz.yaml").read_text("utf-8")
    return sorted(yaml.safe_load(text), key=lambda entry: ITEMS.index(entry["item"]))


def _mixed(entry: dict, rng: random.Random) -> Question:
    """Mix the choices, of which the first one is right in the file."""
    first, *_ = choices = entry["choices"]
    mixed = tuple(rng.sample(choices, len(choices)))
    return Question(entry["item"], entry["question"], mixed, mixed.index(first), entry["reason"])

"""Reviews of restaurants from a small grammar: sentiment with negation, and no network."""

import random

NOISE = 0.05
"""Share of labels that are flipped, so that no model can be right more often than 95 %."""

_SIZES = {"train": 4_000, "validation": 500, "test": 1_000}

_THINGS = "the soup,the bread,the fish,the dessert,our waiter,the room,the music,the wine".split(
    ","
)
_GOOD = "good,great,lovely,excellent,charming,fresh,perfect".split(",")
_BAD = "bad,awful,dull,terrible,stale,horrible,dreadful".split(",")
_NEGATIONS = ("not", "never", "hardly")
_DEGREES = ("", "", "very", "really", "so", "all that")
_LINKS = (" and ", " , but ", " ; ", " , while ")


def toy_reviews(split: str) -> tuple[list[str], list[int]]:
    """Texts and labels (0 negative, 1 positive) of a split, the same at every call.

        review  ->  clause | clause link clause link clause
        clause  ->  thing was [negation] [degree] quality

    A clause is positive if its quality is good and not negated, or bad and negated. A review
    is positive if most of its clauses are, and then one label in twenty is flipped. The order
    of the words matters: "not good and stale" is worse than "good and not stale".

    Args:
        split: "train", "validation" or "test".
    """
    draw = random.Random(f"toy reviews, {split}")
    texts, labels = [], []
    for _ in range(_SIZES[split]):
        clauses = [_clause(draw) for _ in range(draw.choice((1, 3)))]
        text = clauses[0][0]
        for clause, _ in clauses[1:]:
            text += draw.choice(_LINKS) + clause
        positive = 2 * sum(better for _, better in clauses) > len(clauses)
        texts.append(f"{text} .")
        labels.append(int(positive != (draw.random() < NOISE)))
    return texts, labels


def _clause(draw: random.Random) -> tuple[str, bool]:
    good, negated = draw.random() < 0.5, draw.random() < 0.4
    words = [draw.choice(_THINGS), "was"]
    if negated:
        words.append(draw.choice(_NEGATIONS))
    words += [draw.choice(_DEGREES), draw.choice(_GOOD if good else _BAD)]
    return " ".join(word for word in words if word), good != negated

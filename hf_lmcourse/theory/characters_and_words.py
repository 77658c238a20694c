"""Characters against words: what each unit costs, and what it can say.

A text of C characters is N tokens of a vocabulary of V. A recurrent language model of one layer,
with embeddings of size E, a state of size D and G gates (1: Elman, 4: LSTM), has

    parameters             V E  +  G D (E + D + 1)  +  V (D + 1)
                           embeddings   recurrence        output layer with bias
    multiply-adds a token         G D (E + D)    +    V D

and costs N / C times the second number for each character of the text. T steps of context reach
back T C / N characters. A loss compares across units only per character:

    bits per character = nats per token * N / (C ln 2)

Characters: V is about a hundred and the output layer next to free; no word is unknown; but a word
takes five or six steps, each through the whole recurrence, and the context is that much shorter.
Words: V is in the thousands, and embeddings and output layer are most of the model; words that the
training text does not have are unknown, and their bits are missing from the loss: a comparison has
to add what spelling them costs. Split at blanks, words do not tell how many blanks there were
either, so that their bits stay a little too few.

Sources: Mikolov et al. 2012, Subword language modeling with neural networks; Graves 2013,
Generating sequences with recurrent neural networks (both units on one corpus).
"""

import math
from collections import Counter
from typing import NamedTuple

__all__ = [
    "TextUnits",
    "bits_per_character",
    "count_characters",
    "count_words",
    "recurrent_multiply_adds",
    "recurrent_parameters",
]


class TextUnits(NamedTuple):
    """A text in units of one kind.

    Attributes:
        tokens: N, of the training text.
        vocabulary: V, with an entry for what is unknown.
        characters: C, of the training text.
        unknown_share: of the tokens of the held-out text.
    """

    tokens: int
    vocabulary: int
    characters: int
    unknown_share: float

    @property
    def characters_per_token(self) -> float:
        """C / N."""
        return self.characters / self.tokens


def count_characters(train: str, held_out: str) -> TextUnits:
    """Every character is a token; one entry stands for padding, one for what is unknown."""
    known = set(train)
    unknown = sum(character not in known for character in held_out)
    return TextUnits(len(train), len(known) + 2, len(train), unknown / len(held_out))


def count_words(train: str, held_out: str, min_frequency: int = 1) -> TextUnits:
    """Every word between blanks is a token, and every line break; one entry is for the unknown."""
    counts = Counter(train.split())
    known = {word for word, count in counts.items() if count >= min_frequency}
    words = held_out.split()
    unknown = sum(word not in known for word in words) / (len(words) + held_out.count("\n"))
    return TextUnits(
        counts.total() + train.count("\n"), len(known | {"\n"}) + 1, len(train), unknown
    )


def recurrent_parameters(vocabulary: int, embedding: int, hidden: int, gates: int) -> int:
    """V E + G D (E + D + 1) + V (D + 1)."""
    recurrence = gates * hidden * (embedding + hidden + 1)
    return vocabulary * embedding + recurrence + vocabulary * (hidden + 1)


def recurrent_multiply_adds(vocabulary: int, embedding: int, hidden: int, gates: int) -> int:
    """G D (E + D) + V D: the matrix products of one token, forward. The way back costs twice that.

    A row of the embedding matrix is looked up, not multiplied.
    """
    return gates * hidden * (embedding + hidden) + vocabulary * hidden


def bits_per_character(nats_per_token: float, tokens: int, characters: int) -> float:
    """A loss that compares across units: nats per token * N / (C ln 2)."""
    return nats_per_token * tokens / (characters * math.log(2))

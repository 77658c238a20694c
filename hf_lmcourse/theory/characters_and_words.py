"""Characters and words as units: their costs, and how their losses compare.

A text of C characters is N tokens of a vocabulary of V. A recurrent language model of one layer,
with embeddings of size E, a state of size D and G gates (1: Elman, 4: LSTM), has

    parameters             V E  +  G D (E + D + 1)  +  V (D + 1)
                           embeddings   recurrence        output layer with bias
    multiply-adds per token       G D (E + D)    +    V D

and costs N / C times the second number for each character of the text. T steps of context reach
back T C / N characters. A loss compares across units only per character:

    bits per character = nats per token * N / (C ln 2)

Characters: V is about a hundred and the output layer costs almost nothing; no word is unknown; but
a word takes five or six steps of the whole recurrence, and the context is that much shorter. Words:
V is in the thousands, and embeddings and output layer are most of the model; words that are not in
the training text are unknown, and their bits are missing from the loss: a comparison has to add the
cost of spelling them. Words split at whitespace do not record the number of spaces either, so that
their bits remain slightly too low.

Sources: Mikolov et al. 2012, Subword language modeling with neural networks; Graves 2013,
Generating sequences with recurrent neural networks (both units on one corpus).
"""

import math
from collections import Counter
from typing import NamedTuple


class TextUnits(NamedTuple):
    """The statistics of a text in characters or in words.

    Attributes:
        tokens: N of the training text.
        vocabulary: V, with an entry for unknown tokens.
        characters: C of the training text.
        unknown_share: The share of unknown tokens in the held-out text.
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
    """Count characters as tokens; the vocabulary has entries for padding and unknown characters."""
    known = set(train)
    unknown = sum(character not in known for character in held_out)
    return TextUnits(len(train), len(known) + 2, len(train), unknown / len(held_out))


def count_words(train: str, held_out: str, min_frequency: int = 1) -> TextUnits:
    """Count words and line breaks as tokens; the vocabulary has an entry for unknown words."""
    counts = Counter(train.split())
    known = {word for word, count in counts.items() if count >= min_frequency}
    words = held_out.split()
    unknown = sum(word not in known for word in words) / (len(words) + held_out.count("\n"))
    return TextUnits(
        counts.total() + train.count("\n"), len(known | {"\n"}) + 1, len(train), unknown
    )


def recurrent_parameters(vocabulary: int, embedding: int, hidden: int, gates: int) -> int:
    """Return V E + G D (E + D + 1) + V (D + 1)."""
    recurrence = gates * hidden * (embedding + hidden + 1)
    return vocabulary * embedding + recurrence + vocabulary * (hidden + 1)


def recurrent_multiply_adds(vocabulary: int, embedding: int, hidden: int, gates: int) -> int:
    """Return G D (E + D) + V D for the forward pass of a token; the backward pass costs twice that.

    A row of the embedding matrix is looked up, not multiplied.
    """
    return gates * hidden * (embedding + hidden) + vocabulary * hidden


def bits_per_character(nats_per_token: float, tokens: int, characters: int) -> float:
    """Return nats per token * N / (C ln 2), a loss that compares across units."""
    return nats_per_token * tokens / (characters * math.log(2))

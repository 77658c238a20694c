"""A bigram model gives a text the same probability in both directions.

Let p(x, y) be the probability that y follows x, p(x) = sum_y p(x, y) that of a word as the first of
a pair, and p'(y) = sum_x p(x, y) as the second. From

    p(y | x) = p(x, y) / p(x)          p(x | y) = p(x, y) / p'(y)

follows, as each word x_1 .. x_{n-1} is once in a denominator,

    p(x_0)  p(x_1|x_0) ... p(x_n|x_{n-1}) = prod_i p(x_{i-1}, x_i) / (p(x_1) ... p(x_{n-1}))
    p'(x_n) p(x_{n-1}|x_n) ... p(x_0|x_1) = prod_i p(x_{i-1}, x_i) / (p'(x_1) ... p'(x_{n-1}))

The two are equal if the marginals are consistent, p = p': a word is as often the first of a pair as
the second. In a text this holds for all words but its first and last. In a circular text, where the
first word follows the last, it holds for all words, also when the same count is added to every
pair. If each direction is smoothed by itself, it need not hold: with absolute discounting, for
example, the two differ.

Source: the exercise of the course; Bayes' rule, applied n times.
"""

import torch
from torch import Tensor


def pair_probabilities(tokens: Tensor, vocabulary: int, added: float = 0.0) -> Tensor:
    """Estimate p(x, y) from a circular text, so that its marginals are consistent.

        p(x, y) = (c(x, y) + added) / (N + added V^2)

    with c(x, y) the number of times that y follows x, N the number of tokens, V the vocabulary.

    Shape:
        tokens: (N,); result: (V, V).
    """
    pairs = tokens * vocabulary + tokens.roll(-1)
    counts = torch.bincount(pairs, minlength=vocabulary**2).to(torch.float64) + added
    return (counts / counts.sum()).view(vocabulary, vocabulary)


def left_to_right(pairs: Tensor, text: Tensor) -> Tensor:
    """Return the logarithm of p(x_0) p(x_1|x_0) ... p(x_n|x_{n-1}).

    Shape:
        pairs: (V, V), p(x, y); text: (n + 1,), token ids; result: ().
    """
    first = pairs.sum(1)
    given_left = pairs[text[:-1], text[1:]] / first[text[:-1]]
    return first[text[0]].log() + given_left.log().sum()


def right_to_left(pairs: Tensor, text: Tensor) -> Tensor:
    """Return the logarithm of p'(x_n) p(x_{n-1}|x_n) ... p(x_0|x_1); shapes as `left_to_right`."""
    second = pairs.sum(0)
    given_right = pairs[text[:-1], text[1:]] / second[text[1:]]
    return second[text[-1]].log() + given_right.log().sum()

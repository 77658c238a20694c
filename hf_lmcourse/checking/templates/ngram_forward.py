"""Forward pass of Bengio's n-gram network.

With ids the n - 1 words before the next one, in the order of the text, and C[w] the vector of
word w:

    x      = (C[first id], ..., C[last id])             one after the other
    h      = tanh(H x + d)
    logits = U h + b                                    no softmax

Check it with `lmcourse check FILE`: values, and gradients through autograd. A file that imports
NumPy and not torch gets NumPy arrays, and only values are compared. Instead of the function there
may be a class NGramForward(words, context, embedding_size, hidden_size), an nn.Module or not, with
attributes C, H, d, U and b, which the checker sets, and which is called with ids.
"""

from torch import Tensor


def ngram_forward(ids: Tensor, C: Tensor, H: Tensor, d: Tensor, U: Tensor, b: Tensor) -> Tensor:
    """The logits of the next word of each text.

    Shape:
        ids: (texts, n - 1), integers; C: (words, embedding_size);
        H: (hidden_size, (n - 1) * embedding_size); d: (hidden_size,); U: (words, hidden_size);
        b: (words,); logits: (texts, words).
    """
    raise NotImplementedError

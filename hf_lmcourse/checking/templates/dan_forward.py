"""Forward pass of a deep averaging network.

With X the words of a text, those whose mask is 1, and E[w] the vector of word w:

    z      = 1/|X| sum over w in X of E[w]                 0 for a text without a word
    hidden = tanh(W1 z + b1)
    logits = W2 hidden + b2                                no softmax

Where the mask is 0 there is padding, at any position; its id may be that of any word.

Check it with `lmcourse check FILE`: values, and gradients through autograd. A file that imports
NumPy and not torch gets NumPy arrays, and only values are compared. Instead of the
function there may be a class DANForward(words, embedding_size, hidden_size, classes), an nn.Module
or not, with attributes E, W1, b1, W2, b2, which the checker sets, and which is called with ids and
mask.
"""

from torch import Tensor


def dan_forward(
    ids: Tensor, mask: Tensor, E: Tensor, W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor
) -> Tensor:
    """The logits of each text.

    Shape:
        ids, mask: (texts, length), integers; E: (words, embedding_size);
        W1: (hidden_size, embedding_size); b1: (hidden_size,); W2: (classes, hidden_size);
        b2: (classes,); logits: (texts, classes).
    """
    raise NotImplementedError

"""Sampling of the next token with temperature and top-k.

Row by row:

    scores = logits / temperature
    p      = softmax over the top_k largest scores, 0 for all other tokens
    token  = the first id whose cumulative probability p_0 + ... + p_token exceeds u

u is drawn for you, uniformly from [0, 1). The logits can be large (1,000).

Check it with `lmcourse check FILE`. A file that imports NumPy and not torch gets NumPy arrays.
"""

from torch import Tensor


def sample_token(
    logits: Tensor, u: Tensor, temperature: float, top_k: int
) -> tuple[Tensor, Tensor]:
    """The probabilities p and the tokens.

    Shape:
        logits, p: (rows, words); u: (rows,); token: (rows,), integers.
    """
    raise NotImplementedError

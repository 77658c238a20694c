"""Log-count ratios of naive Bayes.

With counts[t, w] how often word w is in text t, and labels[t] 1 or 0:

    p = alpha + sum of the rows of counts with label 1          q = the same with label 0
    r = ln( (p / sum_w p_w) / (q / sum_w q_w) )

Check it with `lmcourse check FILE`. A file that imports NumPy and not torch gets NumPy arrays.
"""

from torch import Tensor


def log_count_ratio(counts: Tensor, labels: Tensor, alpha: float) -> Tensor:
    """The ratio r of each word.

    Shape:
        counts: (texts, words), integers; labels: (texts,), integers; r: (words,).
    """
    raise NotImplementedError

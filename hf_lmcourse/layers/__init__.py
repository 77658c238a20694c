"""The mathematics in plain torch: one file a recurrence, output layers, regularisers."""

from .bigram import BigramCounts, BigramParameters, count_gradients, token_gradients
from .dropout import LockedDropout
from .elman import ElmanLayer, elman_step
from .gru import GRULayer, gru_step
from .lstm import LSTMLayer, lstm_step
from .ngram import NGramLayer, ResidualLayer
from .output import AdaptiveOutput, linear_cross_entropy, token_losses
from .recurrence import RecurrentLayer, run_steps
from .sampled_softmax import inclusion_probabilities, sampled_cross_entropy

__all__ = [
    "AdaptiveOutput",
    "BigramCounts",
    "BigramParameters",
    "ElmanLayer",
    "GRULayer",
    "LSTMLayer",
    "LockedDropout",
    "NGramLayer",
    "RecurrentLayer",
    "ResidualLayer",
    "count_gradients",
    "elman_step",
    "gru_step",
    "inclusion_probabilities",
    "linear_cross_entropy",
    "lstm_step",
    "run_steps",
    "sampled_cross_entropy",
    "token_gradients",
    "token_losses",
]

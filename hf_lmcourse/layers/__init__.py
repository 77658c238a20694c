"""The mathematics in plain torch: one file a recurrence, output layers, regularisers."""

from .dropout import LockedDropout
from .elman import ElmanLayer, elman_step
from .gru import GRULayer, gru_step
from .lstm import LSTMLayer, lstm_step
from .output import AdaptiveOutput, linear_cross_entropy, token_losses
from .recurrence import RecurrentLayer, run_steps
from .sampled_softmax import inclusion_probabilities, sampled_cross_entropy

__all__ = [
    "AdaptiveOutput",
    "ElmanLayer",
    "GRULayer",
    "LSTMLayer",
    "LockedDropout",
    "RecurrentLayer",
    "elman_step",
    "gru_step",
    "inclusion_probabilities",
    "linear_cross_entropy",
    "lstm_step",
    "run_steps",
    "sampled_cross_entropy",
    "token_losses",
]

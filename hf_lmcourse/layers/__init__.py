"""The mathematics in plain torch: one file a recurrence, output layers, regularisers."""

from .dropout import LockedDropout
from .elman import ElmanLayer, elman_step
from .gru import GRULayer, gru_step
from .lstm import LSTMLayer, lstm_step
from .output import AdaptiveOutput, linear_cross_entropy, token_losses
from .recurrence import RecurrentLayer, run_steps

__all__ = [
    "AdaptiveOutput",
    "ElmanLayer",
    "GRULayer",
    "LSTMLayer",
    "LockedDropout",
    "RecurrentLayer",
    "elman_step",
    "gru_step",
    "linear_cross_entropy",
    "lstm_step",
    "run_steps",
    "token_losses",
]

"""The mathematics in plain torch: one file a recurrence, output layers, regularisers."""

from .activation_penalty import activation_penalty
from .attention import MultiHeadAttention, attend
from .bigram import BigramHiddenLayer, bigram_forward
from .dropout import LockedDropout, drop_words
from .elman import ElmanLayer, elman_step
from .feed_forward import FeedForward
from .gru import GRULayer, gru_step
from .label_smoothing import label_margin
from .lstm import LSTMLayer, lstm_step
from .mixture_of_softmaxes import MixtureOfSoftmaxes
from .ngram import NGramLayer, ResidualLayer
from .output import (
    AdaptiveOutput,
    adversarial_cross_entropy,
    linear_cross_entropy,
    token_losses,
)
from .positions import position_angles, rotate, sinusoidal_positions
from .recurrence import DenseRecurrence, RecurrentLayer, run_steps
from .sampled_softmax import (
    inclusion_probabilities,
    sample_vocabulary,
    sampled_cross_entropy,
)
from .sparse_attention import (
    attend_at_distances,
    attend_in_strides,
    attend_locally,
    causal,
    local_window,
    log_sparse,
    log_sparse_distances,
    strided,
)

__all__ = [
    "AdaptiveOutput",
    "BigramHiddenLayer",
    "DenseRecurrence",
    "ElmanLayer",
    "FeedForward",
    "GRULayer",
    "LSTMLayer",
    "LockedDropout",
    "MixtureOfSoftmaxes",
    "MultiHeadAttention",
    "NGramLayer",
    "RecurrentLayer",
    "ResidualLayer",
    "activation_penalty",
    "adversarial_cross_entropy",
    "attend",
    "attend_at_distances",
    "attend_in_strides",
    "attend_locally",
    "bigram_forward",
    "causal",
    "drop_words",
    "elman_step",
    "gru_step",
    "inclusion_probabilities",
    "label_margin",
    "linear_cross_entropy",
    "local_window",
    "log_sparse",
    "log_sparse_distances",
    "lstm_step",
    "position_angles",
    "rotate",
    "run_steps",
    "sample_vocabulary",
    "sampled_cross_entropy",
    "sinusoidal_positions",
    "strided",
    "token_losses",
]

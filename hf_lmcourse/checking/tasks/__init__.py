"""The tasks that students can check, by name."""

from ...errors import LmcourseError, nearest
from ..task import Task
from .adam_step import ADAM_STEP
from .backpropagation_through_time import BACKPROPAGATION_THROUGH_TIME
from .beam_search import BEAM_SEARCH
from .byte_pair_merges import BYTE_PAIR_MERGES
from .clip_gradients import CLIP_GRADIENTS
from .corpus_perplexity import CORPUS_PERPLEXITY
from .dan_forward import DAN_FORWARD
from .elman_step import ELMAN_STEP
from .forward_backward_prop import FORWARD_BACKWARD_PROP
from .gru_step import GRU_STEP
from .kneser_ney_bigram import KNESER_NEY_BIGRAM
from .layer_norm import LAYER_NORM
from .learning_rate import LEARNING_RATE
from .log_count_ratio import LOG_COUNT_RATIO
from .lstm_step import LSTM_STEP
from .multi_head_attention import MULTI_HEAD_ATTENTION
from .ngram_forward import NGRAM_FORWARD
from .one_hidden_layer import ONE_HIDDEN_LAYER
from .perplexity import PERPLEXITY
from .sample_token import SAMPLE_TOKEN
from .sampled_softmax import SAMPLED_SOFTMAX
from .scaled_dot_product import SCALED_DOT_PRODUCT
from .softmax_gradient import SOFTMAX_GRADIENT
from .tf_idf import TF_IDF
from .transformer_block import TRANSFORMER_BLOCK
from .word_dropout import WORD_DROPOUT

__all__ = ["TASKS", "find_task"]

TASKS = {
    task.name: task
    for task in (
        SOFTMAX_GRADIENT,
        ONE_HIDDEN_LAYER,
        FORWARD_BACKWARD_PROP,
        ELMAN_STEP,
        LSTM_STEP,
        GRU_STEP,
        BACKPROPAGATION_THROUGH_TIME,
        NGRAM_FORWARD,
        WORD_DROPOUT,
        DAN_FORWARD,
        SCALED_DOT_PRODUCT,
        MULTI_HEAD_ATTENTION,
        LAYER_NORM,
        TRANSFORMER_BLOCK,
        SAMPLED_SOFTMAX,
        PERPLEXITY,
        CORPUS_PERPLEXITY,
        KNESER_NEY_BIGRAM,
        SAMPLE_TOKEN,
        BEAM_SEARCH,
        BYTE_PAIR_MERGES,
        TF_IDF,
        LOG_COUNT_RATIO,
        ADAM_STEP,
        LEARNING_RATE,
        CLIP_GRADIENTS,
    )
}


def find_task(name: str) -> Task:
    """Return the task of that name.

    Raises:
        LmcourseError: There is no such task; the message suggests the nearest.
    """
    if name in TASKS:
        return TASKS[name]
    near = nearest(name.replace("-", "_"), TASKS)
    hint = f"did you mean {near}?" if near else "lmcourse check --list shows them"
    raise LmcourseError(f"there is no task {name!r}: {hint}")

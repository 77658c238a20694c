"""Settings of a run, apart from those of its model: the data and the training."""

import math
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from transformers import TrainingArguments
from transformers.training_args import OptimizerNames
from transformers.utils import logging

from ..errors import nearest
from ..kernels.processor import multiplies_bfloat16
from .stopping import check_time_limit

logger = logging.get_logger(__name__)


def option(default: Any, help: str) -> Any:
    """Make a field of a dataclass that the command line shows with this help text."""
    return field(default=default, metadata={"help": help})


@dataclass
class _TextArguments:
    """Settings of any text that a model is trained on."""

    corpus: str
    data_dir: str | None = option(None, "Folder of local corpora; $LMCOURSE_DATA by default.")
    max_vocabulary: int | None = option(
        None, "Keep this many of the most frequent words; all by default."
    )
    min_frequency: int = option(1, "Keep words that occur at least this often.")
    lowercase: bool = option(False, "Lower-case the words.")
    vectors: str | None = option(
        None, "File of GloVe or word2vec text that initialises the embeddings."
    )
    cache_dir: str | None = option(None, "Folder for tokenized text; $LMCOURSE_CACHE by default.")


@dataclass
class DataArguments(_TextArguments):
    """Which text a language model is trained on, and how it is cut into tokens and blocks."""

    corpus: str = option("cpython-docs", "Name of a corpus; or a file, folder or pattern.")
    streaming: bool = option(False, "Read the training shards when a step needs them.")
    vocabulary_sample: int | None = option(
        None, "Characters of the shards for the vocabulary; default: all."
    )
    hold_out: list[str] | None = option(
        None, "Files whose documents are removed from the training text."
    )
    tokenizer: str = option(
        "character",
        "Character, word or digit_pattern; or a saved one.",
    )
    vocabulary: str | None = option(
        None, "File of the words of digit_pattern, the most frequent first."
    )
    alphabet: Literal["seen", "printable"] = option(
        "seen", "Characters of the text alone, or all printable ASCII too."
    )
    block_length: int = option(64, "Tokens per block, the length of backpropagation through time.")
    random_offset: bool = option(False, "Start each epoch at a random offset in the text.")
    random_block_length: bool = option(False, "Use blocks of random length around block_length.")
    batches: Literal["streams", "bigrams", "bigrams_by_hand", "bigram_counts"] = option(
        "streams", "What a step trains on; all but streams are for lmcourse_bigram_mlp."
    )


@dataclass
class LabelledDataArguments(_TextArguments):
    """Which labelled texts a classifier is trained on, and how they are cut into words."""

    corpus: str = option(
        "toy_reviews", "Name of a labelled corpus, or path of a table or of a folder of them."
    )
    text_column: str = option("text", "Column of the texts in a table of your own.")
    label_column: str = option("label", "Column of the labels in a table of your own.")
    validation_share: float = option(
        0.1, "Share of the training texts for validation if it has no split."
    )
    max_training_texts: int | None = option(
        None, "Train on this many texts, drawn with the seed; all by default."
    )
    tokenizer: str = option(
        "word_punctuation",
        "Tokenizer to train: word_punctuation or word; or a saved one.",
    )
    lowercase: bool = option(True, "Lower-case the words.")


def check_values(settings: Any) -> None:
    """Check that no setting is NaN, infinite, or a text with a NUL, which no file name has.

    Args:
        settings: A dataclass.

    Raises:
        ValueError: With the name of one that is.
    """
    for name, value in vars(settings).items():
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{name} must be a finite number, not {value}")
        if isinstance(value, str) and "\0" in value:
            raise ValueError(f"{name} must be a text without NUL, not {value!r}")


_MINIMUM = {
    "adam_epsilon": 0,
    "gradient_accumulation_steps": 1,
    "learning_rate": 0,
    "max_grad_norm": 0,
    "non_monotone_interval": 1,
    "per_device_eval_batch_size": 1,
    "per_device_train_batch_size": 1,
    "rank_contexts": 0,
    "seed": 0,
    "vectors_learning_rate": 0,
    "weight_decay": 0,
}
_BELOW = {
    "adam_beta1": 1,
    "adam_beta2": 1,
    "data_seed": 2**32,
    "ema_decay": 1,
    "forget_state": 1,
    "input_masking": 1,
    "seed": 2**32,
}
"""A setting here is not negative either."""


def _check_ranges(settings: Any) -> None:
    for name, minimum in _MINIMUM.items():
        if (getattr(settings, name) or 0) < minimum:
            raise ValueError(f"{name} must be at least {minimum}, not {getattr(settings, name)}")
    for name, limit in _BELOW.items():
        if not 0 <= (getattr(settings, name) or 0) < limit:
            raise ValueError(
                f"{name} must be at least 0 and below {limit}, not {getattr(settings, name)}"
            )


@dataclass
class RunArguments(TrainingArguments):
    """transformers' TrainingArguments with defaults for language models and further settings.

    `per_device_train_batch_size` is the number of parallel streams per process.
    """

    output_dir: str | None = option(None, "Run folder; runs/<name of the recipe> by default.")
    eval_strategy: str = option("epoch", "When to evaluate: no, steps or epoch.")
    save_strategy: str = option("epoch", "When to save a checkpoint: no, steps or epoch.")
    save_total_limit: int | None = option(
        2, "How many checkpoints to keep in addition to the best."
    )
    load_best_model_at_end: bool = option(
        True, "Load the weights with the best validation loss at the end."
    )
    logging_steps: float = option(50, "Log the loss every this many steps.")
    disable_tqdm: bool | None = option(False, "Do not show progress.")
    optim: str = option(TrainingArguments.optim, "Optimizer: muon, or one of transformers.")
    vectors_learning_rate: float | None = option(
        None, "Train word vectors and output layer by SGD at this rate instead."
    )
    lr_scheduler_type: str = option(
        "linear", "Learning-rate schedule: one of transformers, or step."
    )
    step_decay_every: float = option(0, "Steps between decays of schedule step; below 1 a share.")
    step_decay_start: float | None = option(
        None, "Steps before the first decay; step_decay_every by default."
    )
    step_decay_factor: float = option(
        0.5, "Factor that multiplies the learning rate at each decay."
    )
    lbfgs_iterations: int = option(
        0, "Iterations of L-BFGS per step, in place of optim; 0 for none."
    )
    input_masking: float = option(0.0, "Share of the input tokens that are replaced in training.")
    input_masking_with: Literal["unk", "random"] = option(
        "unk", "What replaces input tokens: unk or random words."
    )
    forget_state: float = option(0.0, "Probability that a stream forgets its state at a block.")
    weight_averaging: Literal["no", "ema", "nt_asgd"] = option(
        "no", "Save an average of the weights: exponential or triggered."
    )
    ema_decay: float = option(0.999, "Decay of the exponential moving average per step.")
    non_monotone_interval: int = option(5, "Evaluations without improvement that trigger nt_asgd.")
    patience: int | None = option(None, "Stop after this many evaluations without a better loss.")
    max_training_seconds: float | None = option(
        None, "Stop after this many seconds of training steps."
    )
    rank_contexts: int = option(0, "Contexts for the rank of the log-probabilities; 0 for none.")
    sample_prompt: str = option("\n", "Prompt of the samples at each evaluation and at the end.")
    sample_length: int = option(200, "Tokens per sample; 0 for no samples.")
    resume_changes: list[str] | None = option(
        None, "Names of settings that may differ from the resumed checkpoint."
    )
    cell: str | None = option(None, "FILE.py:NAME, your own recurrent step in place of ours.")
    results_dir: str | None = option(
        None, "Folder that also gets the result file and the learning curve."
    )

    def __post_init__(self) -> None:
        """Check the added fields, and resolve what transformers would refuse.

        That is the optimizer "muon", the schedule "step", and bfloat16 on a machine without a GPU;
        it becomes float32 on a processor that does not multiply it.
        """
        check_values(self)
        _check_ranges(self)
        if self.patience is not None and self.eval_strategy == "no":
            raise ValueError("patience counts evaluations: it needs an eval_strategy")
        check_time_limit(self)
        self.muon = self.optim == "muon"
        if self.muon:
            self.optim = "adamw_torch"
        elif self.optim not in (known := [kind.value for kind in OptimizerNames]):
            close = nearest(self.optim, [*known, "muon"])
            hint = f": did you mean {close!r}?" if close else ""
            raise ValueError(f"optim: invalid choice: {self.optim!r}{hint}")
        if self.lbfgs_iterations and self.vectors_learning_rate is not None:
            raise ValueError("lbfgs_iterations train everything: leave vectors_learning_rate out")
        self.step_decay = self.lr_scheduler_type == "step"
        if self.step_decay:
            self.lr_scheduler_type = "constant"
        if self.output_dir is None:
            self.output_dir = "runs/run"
        if "no" in (self.eval_strategy, self.save_strategy):
            self.load_best_model_at_end = False  # transformers would refuse our own default
        if self.bf16 and not torch.accelerator.is_available():
            self.use_cpu = True  # otherwise transformers requires a GPU for bf16
        if self.bf16 and self.use_cpu and not multiplies_bfloat16():
            logger.warning(
                "this processor does not multiply bfloat16: the run computes in float32, which is "
                "faster here and rounds less (bf16: false)"
            )
            self.bf16 = False
        super().__post_init__()

    @property
    def in_parts(self) -> bool:
        """Whether parts of the model have optimizers of their own."""
        return self.muon or self.vectors_learning_rate is not None

    def to_dict(self) -> dict[str, Any]:
        """As in transformers; the optimizer "muon" by its name."""
        return super().to_dict() | ({"optim": "muon"} if self.muon else {})

    def __getstate__(self) -> dict[str, Any]:
        """Leave the access token out of the pickle that Trainer writes into each checkpoint."""
        return {**self.__dict__, "hub_token": None}

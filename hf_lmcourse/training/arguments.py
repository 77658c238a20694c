"""Settings of a run, apart from those of its model: the data and the training."""

import math
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from transformers import TrainingArguments

from .stopping import check_time_limit


def option(default: Any, help: str) -> Any:
    """Make a field of a dataclass that the command line shows with this help text."""
    return field(default=default, metadata={"help": help})


@dataclass
class _TextArguments:
    """Settings of any text that a model is trained on."""

    corpus: str
    data_dir: str | None = option(None, "Folder of local corpora; $LMCOURSE_DATA by default.")
    max_vocabulary: int | None = option(None, "Keep this many of the most frequent words.")
    min_frequency: int = option(1, "Keep words that occur at least this often.")
    lowercase: bool = option(False, "Lower-case the words.")
    vectors: str | None = option(
        None,
        "File of pretrained word vectors (GloVe or word2vec text format) that "
        "initialise the embeddings; a path, or a path in the folder of local corpora.",
    )
    cache_dir: str | None = option(None, "Folder for tokenized text; $LMCOURSE_CACHE by default.")


@dataclass
class DataArguments(_TextArguments):
    """Which text a language model is trained on, and how it is cut into tokens and blocks."""

    corpus: str = option(
        "cpython-docs", "Name of a corpus, or path of a text file or of a folder with splits."
    )
    hold_out: list[str] | None = option(
        None,
        "Text files whose documents are removed from the training text, which must "
        "contain them verbatim; paths, or paths in the folder of local corpora.",
    )
    tokenizer: str = option(
        "character",
        'Which tokenizer to train: "character", "word" or "digit_pattern" (as in the '
        "course assignment); or the folder of a saved tokenizer.",
    )
    vocabulary: str | None = option(
        None,
        "File with the words of digit_pattern, one per line and the most frequent "
        "first; a path, or a path in the folder of local corpora. By default they are the "
        "words of the training text.",
    )
    alphabet: Literal["seen", "printable"] = option(
        "seen",
        "Characters that become tokens: those in the training text, or also the 100 "
        "printable ones of ASCII, so that for example all digits are distinct.",
    )
    block_length: int = option(
        64,
        "Tokens per block: the length of truncated backpropagation through time, or "
        "max_position_embeddings of a Transformer.",
    )
    random_offset: bool = option(
        False, "Start each epoch at a random offset, so that blocks differ."
    )
    random_block_length: bool = option(
        False,
        "Use blocks of random length around block_length, and scale the learning rate "
        "by the length.",
    )
    batches: Literal["streams", "bigrams", "bigrams_by_hand", "bigram_counts"] = option(
        "streams",
        "What a step trains on: streams; bigrams, sampled with replacement; "
        "bigrams_by_hand, the same without autograd; or bigram_counts, the exact gradient of "
        "the whole text. All but streams are for lmcourse_bigram_mlp.",
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
        0.1, "Share of the training texts used for validation if there is no split for it."
    )
    tokenizer: str = option(
        "word_punctuation",
        'Which tokenizer to train, "word_punctuation" or "word"; or the folder of a '
        "saved tokenizer.",
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
    "weight_decay": 0,
}
_BELOW = {
    "adam_beta1": 1,
    "adam_beta2": 1,
    "data_seed": 2**32,
    "ema_decay": 1,
    "input_masking": 1,
    "seed": 2**32,
}
"""A setting here is not negative either."""


def _check_ranges(settings: Any) -> None:
    for name, minimum in _MINIMUM.items():
        if getattr(settings, name) < minimum:
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

    output_dir: str | None = option(None, "Run folder; runs/<name of the YAML> by default.")
    eval_strategy: str = option("epoch", "When to evaluate.")
    save_strategy: str = option("epoch", "When to save a checkpoint.")
    save_total_limit: int | None = option(
        2, "How many checkpoints to keep in addition to the best."
    )
    load_best_model_at_end: bool = option(
        True,
        "Load the weights with the best validation loss at the end, if there are evaluations and "
        "checkpoints.",
    )
    logging_steps: float = option(50, "Log every this many steps.")
    disable_tqdm: bool | None = option(False, "Do not show progress.")
    lr_scheduler_type: str = option(
        "linear", 'Learning-rate schedule of transformers, or "step": see step_decay_*.'
    )
    step_decay_every: float = option(
        0, "Steps between two decays; a value below 1 is a share of the training."
    )
    step_decay_start: float | None = option(
        None,
        "Steps before the first decay, or a share of the training; step_decay_every by default.",
    )
    step_decay_factor: float = option(
        0.5, "Factor that multiplies the learning rate at each decay."
    )
    lbfgs_iterations: int = option(
        0, "With bigram_counts: use L-BFGS in place of optim, with this many iterations per step."
    )
    input_masking: float = option(0.0, "Share of the input tokens that are replaced in training.")
    input_masking_with: Literal["unk", "random"] = option(
        "unk", "What replaces input tokens: unk or random words."
    )
    weight_averaging: Literal["no", "ema", "nt_asgd"] = option(
        "no",
        "Evaluate and save an average of the weights: an exponential moving average "
        "(ema), or the mean since a non-monotone trigger (nt_asgd).",
    )
    ema_decay: float = option(0.999, "Decay of the exponential moving average per step.")
    non_monotone_interval: int = option(
        5,
        "nt_asgd starts averaging once the validation loss is above the lowest one "
        "that is more than this many evaluations old.",
    )
    patience: int | None = option(None, "Stop after this many evaluations without a better loss.")
    max_training_seconds: float | None = option(
        None,
        "Stop after this many seconds of training steps, evaluations not counted; for "
        "schedules that do not need the number of steps, such as constant.",
    )
    rank_contexts: int = option(
        0,
        "At the end, also compute the rank of the log-probabilities of the first this "
        "many contexts of each text; must be more than the width of the model.",
    )
    sample_prompt: str = option("\n", "Prompt of the samples at each evaluation and at the end.")
    sample_length: int = option(
        200, "Tokens per sample at each evaluation and at the end; 0 for no samples."
    )
    resume_changes: list[str] | None = option(
        None,
        "What may differ from the checkpoint that is resumed: names of settings of the model and "
        "the training, or tokenizer, labels, training_text, validation_text, vectors.",
    )
    results_dir: str | None = option(
        None,
        "Folder that also gets the result file, <name>.json, and the learning curve, "
        "plots/<name>_learning_curve.png.",
    )

    def __post_init__(self) -> None:
        """Check the added fields, and resolve what transformers would refuse.

        That is the schedule "step", and bfloat16 on a machine without a GPU.
        """
        check_values(self)
        _check_ranges(self)
        if self.patience is not None and self.eval_strategy == "no":
            raise ValueError("patience counts evaluations: it needs an eval_strategy")
        check_time_limit(self)
        self.step_decay = self.lr_scheduler_type == "step"
        if self.step_decay:
            self.lr_scheduler_type = "constant"
        if self.output_dir is None:
            self.output_dir = "runs/run"
        if "no" in (self.eval_strategy, self.save_strategy):
            self.load_best_model_at_end = False  # transformers would refuse our own default
        if self.bf16 and not torch.accelerator.is_available():
            self.use_cpu = True  # otherwise transformers requires a GPU for bf16
        super().__post_init__()

    def __getstate__(self) -> dict[str, Any]:
        """Leave the access token out of the pickle that Trainer writes into each checkpoint."""
        return {**self.__dict__, "hub_token": None}

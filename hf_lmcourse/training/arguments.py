"""What a run can be told beside the settings of its model: the data and the training."""

from dataclasses import dataclass, field
from typing import Literal

import torch
from transformers import TrainingArguments

from .stopping import check_time_limit

__all__ = ["DataArguments", "LabelledDataArguments", "RunArguments"]


@dataclass
class DataArguments:
    """Which text, and how it is cut into tokens and blocks."""

    corpus: str = field(
        default="cpython-docs",
        metadata={"help": "Name of a corpus, or path of a text file or of a folder with splits."},
    )
    data_dir: str | None = field(
        default=None,
        metadata={"help": "Folder of local corpora; the environment's LMCOURSE_DATA by default."},
    )
    hold_out: list[str] | None = field(
        default=None,
        metadata={
            "help": "Text files whose passages are taken out of the training text, where they must "
            "stand verbatim; paths, or paths in the folder of local corpora."
        },
    )
    tokenizer: str = field(
        default="character",
        metadata={
            "help": '"character", "word", "digit_pattern" (the words of the hand-out), or the '
            "folder of a saved tokenizer."
        },
    )
    vocabulary: str | None = field(
        default=None,
        metadata={
            "help": "File of the words of digit_pattern, one a line and the most frequent first; "
            "a path, or a place in the folder of local corpora. Those of the training text where "
            "none is named."
        },
    )
    alphabet: Literal["seen", "printable"] = field(
        default="seen",
        metadata={
            "help": "Characters that are tokens: those seen in the training text, or beside them "
            "the 100 printable ones of ASCII, so that digits, say, are told apart."
        },
    )
    max_vocabulary: int | None = field(
        default=None, metadata={"help": "Keep this many of the most frequent words."}
    )
    min_frequency: int = field(
        default=1, metadata={"help": "Keep words that occur at least this often."}
    )
    lowercase: bool = field(default=False, metadata={"help": "Lower-case the words."})
    block_length: int = field(
        default=64,
        metadata={
            "help": "Tokens between two cuts of backpropagation through time; for a Transformer "
            "its max_position_embeddings."
        },
    )
    random_offset: bool = field(
        default=False,
        metadata={"help": "Begin each epoch at another place of the text, so that cuts move."},
    )
    random_block_length: bool = field(
        default=False,
        metadata={
            "help": "Blocks of random length round block_length, the learning rate following it."
        },
    )
    batches: Literal["streams", "bigrams", "bigrams_by_hand", "bigram_counts"] = field(
        default="streams",
        metadata={
            "help": "What a step trains on: streams; bigrams, drawn with replacement, or "
            "bigrams_by_hand, the same without autograd; or bigram_counts, the exact gradient of "
            "the whole text. The latter three are for lmcourse_bigram_mlp."
        },
    )
    vectors: str | None = field(
        default=None,
        metadata={
            "help": "File of word vectors (GloVe or word2vec text) to begin with; a path, or a "
            "place in the folder of local corpora."
        },
    )
    cache_dir: str | None = field(
        default=None,
        metadata={"help": "Folder of tokenized text; the environment's LMCOURSE_CACHE by default."},
    )


@dataclass
class LabelledDataArguments:
    """Which labelled texts, and how they are cut into words."""

    corpus: str = field(
        default="toy_reviews",
        metadata={"help": "Name of a labelled corpus, or path of a table or of a folder of them."},
    )
    data_dir: str | None = field(
        default=None,
        metadata={"help": "Folder of local corpora; the environment's LMCOURSE_DATA by default."},
    )
    text_column: str = field(
        default="text", metadata={"help": "Column of the texts in a table of your own."}
    )
    label_column: str = field(
        default="label", metadata={"help": "Column of the labels in a table of your own."}
    )
    validation_share: float = field(
        default=0.1,
        metadata={"help": "Share of the training texts to validate on, where no split is for it."},
    )
    tokenizer: str = field(
        default="word_punctuation",
        metadata={"help": '"word_punctuation", "word", or the folder of a saved tokenizer.'},
    )
    max_vocabulary: int | None = field(
        default=None, metadata={"help": "Keep this many of the most frequent words."}
    )
    min_frequency: int = field(
        default=1, metadata={"help": "Keep words that occur at least this often."}
    )
    lowercase: bool = field(default=True, metadata={"help": "Lower-case the words."})
    vectors: str | None = field(
        default=None,
        metadata={
            "help": "File of word vectors (GloVe or word2vec text) to begin with; a path, or a "
            "place in the folder of local corpora."
        },
    )
    cache_dir: str | None = field(
        default=None,
        metadata={"help": "Folder of tokenized text; the environment's LMCOURSE_CACHE by default."},
    )


_LEAST = {
    "gradient_accumulation_steps": 1,
    "non_monotone_interval": 1,
    "per_device_eval_batch_size": 1,
    "per_device_train_batch_size": 1,
    "rank_contexts": 0,
}


@dataclass
class RunArguments(TrainingArguments):
    """transformers' TrainingArguments with defaults for language models, and a few of our own.

    `per_device_train_batch_size` is the number of parallel streams that a process trains on.
    """

    output_dir: str | None = field(
        default=None, metadata={"help": "The run folder; runs/<name of the YAML> by default."}
    )
    eval_strategy: str = field(default="epoch", metadata={"help": "When to evaluate."})
    save_strategy: str = field(default="epoch", metadata={"help": "When to save a checkpoint."})
    save_total_limit: int | None = field(
        default=2, metadata={"help": "How many checkpoints to keep beside the best."}
    )
    load_best_model_at_end: bool = field(
        default=True, metadata={"help": "End with the weights of the best validation loss."}
    )
    logging_steps: float = field(default=50, metadata={"help": "Log every so many steps."})
    disable_tqdm: bool | None = field(default=False, metadata={"help": "Show no progress."})
    lr_scheduler_type: str = field(
        default="linear",
        metadata={"help": 'A schedule of transformers, or "step": see step_decay_*.'},
    )
    step_decay_every: float = field(
        default=0, metadata={"help": "Steps between two decays; below 1, a share of the training."}
    )
    step_decay_start: float | None = field(
        default=None,
        metadata={"help": "Steps before the first decay, likewise; step_decay_every by default."},
    )
    step_decay_factor: float = field(
        default=0.5, metadata={"help": "What the learning rate is multiplied by at each decay."}
    )
    lbfgs_iterations: int = field(
        default=0,
        metadata={
            "help": "On bigram_counts: a step is so many iterations of L-BFGS, in place of optim."
        },
    )
    input_masking: float = field(
        default=0.0, metadata={"help": "Replace this share of the input tokens in training."}
    )
    input_masking_with: Literal["unk", "random"] = field(
        default="unk", metadata={"help": "What replaces them: the unknown token or random words."}
    )
    weight_averaging: Literal["no", "ema", "nt_asgd"] = field(
        default="no",
        metadata={
            "help": "Evaluate and save an average of the weights: an exponential one, or that "
            "since a non-monotone trigger."
        },
    )
    ema_decay: float = field(
        default=0.999, metadata={"help": "How much of the exponential average each step keeps."}
    )
    non_monotone_interval: int = field(
        default=5,
        metadata={
            "help": "nt_asgd begins to average once the validation loss is above the least of "
            "those more than so many evaluations before."
        },
    )
    patience: int | None = field(
        default=None, metadata={"help": "Stop after so many evaluations without a better loss."}
    )
    max_training_seconds: float | None = field(
        default=None,
        metadata={
            "help": "Stop after so many seconds of steps, evaluations not counted; for schedules "
            "that need no length, such as constant."
        },
    )
    rank_contexts: int = field(
        default=0,
        metadata={
            "help": "At the end, also the rank of the log-probabilities of the first so many "
            "contexts of each text; more of them than the model is wide."
        },
    )
    sample_prompt: str = field(
        default="\n", metadata={"help": "What the samples at evaluation continue."}
    )
    sample_length: int = field(
        default=200, metadata={"help": "Tokens of a sample at evaluation; 0 for no samples."}
    )
    results_dir: str | None = field(
        default=None,
        metadata={
            "help": "Folder that also gets the result file, <name>.json, and the learning curve, "
            "as plots/<name>_learning_curve.png."
        },
    )

    def __post_init__(self) -> None:
        """Check our own fields, and settle what transformers would refuse.

        It does not know the schedule "step", nor bfloat16 on a machine without a GPU.
        """
        for name in ("input_masking", "ema_decay"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(
                    f"{name} must be at least 0 and below 1, not {getattr(self, name)}"
                )
        for name, least in _LEAST.items():
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, not {getattr(self, name)}")
        if self.patience is not None and self.eval_strategy == "no":
            raise ValueError("patience counts evaluations: it needs an eval_strategy")
        check_time_limit(self)
        self.step_decay = self.lr_scheduler_type == "step"
        if self.step_decay:
            self.lr_scheduler_type = "constant"
        if self.output_dir is None:
            self.output_dir = "runs/run"
        if self.bf16 and not torch.accelerator.is_available():
            self.use_cpu = True  # else transformers takes bf16 for a GPU's alone
        super().__post_init__()

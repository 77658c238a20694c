"""One run from settings to a run folder: data, model, training, figures, card."""

import string
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.data import Dataset
from transformers import (
    AutoModelForCausalLM,
    PreTrainedTokenizerBase,
    default_data_collator,
    set_seed,
)

from ..data.bigrams import Bigrams
from ..data.columns import read_vocabulary
from ..data.corpora import Corpus, load_corpus
from ..data.encoding import EncodedSplit, encode_split
from ..data.hold_out import hold_out
from ..data.local_files import data_file
from ..data.random_blocks import RandomBlockStreams
from ..data.streams import ContiguousStreams, text_marks
from ..data.windows import TokenWindows
from ..data.word_vectors import AlignedVectors
from ..errors import LmcourseError
from ..evaluation.corpus_scores import scoring_data, text_counts
from ..models.loading import check_vocabulary, load_tokenizer
from ..report.results import git_commit
from ..tokenization import DigitPatternTokenizer, train_tokenizer
from ..training.arguments import DataArguments
from ..training.bigram_counts import bigram_training
from ..training.callbacks import SampleText, StopOnSignal
from ..training.trainer import StreamTrainer
from .pretrained_vectors import begin_with_vectors, coverage_note
from .settings import RunSettings
from .training_run import (
    TrainingRun,
    check_config,
    note_command,
    run_callbacks,
    settle_run_folder,
    show_progress,
)

__all__ = ["Run", "prepare_run"]


@dataclass
class Run(TrainingRun):
    """A language model in training; see `TrainingRun` too.

    Attributes:
        corpus: the text.
        tokenizer: made from the training text, or loaded.
        splits: the encoded text by split.
        vectors: the word vectors that it began with, where a file of them was named.
    """

    corpus: Corpus
    tokenizer: PreTrainedTokenizerBase
    splits: dict[str, EncodedSplit]
    vectors: AlignedVectors | None

    def describe(self) -> str:
        """What is trained, on what, where to, for the reader of the terminal."""
        train = self.splits["train"]
        lines = [
            f"{self.model_line()} and {self.trainer.model.config.vocab_size:,} tokens on "
            f"{self.corpus.name} ({len(train.tokens):,} training tokens, {self.corpus.source})"
        ]
        if self.vectors is not None:
            lines.append(coverage_note(self.vectors, train.tokens))
        return "\n".join([*lines, f"run folder: {self.folder}"])


def prepare_run(settings: RunSettings, command: list[str]) -> Run:
    """Load the text, build the tokenizer, the model and the trainer.

    Args:
        settings: from `read_settings`; the run folder is settled and the vocabulary filled in here.
        command: the words of the command line, kept in the run folder.

    Returns:
        A run ready to train.

    Raises:
        LmcourseError: whatever is wrong with the text, the tokenizer, the settings, or the
            checkpoint to go on from. Nothing is written before all of them are right.
    """
    args = settings.training
    with args.main_process_first(desc="tokenizing"):
        corpus = _corpus(settings.data)
        tokenizer = _tokenizer(settings.data, corpus)
        splits = {
            split: encode_split(corpus, split, tokenizer, settings.data.cache_dir)
            for split in dict.fromkeys(("train", "validation", *corpus.splits))
        }
    if not tokenizer(args.sample_prompt)["input_ids"]:
        raise LmcourseError(f"sample_prompt {args.sample_prompt!r} holds no token to begin with")
    set_seed(args.seed)
    model, marks = _model(settings, tokenizer), text_marks(tokenizer)
    vectors = begin_with_vectors(settings, model, tokenizer)
    trainer_class, train = _training(settings, model, splits["train"].tokens, marks)
    validation = scoring_data(
        model,
        splits["validation"].tokens,
        args.eval_batch_size * args.world_size,
        block_length=settings.data.block_length,
        **marks,
    )
    folder = settle_run_folder(settings, model)
    note_command(args, folder, command)
    stop = StopOnSignal()
    callbacks = [SampleText(tokenizer, folder), *run_callbacks(args, stop)]
    args.metric_for_best_model, args.greater_is_better = "loss", False
    trainer = trainer_class(
        model=model,
        args=args,
        train_dataset=train,
        eval_dataset=validation,
        processing_class=tokenizer,
        data_collator=default_data_collator,  # nothing here needs padding
        callbacks=callbacks,
        eval_counts=text_counts(splits["validation"]),
    )
    show_progress(trainer)
    return Run(settings, folder, trainer, stop, git_commit(), corpus, tokenizer, splits, vectors)


def _corpus(data: DataArguments) -> Corpus:
    corpus = load_corpus(data.corpus, data.data_dir)
    return hold_out(corpus, data.hold_out or (), data.data_dir)


_TOKENIZER_SETTINGS = {
    "character": ("alphabet",),
    "word": ("max_vocabulary", "min_frequency", "lowercase"),
    "digit_pattern": ("max_vocabulary", "min_frequency"),
}
"""What can be said of a tokenizer that is made; of a saved one nothing."""


def _check_tokenizer_settings(data: DataArguments) -> None:
    """Refuse what would change nothing."""
    default = DataArguments()
    known = _TOKENIZER_SETTINGS.get(data.tokenizer, ())
    for name in ("alphabet", "max_vocabulary", "min_frequency", "lowercase"):
        if name not in known and getattr(data, name) != getattr(default, name):
            raise LmcourseError(f"{name} does not go with tokenizer {data.tokenizer!r}")


def _tokenizer(data: DataArguments, corpus: Corpus) -> PreTrainedTokenizerBase:
    _check_tokenizer_settings(data)
    if data.vocabulary is not None:
        return _tokenizer_of_file(data, data.vocabulary)
    if data.tokenizer in ("character", "word", "digit_pattern"):
        return train_tokenizer(data.tokenizer, corpus.text("train"), **_tokenizer_options(data))
    if not Path(data.tokenizer, "tokenizer.json").exists():
        raise LmcourseError(
            f'tokenizer {data.tokenizer!r} is neither "character" nor "word" nor "digit_pattern" '
            "nor a folder with a tokenizer.json"
        )
    return load_tokenizer(data.tokenizer)


def _tokenizer_options(data: DataArguments) -> dict[str, Any]:
    if data.tokenizer == "character":
        return {"alphabet": string.printable if data.alphabet == "printable" else ""}
    options = {"vocab_size": data.max_vocabulary, "min_frequency": data.min_frequency}
    return options | ({"lowercase": data.lowercase} if data.tokenizer == "word" else {})


def _tokenizer_of_file(data: DataArguments, vocabulary: str) -> PreTrainedTokenizerBase:
    if data.tokenizer != "digit_pattern":
        raise LmcourseError(
            f'vocabulary goes with tokenizer "digit_pattern", not {data.tokenizer!r}'
        )
    words = read_vocabulary(data_file(vocabulary, data.data_dir), data.max_vocabulary)
    return DigitPatternTokenizer.of_vocabulary(words)


def _model(settings: RunSettings, tokenizer: PreTrainedTokenizerBase) -> Any:
    config = settings.config
    config.vocab_size = len(tokenizer)
    config.pad_token_id = tokenizer.pad_token_id
    config.eos_token_id = tokenizer.eos_token_id
    check_config(settings)
    _check_block_length(settings)
    model = AutoModelForCausalLM.from_config(config)
    check_vocabulary(model, tokenizer)
    return model


def _check_block_length(settings: RunSettings) -> None:
    """Positions that no block reaches would never be trained; generation and scores use them."""
    longest = getattr(settings.config, "max_position_embeddings", None)
    if longest is not None and settings.data.block_length != longest:
        raise LmcourseError(
            f"block_length {settings.data.block_length} must be the model's "
            f"max_position_embeddings {longest}: a block is the whole context that it trains on"
        )


def _training(
    settings: RunSettings, model: Any, tokens: np.ndarray, marks: dict[str, int | None]
) -> tuple[type[StreamTrainer], Dataset]:
    """The Trainer and its data: bigrams, streams, or windows for a model that carries no state."""
    batches = settings.data.batches
    if settings.training.lbfgs_iterations and batches != "bigram_counts":
        raise LmcourseError("lbfgs_iterations needs the exact gradient: batches bigram_counts")
    if settings.training.lbfgs_iterations and settings.training.weight_decay:
        raise LmcourseError("L-BFGS knows no weight_decay: set it to 0, or lbfgs_iterations to 0")
    if settings.training.input_masking and batches in ("bigrams_by_hand", "bigram_counts"):
        raise LmcourseError(f"{batches} has no input_masking: take batches bigrams, or streams")
    if settings.data.random_block_length and (batches != "streams" or not model.carries_state):
        raise LmcourseError("random_block_length is for models that carry a state along streams")
    if batches != "streams":
        return bigram_training(batches, model, Bigrams(tokens, **marks))
    rows = settings.training.train_batch_size * settings.training.world_size
    length = settings.data.block_length
    options: dict[str, Any] = {
        **marks,
        "random_offset": settings.data.random_offset,
        "seed": settings.training.seed,
    }
    if model.carries_state:
        streams = RandomBlockStreams if settings.data.random_block_length else ContiguousStreams
        return StreamTrainer, streams(tokens, rows, length, **options)
    return StreamTrainer, TokenWindows(tokens, length, rows=rows, shuffle=True, **options)

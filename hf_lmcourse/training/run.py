"""One run from settings to a run folder: data, model, training, figures, card."""

import logging
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from accelerate.utils import broadcast_object_list
from torch.utils.data import Dataset
from transformers import (
    AutoModelForCausalLM,
    EarlyStoppingCallback,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PrinterCallback,
    ProgressCallback,
    default_data_collator,
    set_seed,
)

from ..data.bigrams import Bigrams
from ..data.corpora import Corpus, load_corpus
from ..data.encoding import EncodedSplit, encode_split
from ..data.streams import ContiguousStreams, line_end_token_id
from ..errors import LmcourseError
from ..evaluation.corpus import text_counts
from ..models.loading import check_vocabulary, check_weights, load_tokenizer
from ..report.results import git_commit
from ..tokenization import train_tokenizer
from .arguments import DataArguments
from .bigram_counts import bigram_training
from .callbacks import LineProgress, SampleText, StopOnSignal, WallTime
from .checkpoints import CHECKPOINTS, fresh_run_folder, last_whole_checkpoint
from .config_file import RunSettings, last_cause
from .trainer import StreamTrainer

__all__ = ["Run", "prepare_run"]

logger = logging.getLogger(__name__)


@dataclass
class Run:
    """Everything that a training run has in hand.

    Attributes:
        settings: what it was told.
        folder: the run folder; Trainer's own `output_dir` is `checkpoints` in it.
        corpus: the text.
        tokenizer: made from the training text, or loaded.
        splits: the encoded text by split.
        trainer: ready to train.
        stop: what notices a signal.
        commit: of the code as the run began.
    """

    settings: RunSettings
    folder: Path
    corpus: Corpus
    tokenizer: PreTrainedTokenizerBase
    splits: dict[str, EncodedSplit]
    trainer: StreamTrainer
    stop: StopOnSignal
    commit: str | None

    def describe(self) -> str:
        """Two lines for the reader of the terminal: what is trained, on what, where to."""
        model, train = self.trainer.model, self.splits["train"]
        parameters = sum(p.numel() for p in model.parameters())
        return (
            f"{type(model).__name__} with {parameters:,} parameters and "
            f"{model.config.vocab_size:,} tokens on {self.corpus.name} "
            f"({len(train.tokens):,} training tokens, {self.corpus.source})\n"
            f"run folder: {self.folder}"
        )

    def train(self) -> None:
        """Train from the start, or from the checkpoint that the settings name.

        Raises:
            LmcourseError: the loss became no number.
        """
        try:
            self.trainer.train(resume_from_checkpoint=self.settings.training.resume_from_checkpoint)
        finally:
            self.stop.release()

    @property
    def seconds(self) -> float:
        """Seconds of training, those before an interruption included."""
        callbacks = self.trainer.callback_handler.callbacks
        return next(c.total for c in callbacks if isinstance(c, WallTime))


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
        corpus = load_corpus(settings.data.corpus, settings.data.data_dir)
        tokenizer = _tokenizer(settings.data, corpus)
        splits = {
            split: encode_split(corpus, split, tokenizer, settings.data.cache_dir)
            for split in dict.fromkeys(("train", "validation", *corpus.splits))
        }
    if not tokenizer(args.sample_prompt)["input_ids"]:
        raise LmcourseError(f"sample_prompt {args.sample_prompt!r} holds no token to begin with")
    set_seed(args.seed)
    model = _model(settings, tokenizer)
    trainer_class, train = _training(settings, tokenizer, model, splits["train"].tokens)
    validation = _streams(
        settings, tokenizer, splits["validation"].tokens, args.eval_batch_size, False
    )
    folder = _settle_run_folder(settings, model)
    if args.process_index == 0:
        _note_command(folder, command)
    stop = StopOnSignal()
    callbacks = [SampleText(tokenizer, folder), WallTime(), stop]
    if args.patience is not None:
        callbacks.append(EarlyStoppingCallback(args.patience))
    args.metric_for_best_model, args.greater_is_better = "loss", False
    args.restore_callback_states_from_checkpoint = True
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
    trainer.remove_callback(ProgressCallback)
    trainer.remove_callback(PrinterCallback)
    if not args.disable_tqdm:
        trainer.add_callback(LineProgress)
    return Run(settings, folder, corpus, tokenizer, splits, trainer, stop, git_commit())


def _settle_run_folder(settings: RunSettings, model: PreTrainedModel) -> Path:
    """A new folder, or the old one with the checkpoint to go on from."""
    args = settings.training
    folder = Path(str(args.output_dir))
    if args.resume_from_checkpoint is None:
        if args.process_index == 0:
            folder = fresh_run_folder(folder)
        folder = Path(broadcast_object_list([str(folder)])[0])
    elif args.resume_from_checkpoint in ("last", "true", "True"):
        args.resume_from_checkpoint = str(last_whole_checkpoint(folder / CHECKPOINTS))
    elif not Path(args.resume_from_checkpoint, "trainer_state.json").exists():
        raise LmcourseError(f"{args.resume_from_checkpoint} is not a checkpoint")
    if args.resume_from_checkpoint is not None:
        check_weights(Path(args.resume_from_checkpoint), model)
    args.output_dir = str(folder / CHECKPOINTS)
    return folder


def _note_command(folder: Path, command: list[str]) -> None:
    """Keep the command; one that goes on with a run stands below the one that began it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "command.txt").open("a", encoding="utf-8") as file:
            file.write(shlex.join(command) + "\n")
    except OSError as error:
        raise LmcourseError(
            f"cannot write to the run folder {folder} ({error.strerror}): name another with "
            "--output_dir"
        ) from error


def _tokenizer(data: DataArguments, corpus: Corpus) -> PreTrainedTokenizerBase:
    if data.tokenizer in ("character", "word"):
        options: dict[str, Any] = {}
        if data.tokenizer == "word":
            options = {
                "vocab_size": data.max_vocabulary,
                "min_frequency": data.min_frequency,
                "lowercase": data.lowercase,
            }
        return train_tokenizer(data.tokenizer, corpus.text("train"), **options)
    if not Path(data.tokenizer, "tokenizer.json").exists():
        raise LmcourseError(
            f'tokenizer {data.tokenizer!r} is neither "character" nor "word" nor a folder with '
            "a tokenizer.json"
        )
    return load_tokenizer(data.tokenizer)


def _model(settings: RunSettings, tokenizer: PreTrainedTokenizerBase) -> PreTrainedModel:
    config = settings.config
    config.vocab_size = len(tokenizer)
    config.pad_token_id = tokenizer.pad_token_id
    config.eos_token_id = tokenizer.eos_token_id
    try:
        config.validate()
    except Exception as error:
        raise LmcourseError(
            f"model settings of {settings.config_file}: {last_cause(error)}"
        ) from error
    model = AutoModelForCausalLM.from_config(config)
    check_vocabulary(model, tokenizer)
    return model


def _training(
    settings: RunSettings,
    tokenizer: PreTrainedTokenizerBase,
    model: PreTrainedModel,
    tokens: np.ndarray,
) -> tuple[type[StreamTrainer], Dataset]:
    """The Trainer and its data: streams, or bigrams where the settings say so."""
    batches = settings.data.batches
    if settings.training.lbfgs_iterations and batches != "bigram_counts":
        raise LmcourseError("lbfgs_iterations needs the exact gradient: batches bigram_counts")
    if batches != "streams":
        bigrams = Bigrams(tokens, first_context=line_end_token_id(tokenizer))
        return bigram_training(batches, model, bigrams)
    streams = _streams(settings, tokenizer, tokens, settings.training.train_batch_size, True)
    return StreamTrainer, streams


def _streams(
    settings: RunSettings,
    tokenizer: PreTrainedTokenizerBase,
    tokens: np.ndarray,
    batch_size: int,
    training: bool,
) -> ContiguousStreams:
    return ContiguousStreams(
        tokens,
        num_streams=batch_size * settings.training.world_size,
        block_length=settings.data.block_length,
        first_context=line_end_token_id(tokenizer),
        random_offset=training and settings.data.random_offset,
        seed=settings.training.seed,
    )

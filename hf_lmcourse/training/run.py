"""One run from settings to a run folder: data, model, training, figures, card."""

import logging
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from accelerate.utils import broadcast_object_list
from transformers import (
    AutoModelForCausalLM,
    EarlyStoppingCallback,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PrinterCallback,
    ProgressCallback,
    set_seed,
)

from ..data.corpora import Corpus, load_corpus
from ..data.encoding import EncodedSplit, encode_split
from ..data.predicted_tokens import PredictedTokens
from ..data.streams import ContiguousStreams, line_end_token_id
from ..data.windows import TokenWindows
from ..errors import LmcourseError
from ..evaluation.corpus import scoring_data, text_counts
from ..models.causal_lm import LanguageModelForCausalLM
from ..models.loading import check_vocabulary, check_weights, load_tokenizer
from ..report.results import git_commit
from ..tokenization import train_tokenizer
from .arguments import DataArguments
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
    train = _training_data(settings, model, tokenizer, splits["train"].tokens)
    validation = scoring_data(
        model,
        splits["validation"].tokens,
        args.eval_batch_size * args.world_size,
        first_context=line_end_token_id(tokenizer),
        block_length=settings.data.block_length,
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
    trainer = StreamTrainer(
        model=model,
        args=args,
        train_dataset=train,
        eval_dataset=validation,
        processing_class=tokenizer,
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


def _model(settings: RunSettings, tokenizer: PreTrainedTokenizerBase) -> Any:
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


def _training_data(
    settings: RunSettings,
    model: LanguageModelForCausalLM,
    tokenizer: PreTrainedTokenizerBase,
    tokens: np.ndarray,
) -> PredictedTokens:
    """Streams for a model that carries its state along them, else shuffled windows."""
    rows = settings.training.train_batch_size * settings.training.world_size
    length = settings.data.block_length
    options: dict[str, Any] = {
        "first_context": line_end_token_id(tokenizer),
        "random_offset": settings.data.random_offset,
        "seed": settings.training.seed,
    }
    if model.carries_state:
        return ContiguousStreams(tokens, rows, length, **options)
    return TokenWindows(tokens, length, rows=rows, shuffle=True, **options)

"""Setup of a language model's run: data, tokenizer, model, trainer."""

import string
import sys
from collections.abc import Callable
from typing import Any

from torch.utils.data import Dataset
from tqdm.auto import tqdm
from transformers import (
    AutoModelForCausalLM,
    PreTrainedTokenizerBase,
    default_data_collator,
    set_seed,
)

from ..data.bigrams import Bigrams
from ..data.columns import read_vocabulary
from ..data.corpora import Corpus, load_corpus, user_file
from ..data.encoding import EncodedSplit, encode_split
from ..data.hold_out import hold_out
from ..data.local_files import data_file
from ..data.prompts import unknown_in_prompt
from ..data.random_blocks import RandomBlockStreams
from ..data.streams import ContiguousStreams, context_tokens, prompt_token_ids
from ..data.token_count_pass import StreamedSplit, stream_split
from ..data.training_text_record import TrainingTextRecord, text_hashes
from ..data.windows import TokenWindows
from ..errors import LmcourseError
from ..evaluation.corpus_scores import scoring_data, text_counts
from ..evaluation.token_scores import scorer_of
from ..models.carried_states import longest_context, state_argument, tokens_that_fit
from ..report.redact import redacted
from ..tokenization import DigitPatternTokenizer, train_tokenizer
from ..tokenization.pieces import whole_words
from ..training.arguments import DataArguments, RunArguments
from ..training.bigram_trainers import bigram_training
from ..training.callbacks import SampleText
from ..training.made_from import made_from
from ..training.trainer import StreamTrainer
from .language_model import LanguageModelRun
from .other_models import check_model
from .own_cell import CellRun
from .pretrained_vectors import initialise_from_vectors, vectors_hash
from .run_folder import record_command, resolve_run_folder
from .settings import RunSettings
from .setup import new_model, new_trainer, saved_tokenizer
from .streaming import cached_tokenizer, check_streaming, vocabulary_text


def prepare_language_model(settings: RunSettings, command: list[str]) -> LanguageModelRun:
    """Load the text, and build the tokenizer, the model and the trainer; see `prepare_run`."""
    args, data = settings.training, settings.data
    own = CellRun.of(settings)
    with args.main_process_first(desc="tokenizing"):
        corpus = hold_out(
            load_corpus(data.corpus, data.data_dir), data.hold_out or (), data.data_dir
        )
        check_streaming(settings, corpus)
        tokenizer = _tokenizer(data, corpus)
        splits: dict[str, Any] = {
            split: _encoder(data, split)(corpus, split, tokenizer, data.cache_dir)
            for split in dict.fromkeys(("train", "validation", *corpus.splits))
        }
    _check_prompt(args, tokenizer)
    set_seed(args.seed)
    settings.config.bos_token_id = tokenizer.bos_token_id
    settings.config.eos_token_id = tokenizer.eos_token_id
    model = new_model(settings, tokenizer, AutoModelForCausalLM)
    check_model(settings, model)
    if own is not None:
        own.check(model, args.train_batch_size)
        own.attach(model)
    if args.sample_length > 0:
        prompt = prompt_token_ids(tokenizer, args.sample_prompt)
        tokens_that_fit(model, prompt.shape[1], args.sample_length)
    _check_block_length(settings, model)
    special = context_tokens(tokenizer)
    vectors = initialise_from_vectors(settings, model, tokenizer)
    trainer_class, train = _training(settings, model, splits["train"].tokens, special)
    validation = scoring_data(
        scorer_of(model),
        splits["validation"].tokens,
        args.eval_batch_size * args.world_size,
        block_length=data.block_length,
        **special,
    )
    origin = made_from(args, model, tokenizer, train, validation) | vectors_hash(vectors)
    origin |= own.made_from if own is not None else {}
    folder = resolve_run_folder(settings, model, origin)
    record_command(args, folder, command)
    args.metric_for_best_model, args.greater_is_better = "loss", False
    trainer = new_trainer(
        trainer_class,
        args,
        origin,
        [SampleText(tokenizer, folder)],
        model=model,
        train_dataset=train,
        eval_dataset=validation,
        processing_class=tokenizer,
        data_collator=default_data_collator,  # nothing here needs padding
        eval_counts=text_counts(splits["validation"]),
    )
    return LanguageModelRun(
        settings,
        folder,
        trainer,
        tokenizer,
        corpus,
        splits,
        vectors,
        _trained_on(data, corpus, splits["train"]),
        own,
    )


def _encoder(data: DataArguments, split: str) -> Callable[..., EncodedSplit | StreamedSplit]:
    return stream_split if data.streaming and split == "train" else encode_split


def _trained_on(data: DataArguments, corpus: Corpus, train: Any) -> TrainingTextRecord:
    """Record the text before the training, after which it may be gone."""
    if data.streaming:
        return TrainingTextRecord(redacted(data.corpus), (), train.tokens.counts.text_sha256)
    cut_from_a_file = user_file(data.corpus) is not None and not data.hold_out
    splits = ("train", "validation") if cut_from_a_file else ("train",)
    held_out = tuple(redacted(name) for name in data.hold_out or ())
    hashes = text_hashes(*map(corpus.pieces, splits))
    return TrainingTextRecord(redacted(data.corpus), held_out, *hashes)


def _check_prompt(args: RunArguments, tokenizer: PreTrainedTokenizerBase) -> None:
    unknown = unknown_in_prompt(tokenizer, args.sample_prompt, "sample_prompt")
    if unknown is not None and args.process_index == 0:
        tqdm.write(f"note: {unknown}", file=sys.stderr)
    if not tokenizer(args.sample_prompt)["input_ids"]:
        raise LmcourseError(f"sample_prompt {args.sample_prompt!r} holds no token to begin with")


_TOKENIZER_SETTINGS = {
    "character": ("alphabet",),
    "word": ("max_vocabulary", "min_frequency", "lowercase"),
    "digit_pattern": ("max_vocabulary", "min_frequency"),
}
"""The settings of each tokenizer that is trained; a saved one has none."""


def _tokenizer(data: DataArguments, corpus: Corpus) -> PreTrainedTokenizerBase:
    default, known = DataArguments(), _TOKENIZER_SETTINGS.get(data.tokenizer, ())
    for name in ("alphabet", "max_vocabulary", "min_frequency", "lowercase"):
        if name not in known and getattr(data, name) != getattr(default, name):
            raise LmcourseError(f"{name} does not go with tokenizer {data.tokenizer!r}")
    if data.vocabulary is not None:
        return _tokenizer_of_file(data, data.vocabulary)
    if data.tokenizer in _TOKENIZER_SETTINGS:
        options = _tokenizer_options(data)

        def train() -> PreTrainedTokenizerBase:
            pieces = vocabulary_text(data, corpus)
            if data.tokenizer != "character":
                pieces = whole_words(pieces)
            return train_tokenizer(data.tokenizer, pieces, **options)

        return cached_tokenizer(data, corpus, options, train) if data.streaming else train()
    return saved_tokenizer(data.tokenizer, list(_TOKENIZER_SETTINGS))


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


def _check_block_length(settings: RunSettings, model: Any) -> None:
    """Refuse blocks that a model cannot read, and positions of ours that no block reaches.

    These would never be trained, but are used later.
    """
    longest, length = longest_context(settings.config), settings.data.block_length
    if longest is not None and length > longest:
        raise LmcourseError(
            f"block_length {length} is longer than what the model reads, at most {longest} tokens"
        )
    if longest is not None and length < longest and hasattr(model, "carries_state"):
        raise LmcourseError(
            f"block_length {length} must be the model's "
            f"max_position_embeddings {longest}: a block is the whole context that it trains on"
        )


def _training(
    settings: RunSettings, model: Any, tokens: Any, special: dict[str, int | None]
) -> tuple[type[StreamTrainer], Dataset]:
    """Choose the Trainer and its data: bigrams, streams, or windows for a model without state."""
    batches = settings.data.batches
    if settings.training.lbfgs_iterations and batches != "bigram_counts":
        raise LmcourseError("lbfgs_iterations needs the exact gradient: batches bigram_counts")
    if settings.training.lbfgs_iterations and settings.training.weight_decay:
        raise LmcourseError("L-BFGS knows no weight_decay: set it to 0, or lbfgs_iterations to 0")
    if settings.training.input_masking and batches in ("bigrams_by_hand", "bigram_counts"):
        raise LmcourseError(f"{batches} has no input_masking: take batches bigrams, or streams")
    carries_state = state_argument(model) is not None
    if settings.data.random_block_length and (batches != "streams" or not carries_state):
        raise LmcourseError("random_block_length is for models that carry a state along streams")
    if settings.data.streaming and not carries_state:
        raise LmcourseError(
            f"streaming is for models that carry a state along streams: "
            f"{settings.config.model_type} reads windows of the text in random order"
        )
    if batches != "streams":
        return bigram_training(batches, model, Bigrams(tokens, **special))
    rows = settings.training.train_batch_size * settings.training.world_size
    length = settings.data.block_length
    options: dict[str, Any] = {
        **special,
        "random_offset": settings.data.random_offset,
        "seed": settings.training.seed,
    }
    if carries_state:
        streams = RandomBlockStreams if settings.data.random_block_length else ContiguousStreams
        return StreamTrainer, streams(tokens, rows, length, **options)
    return StreamTrainer, TokenWindows(tokens, length, rows=rows, shuffle=True, **options)

"""Score any causal language model on any text, token by token."""

import hashlib
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DataLoader
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ..data.encoding import plain_backend
from ..data.streams import context_tokens, line_end_token_id
from ..errors import LmcourseError
from ..evaluation.corpus_scores import StreamTotals, corpus_metrics
from ..evaluation.spelling import with_unknown_spelled
from ..evaluation.token_scores import TokenScorer, score_batches, scorer_of
from ..kernels.softmax_loss import IGNORED
from ..models.causal_lm import LanguageModelForCausalLM
from .contexts import Context, context_of, text_batches
from .texts import Text
from .training_text import HashedTrainingText, Overlap, TrainingText


@dataclass(frozen=True)
class EncodedText:
    """A text as the tokens of one tokenizer.

    Attributes:
        ids: Token ids.
        spans: Start and end of each token in the text, in characters; the end is exclusive.
        pieces: The tokens as the vocabulary spells them.
        unknown: Which tokens are the unknown token.
        lossless: No token is unknown, and decoding the tokens restores the text exactly.

    Shape:
        ids, unknown: (tokens,).
    """

    ids: NDArray[np.int64]
    spans: list[tuple[int, int]]
    pieces: list[str]
    unknown: NDArray[np.bool_]
    lossless: bool


@dataclass(frozen=True)
class TextScore:
    """Score of a model on a text.

    Attributes:
        model: Name of the model in the comparison.
        model_type: As in its config.
        parameters: Number of parameters; shared ones count once.
        vocabulary: Size of the vocabulary.
        vocabulary_key: Hash of the vocabulary.
        text: The text.
        encoded: Its tokens.
        start: The token that the first one is predicted from; `None` if it is not predicted.
        context: Context of the predictions.
        temperature: Temperature of the logits.
        nats: Negative log-likelihood of each token; 0 for a token that is only context.
        predicted: Which of these were predicted.
        hits: How many of them were the most likely token.
        overlap: Overlap with the training text, if that is known.
        metrics: Those of `corpus_metrics`, `unknown_share` among the predicted tokens, and, if the
            unknown words can be spelled, `bits_per_character_spelled`.

    Shape:
        nats, predicted: (tokens,), or (tokens - 1,) if the first is not predicted.
    """

    model: str
    model_type: str
    parameters: int
    vocabulary: int
    vocabulary_key: str
    text: Text
    encoded: EncodedText
    start: str | None
    context: Context
    temperature: float
    nats: NDArray[np.float64]
    predicted: NDArray[np.bool_]
    hits: int
    overlap: Overlap | None
    metrics: dict[str, float]

    @property
    def first_scored(self) -> int:
        """Index of the first token that was predicted."""
        return len(self.encoded.ids) - len(self.nats)

    @property
    def asterisk(self) -> str:
        """What follows values per character, byte or word: an asterisk if the tokens lose some."""
        return "" if self.encoded.lossless else "*"

    @property
    def unknown(self) -> NDArray[np.bool_]:
        """Which of the predicted tokens are the unknown token. Shape: (predicted tokens,)."""
        return self.encoded.unknown[self.first_scored :][self.predicted]


def encode_text(text: str, tokenizer: PreTrainedTokenizerBase) -> EncodedText:
    """Tokenize a text, without special tokens, padding or truncation."""
    encoding = plain_backend(tokenizer).encode(text, add_special_tokens=False)
    ids = np.asarray(encoding.ids, np.int64)
    unknown = np.zeros(len(ids), bool)
    if tokenizer.unk_token_id is not None:
        unknown = ids == tokenizer.unk_token_id
    decoded = tokenizer.decode(encoding.ids, clean_up_tokenization_spaces=False)
    lossless = not unknown.any() and decoded == text
    return EncodedText(ids, list(encoding.offsets), list(encoding.tokens), unknown, lossless)


def start_token_id(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> int | None:
    """Return the id of the token that the first one of a text is predicted from.

    A model of the package starts after a line end, as in its training. Any other model starts with
    its BOS token, else with its EOS token, else with a line break.

    Returns:
        `None` if the tokenizer has none of them: then the first token is only context.
    """
    if not isinstance(model, LanguageModelForCausalLM):
        if tokenizer.bos_token_id is not None:
            return tokenizer.bos_token_id
        if tokenizer.eos_token_id is None:
            line_break = tokenizer("\n", add_special_tokens=False)["input_ids"]
            known = len(line_break) == 1 and line_break[0] != tokenizer.unk_token_id
            return line_break[0] if known else None
    return line_end_token_id(tokenizer)


def score_text(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    text: Text,
    name: str,
    *,
    block_length: int | None = None,
    stride: int | None = None,
    temperature: float = 1.0,
    training_text: TrainingText | HashedTrainingText | None = None,
) -> TextScore:
    """Score every token of a text once, given the text before it.

    Args:
        model: Any causal language model, in evaluation mode.
        tokenizer: Its tokenizer.
        text: The text.
        name: Name of the model.
        block_length: Tokens of a window; the model's longest context by default.
        stride: Tokens that a window scores; half of it by default.
        temperature: The logits are divided by it.
        training_text: Text that the model was trained on, to look up the text in.

    Raises:
        LmcourseError: No token to predict, sizes that do not fit, or losses that are not finite.
    """
    encoded = encode_text(text.content, tokenizer)
    start = start_token_id(model, tokenizer)
    if len(encoded.ids) < 1 + (start is None):
        raise LmcourseError(f"{text.name} has no token that {name} could predict")
    scorer = scorer_of(model, temperature)
    context = context_of(scorer, len(encoded.ids) - (start is None), block_length, stride)
    bos = None
    if isinstance(model, LanguageModelForCausalLM):
        bos = context_tokens(tokenizer)["context_only"]
    losses, hits = _score(scorer, text_batches(scorer, encoded.ids, start, context, bos))
    if not np.isfinite(losses).all():
        raise LmcourseError(f"{name} gives {text.name} probabilities that are 0 or not finite")
    predicted = encoded.ids[int(start is None) :] != (IGNORED if bos is None else bos)
    nats = np.zeros(len(predicted))
    nats[predicted] = losses
    scored = text.content[encoded.spans[0][1] if start is None else 0 :]
    unknown = encoded.unknown[int(start is None) :][predicted]
    metrics = _metrics(losses, hits, scored) | {"unknown_share": float(unknown.mean())}
    bits = metrics["bits_per_character"]
    entries = repr(sorted(tokenizer.get_vocab()))
    return TextScore(
        model=name,
        model_type=model.config.model_type,
        parameters=sum(p.numel() for p in model.parameters()),
        vocabulary=model.config.vocab_size,
        vocabulary_key=hashlib.sha256(entries.encode()).hexdigest()[:16],
        text=text,
        encoded=encoded,
        start=None if start is None else str(tokenizer.convert_ids_to_tokens(start)),
        context=context,
        temperature=temperature,
        nats=nats,
        predicted=predicted,
        hits=hits,
        overlap=None if training_text is None else training_text.overlap(text.content),
        metrics=metrics
        | with_unknown_spelled(bits, scored, len(scored), tokenizer, int(unknown.sum())),
    )


def _score(scorer: TokenScorer, batches: DataLoader) -> tuple[NDArray[np.float64], int]:
    """Return the loss of each predicted token in order, and the number of hits."""
    parts, hits = [], 0
    for losses, correct, targets in score_batches(scorer, batches):
        scored = targets != IGNORED
        parts.append(losses[scored].cpu().numpy())
        hits += int(correct[scored].sum())
    return np.concatenate(parts), hits


def _metrics(nats: NDArray[np.float64], hits: int, text: str) -> dict[str, float]:
    return corpus_metrics(
        [StreamTotals(math.fsum(nats), hits, len(nats))],
        characters=len(text),
        num_bytes=len(text.encode()),
        words=len(text.split()) + text.count("\n"),
    )
